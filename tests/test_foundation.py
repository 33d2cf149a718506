"""The base: its drawings, its questions, its tokens; what it must never see; that it learns and resumes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.foundation.paligemma2 import train as training
from stages.foundation.paligemma2.architecture import IMAGE_TOKENS, make_processor, make_tokenizer
from stages.foundation.paligemma2.drawing import HEIGHT, MARKS, WIDTH, Line, draw
from stages.foundation.paligemma2.questions import LONGEST, MARKED_BY, ask, draw_word, every_text
from stages.foundation.paligemma2.schedule import FONT_FAMILIES, FONT_SOURCES
from stages.foundation.paligemma2.train import Encoder, Schedule, draw_batch, longest_at
from stages.foundation.paligemma2.typefaces import FontError, find_typefaces, missing_letters
from stages.foundation.paligemma2.withheld import TEST_FONT_FAMILIES, TEST_SHARE, is_test_family, is_test_word

FACES = [face.path for face in find_typefaces(["DejaVu Sans", "cmr10"], ["matplotlib"])["DejaVu Sans"]]


@given(st.integers(0, 10**6), st.integers(3, 20))
@settings(max_examples=60, deadline=None)
def test_a_drawn_word_is_never_a_test_word(seed: int, length: int) -> None:
    word = draw_word(np.random.default_rng(seed), length, length)
    assert len(word) == length
    assert word.isascii()
    assert word.isalpha()
    assert not is_test_word(word)


def test_without_the_rule_test_words_would_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stages.foundation.paligemma2.questions.is_test_word", lambda _: False)
    words = [draw_word(np.random.default_rng(seed), 5, 5) for seed in range(100)]
    assert any(is_test_word(word) for word in words)


@given(st.text(alphabet=st.sampled_from("abcXYZ"), min_size=1, max_size=8))
def test_a_word_s_side_ignores_its_case(word: str) -> None:
    assert is_test_word(word) == is_test_word(word.upper()) == is_test_word(word.lower())


def test_about_a_fifth_of_all_words_is_kept_for_testing() -> None:
    share = np.mean([is_test_word(f"word{i}") for i in range(4000)])
    assert abs(share - TEST_SHARE) < 0.03


def test_no_test_family_is_in_the_base_s_fonts() -> None:
    assert not any(is_test_family(family) for family in FONT_FAMILIES)
    assert not any(is_test_family(family) for family in find_typefaces(FONT_FAMILIES, FONT_SOURCES))
    assert all(is_test_family(family.upper()) for family in TEST_FONT_FAMILIES)


def test_no_question_speaks_of_a_circle() -> None:
    words = " ".join([*every_text(), *MARKS, *MARKED_BY.values()]).lower()
    assert not [ring for ring in ("circle", "oval", "ellipse", "ring ", "round", "box") if ring in words]


@pytest.mark.parametrize("mark", [None, *MARKS])
def test_a_strip_has_ink_where_its_letters_are(mark: str | None) -> None:
    strip, spans = draw(Line("Plumb", FACES[0], mark, 2, "red"), np.random.default_rng(4))
    assert strip.shape == (HEIGHT, WIDTH, 3)
    assert len(spans) == 5
    assert (np.diff(spans.mean(axis=1)) > 0).all()
    for start, end in spans:
        assert 0 <= start < end <= WIDTH + 1
        assert strip[:, int(start) : int(end) + 1].min() < 160


def test_places_name_the_letter_that_stands_there() -> None:
    drawn = draw_batch(Schedule(((100, 0.1),), 16, 1, 0.0, 3, 1), step=99, rank=0, faces=FACES)
    for question, letters, marks in zip(drawn.questions, drawn.letters, drawn.marks, strict=True):
        found = "".join(training.LETTERS[i] for i in letters if i < len(training.LETTERS))
        assert set(found) <= set(question.line.word)
        if question.line.mark:
            assert set(marks) <= {0, 1 + MARKS.index(question.line.mark)}
        else:
            assert not marks.any()


def test_ranks_and_steps_draw_different_material_and_the_same_again() -> None:
    schedule = Schedule(((100, 0.1),), 8, 1, 0.0, 3, 2)
    first, again, other = (draw_batch(schedule, 5, rank, FACES) for rank in (0, 0, 1))
    np.testing.assert_array_equal(first.strips, again.strips)
    assert [q.line.word for q in first.questions] != [q.line.word for q in other.questions]
    assert longest_at(0) < longest_at(10**4) == LONGEST


def test_each_cycle_warms_up_and_falls_to_nothing() -> None:
    schedule = Schedule(((10, 0.1), (20, 0.05)), 8, 2, 0.0, 3, 2)
    rates = [schedule.learning_rate(step) for step in range(31)]
    assert schedule.steps == 30
    assert max(rates[:10]) > 0.09
    assert rates[9] < 0.01 < rates[10] <= 0.05
    assert 0.04 < max(rates[10:]) <= 0.05
    assert rates[29] < 0.001
    assert rates[30] == 0


def test_the_quick_encoder_writes_the_processor_s_tokens() -> None:
    processor = make_processor(make_tokenizer(every_text()))
    encoder = Encoder(processor.tokenizer, IMAGE_TOKENS)
    rng = np.random.default_rng(0)
    for _ in range(60):
        question = ask(rng, FACES, LONGEST)
        blank = np.full((8, 8, 3), 255, np.uint8)
        theirs = processor(images=blank, text=f"<image>{question.prompt}", suffix=question.suffix)
        prefix, suffix = encoder(question)
        assert prefix + suffix == list(theirs["input_ids"][0])
        assert len(suffix) == sum(theirs["token_type_ids"][0])


def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    start = tmp_path / "start"
    make_processor(make_tokenizer(every_text())).save_pretrained(start)
    monkeypatch.setattr(training, "CHECKPOINT_EVERY", 2)
    schedule = Schedule(((4, 1e-3),), batch=4, warmup_steps=1, weight_decay=0.0, seed=1, processes=1)

    def work(scratch: Path) -> dict[str, torch.Tensor]:
        scratch.mkdir(exist_ok=True)
        meet = scratch / "meet"
        meet.unlink(missing_ok=True)
        training._work(0, schedule, start, FACES, scratch, meet)
        return dict(torch.load(scratch / "model.pt", weights_only=True))

    whole = work(tmp_path / "whole")
    save, saved = training._save, []

    def stop(*arguments: object) -> None:
        save(*arguments)  # type: ignore[arg-type]
        saved.append(arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_save", stop)
    with pytest.raises(KeyboardInterrupt):
        work(tmp_path / "cut")
    torch.distributed.destroy_process_group()
    monkeypatch.setattr(training, "_save", save)
    resumed = work(tmp_path / "cut")
    assert saved
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_a_font_without_letters_is_refused() -> None:
    with pytest.raises(FontError, match="cannot draw every"):
        find_typefaces(["STIXSizeOneSym"], ["matplotlib"])
    with pytest.raises(FontError, match=r"'No Such Sans' is not in matplotlib; families there: .*DejaVu Sans"):
        find_typefaces(["No Such Sans"], ["matplotlib"])
    with pytest.raises(FontError, match="pip install no-such-fonts"):
        find_typefaces(["DejaVu Sans"], ["no_such_fonts"])


def test_a_font_that_draws_a_placeholder_is_refused() -> None:
    path = next(Path(FACES[0]).parent.glob("LastResort*.ttf"))  # draws every code point as a placeholder
    assert len(missing_letters(path)) == 52
