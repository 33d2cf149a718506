"""The one place where a description becomes a conversation: training and inference both read from it.

The marks around turns are the tokenizer's own chat template (`apply_chat_template`), rendered with a stand-in where
the words go. What the template wrote is tokenized with its control tokens; the words, always, as plain text: a
description that spells "<end_of_turn>" gets letters, never a turn. There is no system turn: Gemma's template has none.

How an answer ends: the model writes the name and then the end of its turn, which is what Gemma's chat template puts
there and what chat programs stop at. A model's `generation_config.json` may name <eos> alone, or both. So both are
learned, in this order, and a model stops under either rule.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from stages.naming.recipe import Tokenize
from stages.params import UserError

Ids = tuple[int, ...]
WORDS, ANSWER = "\u2402words\u2403", "\u2402answer\u2403"  # stand-ins; no template's text holds such signs


@dataclass(frozen=True)
class Turn:
    """What surrounds words in one turn: control tokens, plain text that stands in one piece with the words, and again.

    Gemma's user turn: (<bos>, <start_of_turn>), "user\\n", words, "", (<end_of_turn>, ...).
    """

    before: Ids
    head: str
    tail: str
    after: Ids


class Templates:
    """Prompts and answers of one recipe as token ids; UserError for a tokenizer that has no template for that."""

    def __init__(self, tokenizer: Any, template: Tokenize) -> None:
        self.tokenizer, self.template = tokenizer, template
        self.control = control_tokens(tokenizer)
        self._marks = {number: token for token, number in self.control.items() if number != tokenizer.unk_token_id}
        spelled = self.held(template.prompt + template.answer)
        if spelled:
            raise UserError(
                f"`tokenize.prompt` or `tokenize.answer` holds {', '.join(spelled)}, a control token of the base's "
                "tokenizer: write the words alone; the chat template puts the marks around them."
            )
        self.end_of_turn, self.stop_ids = end_of_turn(tokenizer), stop_ids(tokenizer)
        asked, answered = rendered(tokenizer, WORDS), rendered(tokenizer, WORDS, ANSWER)
        if not answered.startswith(asked):
            raise UserError(
                "the tokenizer's chat template writes a prompt otherwise than the same turn with its answer "
                f"({asked!r}, {answered!r}): training and inference would differ. Take a base whose template agrees."
            )
        self._asked = self._turn(asked, WORDS)
        self._answer_head = self._turn(answered, ANSWER).head
        self._head_ids = self.plain([self._answer_head])[0] if self._answer_head else ()
        if self._asked.after[len(self._asked.after) - len(self._head_ids) :] != self._head_ids:
            raise UserError("the tokenizer joins the template's last text before an answer with what stands before it.")

    def user(self, description: str) -> str:
        """The user's turn in words."""
        return self.template.prompt.format(description=description.strip()).strip()

    def answer(self, name: str) -> str:
        """The model's turn in words."""
        return self.template.answer.format(name=name.strip()).strip()

    def held(self, text: str) -> list[str]:
        """The control tokens that `text` spells out."""
        return [token for token in self.control if token in text]

    def controlling(self, ids: Iterable[int]) -> list[str]:
        """The control tokens among the ids of plain text: there must be none. <unk> is no mark of the template's."""
        return sorted(self._marks[number] for number in self._marks.keys() & set(ids))

    def prompt_ids(self, description: str) -> list[int]:
        """From the first token to where the model's turn begins: what generation starts from."""
        return list(self.prompts([description])[0])

    def row_ids(self, description: str, name: str) -> tuple[Ids, Ids]:
        """(prompt, answer) of a training row. The answer is the name, the end of the turn and the end of sequence."""
        return self.prompts([description])[0], self.answers([name])[0]

    def prompts(self, descriptions: Sequence[str]) -> list[Ids]:
        """`prompt_ids` of many, in one call of the tokenizer."""
        turn = self._asked
        texts = [f"{turn.head}{self.user(description)}{turn.tail}" for description in descriptions]
        return [(*turn.before, *ids, *turn.after) for ids in self.plain(texts)]

    def answers(self, names: Sequence[str]) -> list[Ids]:
        """The supervised ids of many; UserError when a name's first letters join the template's last token."""
        end = dict.fromkeys((self.end_of_turn, self.tokenizer.eos_token_id))
        return [(*ids, *end) for ids in self.names(names)]

    def names(self, names: Sequence[str]) -> list[Ids]:
        """The ids of names as the model's turn, without its end."""
        length, found = len(self._head_ids), []
        for name, ids in zip(names, self.plain([self._answer_head + self.answer(one) for one in names]), strict=True):
            if ids[:length] != self._head_ids:
                raise UserError(
                    f"the tokenizer joins the start of {self.answer(name)!r} with the end of the prompt: what is "
                    "trained on would not be what generation starts from. Begin `tokenize.answer` with a mark."
                )
            found.append(ids[length:])
        return found

    def candidates(self, names: Sequence[str]) -> list[list[int]]:
        """Names to be compared by likelihood: the name and the end of its turn, so that none begins another."""
        return [[*ids, self.end_of_turn] for ids in self.names(names)]

    def plain(self, texts: Sequence[str]) -> list[Ids]:
        """Ids of texts in which nothing is a control token, whatever is spelled."""
        if not texts:
            return []  # the tokenizer fails on an empty batch
        made = self.tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True, verbose=False)
        return [tuple(ids) for ids in made["input_ids"]]

    def words_of(self, prompt: Ids) -> Ids:
        """The part of a prompt's ids that stands in one piece with the description."""
        return prompt[len(self._asked.before) : len(prompt) - len(self._asked.after)]

    def theirs(self, pairs: Sequence[tuple[str, str]]) -> list[tuple[Ids, Ids]]:
        """(prompt, whole conversation) of (description, name) pairs, as `apply_chat_template` itself makes them."""
        asked = [[_said("user", self.user(description))] for description, _ in pairs]
        told = [[*turn, _said("assistant", self.answer(name))] for turn, (_, name) in zip(asked, pairs, strict=True)]
        made = [
            self.tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=open_, return_dict=True)
            for turns, open_ in ((asked, True), (told, False))
        ]
        return [(tuple(a), tuple(b)) for a, b in zip(*(one["input_ids"] for one in made), strict=True)]

    def _turn(self, text: str, words: str) -> Turn:
        """Where `words` stand in what the template rendered."""
        before, _, after = text.partition(words)
        start = max((before.rfind(token) + len(token) for token in self.control if token in before), default=0)
        end = min((after.find(token) for token in self.control if token in after), default=len(after))
        return Turn(self._controlled(before[:start]), before[start:], after[:end], self._controlled(after[end:]))

    def _controlled(self, text: str) -> Ids:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else ()


def rendered(tokenizer: Any, words: str, answer: str | None = None) -> str:
    """The conversation as the tokenizer's own chat template writes it; without `answer`, up to where one begins."""
    from jinja2 import TemplateError

    turns = [_said("user", words)] + ([] if answer is None else [_said("assistant", answer)])
    if not tokenizer.chat_template:
        raise UserError(
            "the base's tokenizer has no chat template: take an instruction-tuned base (gemma-2b-it, not gemma-2b), "
            "or put its chat_template.jinja beside the tokenizer."
        )
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=answer is None)
    except TemplateError as error:
        raise UserError(f"the base's chat template refuses a user's turn and an answer: {error}.") from error
    missing = [one for one in (words, answer) if one is not None and str(text).count(one) != 1]
    if missing:
        raise UserError(f"the base's chat template doesn't write each turn's words once: {text!r}.")
    return str(text)


def control_tokens(tokenizer: Any) -> dict[str, int]:
    """{text: id} of the tokens that mean something other than their letters."""
    added = {token.content: number for number, token in tokenizer.added_tokens_decoder.items() if token.special}
    named = zip(tokenizer.all_special_tokens, tokenizer.all_special_ids, strict=True)
    return dict(sorted((added | dict(named)).items()))


def end_of_turn(tokenizer: Any) -> int:
    """Id of the control token that the chat template puts right behind an answer: <end_of_turn> in Gemma's."""
    _, _, after = rendered(tokenizer, WORDS, ANSWER).partition(ANSWER)
    for token, number in control_tokens(tokenizer).items():
        if after.startswith(token):
            return number
    raise UserError(
        f"the base's chat template ends an answer by {after!r}, which begins with no control token of the tokenizer: "
        "stopping can't be learned. Take a base whose template marks the end of a turn."
    )


def stop_ids(tokenizer: Any) -> Ids:
    """The tokens at which an answer is over: the end of the turn, and the end of sequence (may be the same)."""
    return tuple(dict.fromkeys((end_of_turn(tokenizer), int(tokenizer.eos_token_id))))


def _said(role: str, words: str) -> dict[str, str]:
    return {"role": role, "content": words}
