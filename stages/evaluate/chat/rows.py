"""What is asked of the held-out pictures: one caption each, and every turn of every conversation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stages.evaluate.chat.marking import about, is_closed
from stages.tokenize.chat.rows import TokenizedRow

Turn = tuple[str, str]  # question, answer


@dataclass(frozen=True)
class Captioned:
    """A picture (its sha256) that a caption is asked of, and what people wrote of it."""

    picture: str
    entity: str
    references: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """One turn of a conversation about a picture. `history` holds the true turns before it."""

    conversation: str
    picture: str
    entity: str
    turn: int  # from 1 up
    history: tuple[Turn, ...]
    question: str
    answer: str

    @property
    def closed(self) -> bool:
        return is_closed(self.answer)

    @property
    def about(self) -> str:
        return about(self.question)


def captioned(rows: Sequence[TokenizedRow]) -> list[Captioned]:
    """Each picture that captions are known of once, in the order of first sight."""
    found: dict[str, Captioned] = {}
    for row in rows:
        if row.kind == "caption" and row.picture not in found:
            found[row.picture] = Captioned(row.picture, row.entity, row.references)
    return list(found.values())


def turns(rows: Sequence[TokenizedRow]) -> list[Asked]:
    """Every turn of every conversation, the conversations in their order."""
    return [turn for row in rows if row.kind == "conversation" for turn in _turns(row)]


def _turns(row: TokenizedRow) -> Iterator[Asked]:
    pairs = tuple(zip(row.questions, row.answers, strict=True))
    for place, (question, answer) in enumerate(pairs):
        yield Asked(row.id, row.picture, row.entity, place + 1, pairs[:place], question, answer)
