"""Token ids of rows by the base's own chat template, and what is left out or refused before training."""

from collections.abc import Sequence
from typing import Any

from stages.naming.recipe import Tokenize
from stages.naming.templates import Ids, Templates
from stages.params import UserError
from stages.record import Drop
from stages.tokenize.naming.rows import TokenizedRow
from stages.tokenize.naming.told import Told

CHECKS = {
    "prompt": "no token of the user's turn is supervised: the answer's tokens begin where generation starts",
    "template": "prompt and answer are, token by token, what apply_chat_template makes of the conversation",
    "end": "the last supervised tokens are the end of the turn and the end of sequence, each once",
    "control": "words are plain text: no control token stands between those that the template wrote",
    "length": "nothing was cut: the row fits max_length",
}
NO_DESCRIPTION, NO_NAME = "no description", "no name"
OTHER_LANGUAGE = "language not asked for"
HOLDS_CONTROL = "text holds a control token"
TOO_LONG = "longer than max_length"
COMPARED = 128  # rows of a piece that apply_chat_template tokenizes too: rendering takes longer than all the rest


class Encoder:
    """Encodes rows of a recipe, many at once."""

    def __init__(self, tokenizer: Any, template: Tokenize) -> None:
        self.template = template
        self.templates = Templates(tokenizer, template)
        self.end: Ids = self.templates.stop_ids

    def encode(self, rows: Sequence[Told]) -> tuple[list[TokenizedRow], list[Drop]]:
        """Rows in = rows out + drops; UserError when a mask is refused."""
        drops = [drop for row in rows if (drop := self._unusable(row))]
        left_out = {drop.id for drop in drops}
        usable = [row for row in rows if row.id not in left_out]
        prompts = self.templates.prompts([row.description for row in usable])
        answers = self.templates.answers([row.name for row in usable])
        found = []
        for row, prompt, answer in zip(usable, prompts, answers, strict=True):
            drop = self._unfit(row, prompt, answer)
            if drop:
                drops.append(drop)
            else:
                found.append(
                    TokenizedRow(row.id, row.split, row.name, row.entity, row.description, row.language, prompt, answer)
                )
        self.refuse(found)
        return found, drops

    def refuse(self, rows: Sequence[TokenizedRow]) -> None:
        """UserError for the first of CHECKS that a row fails; the template itself is asked about the first rows."""
        for row in rows:
            name = row.answer_ids[: -len(self.end)]
            if row.answer_ids[len(name) :] != self.end or not name or set(name) & set(self.end):
                raise UserError(f"{_about(row)} {CHECKS['end']}; stopping would never be learned.")
        compared = rows[:COMPARED]
        theirs = self.templates.theirs([(row.description, row.name) for row in compared]) if compared else []
        for row, (asked, told) in zip(compared, theirs, strict=True):
            name = row.answer_ids[: -len(self.end)]
            if row.prompt_ids != asked or told[: len(asked)] != asked:
                raise UserError(
                    f"{_about(row)} {CHECKS['prompt']}; the tokenizer or its chat template writes a turn otherwise "
                    "before an answer than before generation. Take a base whose chat template agrees with itself."
                )
            if told[len(asked) : len(asked) + len(name) + 1] != (*name, self.end[0]):
                raise UserError(f"{_about(row)} {CHECKS['template']}; the base's tokenizer reads the answer otherwise.")

    def _unusable(self, row: Told) -> Drop | None:
        """Why a row can't be encoded at all."""
        wanted = self.template.languages
        if wanted is not None and row.language not in wanted:
            return Drop(row.id, OTHER_LANGUAGE, row.language)
        for text, reason in ((row.description, NO_DESCRIPTION), (row.name, NO_NAME)):
            if not text.strip():
                return Drop(row.id, reason)
        held = self.templates.held(row.description) + self.templates.held(row.name)
        return Drop(row.id, HOLDS_CONTROL, ", ".join(sorted(set(held)))) if held else None

    def _unfit(self, row: Told, prompt: Ids, answer: Ids) -> Drop | None:
        """Why an encoded row is no row to train on."""
        words = (*self.templates.words_of(prompt), *answer[: -len(self.end)])
        marks = self.templates.controlling(words)
        if marks:
            return Drop(row.id, HOLDS_CONTROL, ", ".join(marks))
        length, most = len(prompt) + len(answer), self.template.max_length
        return Drop(row.id, TOO_LONG, f"{length} tokens, {most} allowed") if length > most else None


def _about(row: TokenizedRow) -> str:
    return f"mask refused (row {row.id}, {row.name!r}):"
