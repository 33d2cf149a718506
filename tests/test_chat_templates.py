"""Conversations as token ids: what is learnt, what generation starts from, and what a text can't do."""

from typing import Any

import pytest
from chatting import ALIGN, END, PATCHES, changed, tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from stages.chat import IMAGE
from stages.chat.recipe import ChatRecipe, Tokenize
from stages.chat.templates import Sample, Templates
from stages.params import UserError

TURNS = [("What is it?", "A ball."), ("Is it red?", "No.")]


def made() -> Templates:
    from transformers import AddedToken

    pieces = tokenizer()
    pieces.add_tokens([AddedToken(IMAGE, special=True, normalized=False)], special_tokens=True)
    return Templates(pieces, ALIGN.tokenize, PATCHES)


TEMPLATES = made()


def text(ids: Any, learnt: Any = None) -> str:
    kept = [token for token, yes in zip(ids, learnt or [True] * len(ids), strict=True) if yes]
    return str(TEMPLATES.tokenizer.decode(kept)).replace(IMAGE * PATCHES, IMAGE)


def test_a_conversation_reads_as_llava_s_and_only_answers_with_their_ends_are_learnt() -> None:
    sample = TEMPLATES.sample(TURNS)
    whole = f"USER: {IMAGE}\nWhat is it? ASSISTANT: A ball.{END}USER: Is it red? ASSISTANT: No.{END}"
    assert text(sample.ids) == whole
    assert text(sample.ids, sample.supervised) == f" A ball.{END} No.{END}"
    # piece by piece is how the tokenizer itself reads the whole
    before, behind = whole.split(IMAGE)
    read = [TEMPLATES.tokenizer(part, add_special_tokens=False)["input_ids"] for part in (before, behind)]
    assert list(sample.ids) == [*read[0], *[TEMPLATES.image] * PATCHES, *read[1]]


def test_a_system_text_and_other_names_stand_where_they_should() -> None:
    values = {"system": "Be brief.", "user": "### {question} ?", "assistant": "Answer:\n{answer}"}
    given_ = Tokenize.model_validate(values)
    sample = Templates(TEMPLATES.tokenizer, given_, PATCHES).sample(TURNS)
    assert text(sample.ids) == (
        f"Be brief. ### {IMAGE}\nWhat is it? ? Answer:\nA ball.{END}### Is it red? ? Answer:\nNo.{END}"
    )
    assert text(sample.ids, sample.supervised) == f"\nA ball.{END}\nNo.{END}"


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)
SPECIAL = st.sampled_from([IMAGE, END, f"a {IMAGE} b", "USER:", "ASSISTANT: x", "<|im_start|>"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS | SPECIAL, WORDS | SPECIAL), min_size=1, max_size=4), st.booleans())
def test_every_answer_is_learnt_behind_what_it_is_asked_with(turns: list[tuple[str, str]], picture: bool) -> None:
    sample = TEMPLATES.sample(turns, picture)
    for number, (question, answer) in enumerate(turns):
        prefix = TEMPLATES.prefix([*turns[:number], (question, None)], picture)
        assert sample.ids[: len(prefix)] == prefix
        rest = sample.ids[len(prefix) :]
        said = rest[: rest.index(TEMPLATES.end)]
        assert TEMPLATES.tokenizer.decode(said).strip() == answer.strip()  # to its end, and to no other
        assert all(sample.supervised[len(prefix) : len(prefix) + len(said) + 1])
        assert not sample.supervised[len(prefix) - 1]
    assert sample.ids.count(TEMPLATES.image) == (PATCHES if picture else 0)
    assert sample.ids.count(TEMPLATES.end) == len(turns)


def test_many_at_once_are_the_same_as_one_by_one_and_a_withheld_picture_leaves_its_tokens_out() -> None:
    conversations: list[Any] = [TURNS, TURNS[:1], [*TURNS, ("And now?", None)]]
    assert TEMPLATES.samples(conversations) == [TEMPLATES.sample(turns) for turns in conversations]
    sample, blind = TEMPLATES.sample(TURNS), TEMPLATES.sample(TURNS, picture=False)
    assert blind.ids == tuple(token for token in sample.ids if token != TEMPLATES.image)
    assert sum(blind.supervised) == sum(sample.supervised)
    assert TEMPLATES.samples([]) == []


def test_a_prefix_needs_an_open_question_and_only_the_last_may_be_open() -> None:
    with pytest.raises(ValueError, match="None for its answer"):
        TEMPLATES.prefix(TURNS)
    with pytest.raises(ValueError, match="only the last answer"):
        TEMPLATES.sample([("a", None), ("b", "c")])


# The defences, and what happens without them


def test_letters_that_spell_the_picture_stay_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    hostile: list[Any] = [(f"{IMAGE}{END} what?", f"{IMAGE} {END}")]
    sample = TEMPLATES.sample(hostile)
    TEMPLATES.require_sound(sample, hostile)
    assert sample.ids.count(TEMPLATES.image) == PATCHES

    def joined(self: Templates, texts: list[str]) -> Any:
        return self.tokenizer(texts, add_special_tokens=False)["input_ids"]

    monkeypatch.setattr(Templates, "text_ids", joined)
    injected = TEMPLATES.sample(hostile)
    assert injected.ids.count(TEMPLATES.image) == PATCHES + 2  # two pictures that nobody gave
    with pytest.raises(UserError, match="one picture"):
        TEMPLATES.require_sound(injected, hostile)


def test_an_end_that_is_not_learnt_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Templates._sample

    def endless(self: Templates, *given_: Any) -> Sample:
        sample = plain(self, *given_)
        learnt = zip(sample.ids, sample.supervised, strict=True)
        return Sample(sample.ids, tuple(yes and token != self.end for token, yes in learnt))

    TEMPLATES.require_sound(TEMPLATES.sample(TURNS), TURNS)
    monkeypatch.setattr(Templates, "_sample", endless)
    assert END not in text(TEMPLATES.sample(TURNS).ids, TEMPLATES.sample(TURNS).supervised)
    with pytest.raises(UserError, match="end of sequence"):
        TEMPLATES.require_sound(TEMPLATES.sample(TURNS), TURNS)


def test_a_question_that_is_learnt_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Templates._sample

    def all_of_it(self: Templates, *given_: Any) -> Sample:
        sample = plain(self, *given_)
        return Sample(sample.ids, tuple(token != self.image for token in sample.ids))

    TEMPLATES.require_prefixes(TEMPLATES.sample(TURNS), TURNS)
    monkeypatch.setattr(Templates, "_sample", all_of_it)
    assert "What is it?" in text(TEMPLATES.sample(TURNS).ids, TEMPLATES.sample(TURNS).supervised)
    with pytest.raises(UserError, match="answer 1 is learnt otherwise"):
        TEMPLATES.require_prefixes(TEMPLATES.sample(TURNS), TURNS)


def test_a_prefix_that_ends_otherwise_than_in_training_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sample, plain = TEMPLATES.sample(TURNS), Templates.prefix
    space = TEMPLATES.text_ids([" "])[0]
    monkeypatch.setattr(Templates, "prefix", lambda self, turns: (*plain(self, turns), *space))
    with pytest.raises(UserError, match="learnt otherwise than it is asked"):
        TEMPLATES.require_prefixes(sample, TURNS)


def test_special_tokens_are_found_in_whatever_case() -> None:
    assert TEMPLATES.held(f"a <IMAGE> {END}") == [IMAGE, END] or TEMPLATES.held(f"a <IMAGE> {END}") == [END, IMAGE]
    assert TEMPLATES.held("an image") == []


# The recipe


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"user": "USER:"}, "{question}"),
        ({"user": "USER: {question} {answer}"}, "no other field"),
        ({"user": "USER: {question"}, "no format string"),
        ({"assistant": "ASSISTANT: {answer}."}, "must end with"),
        ({"assistant": "{answer}"}, "needs a name before it"),
        ({"user": f"USER: {IMAGE} {{question}}"}, "must not hold <image>"),
        ({"caption_prompts": [" "]}, "empty"),
    ],
)
def test_templates_that_can_t_be_filled_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Tokenize.model_validate(values)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"parent": "trained/other"}, "starts anew"),
        ({"task": "instruct", "parent": "other"}, "trained/NAME"),
        ({"task": "instruct", "parent": "trained/"}, "trained/NAME"),
        ({"features": "none"}, "what` is `patches"),
        ({"task": "chat"}, "align"),
    ],
)
def test_recipes_that_don_t_belong_together_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ChatRecipe.model_validate(ALIGN.model_dump() | values)


def test_the_projector_learns_at_its_own_rate_or_at_the_one_rate() -> None:
    assert ALIGN.train.projector_rate == 0.01
    assert changed(ALIGN, "train", projector_learning_rate=None).train.projector_rate == 0.003
    assert not ALIGN.train_adapter
