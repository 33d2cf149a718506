"""What a person does to the pictures of a curated set, one after the other; the page only shows it.

Every action names its picture, so that two tabs, or a press that comes late, can't caption the wrong one.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from stages.caption.log import Action, Line, Log
from stages.caption.offers import known_of
from stages.caption.parameters import CaptionParams
from stages.caption.state import Picture, state_of
from stages.caption.validation import Flaw, flaws_of, hints_of, unsafe
from stages.params import UserError
from stages.record import Record


@dataclass(frozen=True)
class Told:
    """What an action did: where to go on, what to say, and the text that goes back into the box."""

    sha256: str
    message: str
    text: str = ""
    done: bool = True


@dataclass
class Progress:
    """Pictures of the set, by what was decided; captions by author."""

    pictures: int
    decided: int
    skipped: int
    rejected: int
    captions: dict[str, int]


@dataclass
class Desk:
    """Captions `records` into `log`. One lock: the page's requests come from several threads."""

    params: CaptionParams
    records: Sequence[Record]
    log: Log
    author: str
    done: Counter[str] = field(default_factory=Counter)  # this session's actions

    def __post_init__(self) -> None:
        if not self.records:
            raise UserError("the curated set is empty: there is nothing to caption.")
        self.by_sha256 = {record.origin: record for record in reversed(self.records)}
        self.order = list(dict.fromkeys(record.origin for record in self.records))
        self._place = {sha256: place for place, sha256 in enumerate(self.order)}
        self.state = state_of(self.log.lines)
        self._known = known_of(self.state)
        self._lock = threading.RLock()

    def picture(self, sha256: str) -> Picture:
        return self.state.of(sha256)

    def check(self, sha256: str, text: str) -> tuple[list[Flaw], list[str]]:
        """What keeps `text` from being saved for this picture, and advice on its style."""
        with self._lock:
            flaws = flaws_of(self.params, text)
            clash = self._known.clash(sha256, text)
            earlier = [line.text for line in self.picture(sha256).captions]
        record = self.by_sha256[sha256]
        hints = [] if unsafe(text) else hints_of(text, record.label or record.entity, earlier)
        return [*flaws, *([clash] if clash else [])], hints

    def save(self, sha256: str, text: str, stay: bool = False) -> Told:
        """Add a caption; `text` comes back, and nothing is written, when it can't be one."""
        with self._lock:
            text = text.strip()
            flaws, _ = self.check(sha256, text)
            if flaws:
                return Told(sha256, f"not saved: {'; '.join(map(str, flaws))}", text, done=False)
            self._append(sha256, "caption", text)
            return Told(sha256 if stay else self.next_undecided(sha256), f"saved: “{text}”")

    def skip(self, sha256: str) -> Told:
        """Leave a picture for now: it stays in the set as far as others caption it."""
        return self._decide(sha256, "skip", "skipped")

    def reject(self, sha256: str) -> Told:
        """Take a picture out of the captioned set, whatever captions it has."""
        return self._decide(sha256, "reject", "rejected: the picture is left out of the set")

    def undo(self, sha256: str) -> Told:
        """Take back this author's last action in the log, of an earlier session too; its text comes back."""
        with self._lock:
            last = self.state.last_of(self.author)
            if last is None:
                return Told(sha256, f"nothing of {self.author} is left to undo", done=False)
            self._append(last.sha256, "undo", "")
            if last.action == "caption":
                self._known.remove(last.sha256, last.text)
            here = last.sha256 if last.sha256 in self.by_sha256 else sha256
            return Told(here, f"undone: {last.action} {last.text}".rstrip(), last.text)

    def next_undecided(self, sha256: str | None = None) -> str:
        """The first undecided picture after this one, around the end; the next one when all are decided."""
        start = 0 if sha256 is None else self._place[sha256] + 1
        turned = [*self.order[start:], *self.order[:start]]
        return next((other for other in turned if not self.picture(other).decided), turned[0])

    def step(self, sha256: str, by: int) -> str:
        return self.order[(self._place[sha256] + by) % len(self.order)]

    def number(self, sha256: str) -> int:
        """The picture's place, from 1 up."""
        return self._place[sha256] + 1

    def progress(self) -> Progress:
        with self._lock:
            pictures = [self.picture(sha256) for sha256 in self.order]
            captions = Counter(line.author for picture in pictures for line in picture.captions)
        return Progress(
            pictures=len(pictures),
            decided=sum(picture.decided for picture in pictures),
            skipped=sum(picture.decision == "skip" for picture in pictures),
            rejected=sum(picture.decision == "reject" for picture in pictures),
            captions=dict(captions.most_common()),
        )

    def _decide(self, sha256: str, action: Action, said: str) -> Told:
        with self._lock:
            self._append(sha256, action, "")
            return Told(self.next_undecided(sha256), said)

    def _append(self, sha256: str, action: Action, text: str) -> None:
        """Written down first: nothing is counted, shown or acknowledged before the log has it."""
        line = Line(sha256, action, text, self.author)
        self.log.append(line)
        self.state.add(line)
        self.done[action] += 1
        if action == "caption":
            self._known.add(sha256, text)
