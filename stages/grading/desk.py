"""What somebody does to the captions, one after the other; the page only shows it.

Every verdict names its caption, so that two tabs, or a press that comes late, can't grade the wrong one.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from stages.grading.items import Item
from stages.grading.log import VERDICTS, Grade, GradeLog, Verdict
from stages.params import UserError


@dataclass(frozen=True)
class Told:
    """What a verdict did: where to go on, and what to say."""

    key: str
    message: str
    done: bool = True


class Desk:
    """Grades `items` into `log`. One lock: the page's requests come from several threads."""

    def __init__(self, items: Sequence[Item], log: GradeLog, author: str) -> None:
        if not items:
            raise UserError("no caption to grade: --rows must be 1 or more.")
        self.items, self.log, self.author = items, log, author
        self._by_key = {item.key: item for item in items}
        self._order = [item.key for item in items]
        self._place = {key: place for place, key in enumerate(self._order)}
        self._verdicts: dict[tuple[str, str], Verdict] = {
            (grade.id, grade.caption): grade.verdict for grade in log.grades if grade.author == author
        }
        self._lock = threading.RLock()
        self.saved = 0  # in this session

    def item(self, key: str) -> Item:
        """The caption that a request names; KeyError for one that isn't here."""
        return self._by_key[key]

    def knows(self, key: str) -> bool:
        return key in self._by_key

    def grade(self, key: str, verdict: str) -> Told:
        """Write the verdict down, then go on: nothing is shown or counted before the log has it."""
        kind = next(known for known in VERDICTS if known == verdict)
        with self._lock:
            item = self.item(key)
            before = self.verdict(item)
            self.log.append(Grade(item.id, item.caption, item.modes, kind, self.author))
            self._verdicts[item.id, item.caption] = kind
            self.saved += 1
            said = f"saved: {verdict}" if before in (None, kind) else f"changed: {verdict}, was {before}"
            return Told(self.next_open(key), said)

    def verdict(self, item: Item) -> Verdict | None:
        """This author's last verdict, None while there is none."""
        return self._verdicts.get((item.id, item.caption))

    def next_open(self, key: str | None = None) -> str:
        """The first caption without a verdict after this one, around the end; this one (or the last) when none is."""
        with self._lock:
            start = 0 if key is None else self._place[key] + 1
            turned = [*self._order[start:], *self._order[:start]]
            waiting = (other for other in turned if self.verdict(self._by_key[other]) is None)
            return next(waiting, turned[-1])

    def step(self, key: str, by: int) -> str:
        """The neighbour; the first and the last one have none beyond."""
        return self._order[min(max(self._place[key] + by, 0), len(self._order) - 1)]

    def number(self, key: str) -> int:
        """The caption's place, from 1 up."""
        return self._place[key] + 1

    @property
    def graded(self) -> int:
        with self._lock:
            return sum(self.verdict(item) is not None for item in self.items)
