"""The one place where a conversation becomes token ids: training, evaluation and chat all read from it.

    system USER: <image> question ASSISTANT: answer EOS USER: question ASSISTANT: answer EOS

The picture stands before the first question, wherever a file put its mark: it is seen from the start.
A text's own letters never make a special token: "<image>" in a question stays the letters that it is.
The pieces are tokenized one by one, so what stands before an answer is the same with and without it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from stages.chat import IMAGE
from stages.chat.recipe import Tokenize
from stages.params import UserError

Turn = tuple[str, str | None]  # question and answer; None is the answer that is asked for


@dataclass(frozen=True)
class Sample:
    """Ids and, for each, whether the model learns to say it."""

    ids: tuple[int, ...]
    supervised: tuple[bool, ...]


class Templates:
    """Fills the recipe's templates; `patches` is how many tokens a picture takes."""

    def __init__(self, tokenizer: Any, template: Tokenize, patches: int) -> None:
        self.tokenizer, self.template, self.patches = tokenizer, template, patches
        self.image, self.end = int(tokenizer.convert_tokens_to_ids(IMAGE)), int(tokenizer.eos_token_id)
        self.special = tuple(sorted({*tokenizer.all_special_tokens, IMAGE}))

    def held(self, text: str) -> list[str]:
        """The special tokens that `text` spells out, in whatever case."""
        return [token for token in self.special if token.casefold() in text.casefold()]

    def samples(self, conversations: Sequence[Sequence[Turn]], picture: bool = True) -> list[Sample]:
        """Ids and mask of each conversation. A last answer of None leaves the prefix that generation starts from.

        `picture=False` leaves the picture's tokens out and everything else as it is.
        """
        pieces = [piece for turns in conversations for piece in self._pieces(turns)]
        distinct = list(dict.fromkeys(pieces))  # openings, and many a question and answer, come again and again
        known = dict(zip(distinct, self.text_ids(distinct), strict=True))
        ids = (known[piece] for piece in pieces)
        return [self._sample(turns, ids, picture) for turns in conversations]

    def sample(self, turns: Sequence[Turn], picture: bool = True) -> Sample:
        """`samples` of one conversation."""
        return self.samples([turns], picture)[0]

    def prefix(self, turns: Sequence[Turn], picture: bool = True) -> tuple[int, ...]:
        """The ids to answer from: the last turn's answer must be None."""
        if not turns or turns[-1][1] is not None:
            raise ValueError("a prefix ends with a question: give the last turn None for its answer")
        return self.sample(turns, picture).ids

    def text_ids(self, texts: list[str]) -> list[list[int]]:
        """The ids of plain texts; letters that spell a special token stay letters."""
        if not texts:
            return []
        encoded = self.tokenizer(
            texts, add_special_tokens=False, split_special_tokens=True, return_attention_mask=False
        )
        return list(encoded["input_ids"])

    def _pieces(self, turns: Sequence[Turn]) -> list[str]:
        """What is tokenized: the opening, then for each turn its question up to the answer, and the answer."""
        before, after = _around(self.template.user, "question")
        name, _ = _around(self.template.assistant, "answer")
        lead = name[len(name.rstrip()) :]
        opening = f"{self.template.system} {before}" if self.template.system else before
        pieces = [opening]
        for number, (question, answer) in enumerate(turns):
            if answer is None and number < len(turns) - 1:
                raise ValueError("only the last answer of a conversation may be missing")
            head = "\n" if number == 0 else before
            pieces.append(f"{head}{question.strip()}{after} {name.rstrip()}")
            if answer is not None:
                pieces.append(f"{lead}{answer.strip()}")
        return pieces

    def _sample(self, turns: Sequence[Turn], pieces: Iterator[list[int]], picture: bool) -> Sample:
        ids = list(next(pieces))
        if picture:
            ids += [self.image] * self.patches
        supervised = [False] * len(ids)
        for _, answer in turns:
            question = next(pieces)
            ids += question
            supervised += [False] * len(question)
            if answer is not None:
                said = next(pieces)
                ids += [*said, self.end]
                supervised += [True] * (len(said) + 1)
        return Sample(tuple(ids), tuple(supervised))

    def require_sound(self, sample: Sample, turns: Sequence[Turn]) -> None:
        """UserError unless `sample` has one picture, and each answer of `turns` ends with a supervised EOS."""
        learnt = list(compress(sample.ids, sample.supervised))
        if sample.ids.count(self.image) != self.patches or self.image in learnt:
            raise UserError(f"mask refused ({turns!r}): a row has one picture of {self.patches} tokens, unsupervised.")
        if learnt.count(self.end) != len(turns) or sample.ids[-1] != self.end or not sample.supervised[-1]:
            raise UserError(f"mask refused ({turns!r}): each answer ends with one supervised end of sequence.")

    def require_prefixes(self, sample: Sample, turns: Sequence[Turn]) -> None:
        """UserError unless the row begins, up to each answer, with what that answer would be generated from."""
        for number in range(len(turns)):
            prefix = self.prefix([*turns[:number], (turns[number][0], None)])
            rest = sample.supervised[len(prefix) :]
            if sample.ids[: len(prefix)] != prefix or sample.supervised[len(prefix) - 1] or not (rest and rest[0]):
                raise UserError(f"mask refused ({turns!r}): answer {number + 1} is learnt otherwise than it is asked.")


def _around(template: str, field: str) -> tuple[str, str]:
    """What `template` puts before and behind its field."""
    before, _, behind = template.format(**{field: "\0"}).partition("\0")
    return before, behind
