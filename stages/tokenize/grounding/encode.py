"""From texts to the sequences that FROMAGe is trained on and asked with: one place for both.

    caption     <bos> picture caption <eos>                     the caption and its end are supervised
    retrieval   <bos> caption [RET]                             the caption and [RET] are supervised
    dialogue    <bos> picture Q: ...\\nA: ...\\nQ: ...\\nA: ...\\n   the answers and their line ends are supervised

`picture` is `visual_tokens` times IMAGE (Koh et al. 2023, arXiv:2301.13823, section 3; the dialogue's
marks are those of the released chat example).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stages.grounding import IMAGE, RET

QUESTION = "Q: {question}\nA:"
ANSWER = " {answer}\n"


@dataclass(frozen=True)
class Marks:
    """The ids that frame a text. `bos` is empty for a tokenizer without one."""

    bos: tuple[int, ...]
    eos: int
    ret: int
    pad: int
    visual_tokens: int

    @classmethod
    def of(cls, tokenizer: Any, visual_tokens: int) -> "Marks":
        bos = () if tokenizer.bos_token_id is None else (tokenizer.bos_token_id,)
        ret = tokenizer.convert_tokens_to_ids(RET)
        return cls(bos, tokenizer.eos_token_id, ret, tokenizer.pad_token_id, visual_tokens)

    @property
    def picture(self) -> tuple[int, ...]:
        return (IMAGE,) * self.visual_tokens


@dataclass(frozen=True)
class Sample:
    """Ids and, for each, whether the model learns to say it."""

    ids: tuple[int, ...]
    learnt: tuple[bool, ...]


def text_ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    """A text's own ids; letters that spell a special token stay letters."""
    return tuple(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def caption_sequence(marks: Marks, captions: Sequence[Sequence[int]]) -> Sample:
    """Pictures and captions in turn; several of them are the paper's concatenated pairs."""
    parts: list[tuple[Sequence[int], bool]] = [(marks.bos, False)]
    for ids in captions:
        parts += [(marks.picture, False), ((*ids, marks.eos), True)]
    return _joined(parts)


def retrieval_sequence(marks: Marks, ids: Sequence[int]) -> Sample:
    return _joined([(marks.bos, False), ((*ids, marks.ret), True)])


def dialogue_sequence(marks: Marks, turns: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Sample:
    """A picture, then (question ids, answer ids) turn by turn; an unanswered last question has no answer ids."""
    parts: list[tuple[Sequence[int], bool]] = [(marks.bos, False), (marks.picture, False)]
    for question, answer in turns:
        parts += [(tuple(question), False), (tuple(answer), True)]
    return _joined(parts)


def _joined(parts: Sequence[tuple[Sequence[int], bool]]) -> Sample:
    ids = tuple(token for part, _ in parts for token in part)
    return Sample(ids, tuple(learnt for part, learnt in parts for _ in part))
