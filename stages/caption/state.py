"""What a log says, folded: per picture its captions, drafts and a person's decision, without what was undone."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from stages.caption.log import DECISIONS, KINDS, Kind, Line


@dataclass
class Picture:
    """The lines about one picture that count, oldest first."""

    lines: list[Line] = field(default_factory=list)

    @property
    def captions(self) -> list[Line]:
        return [line for line in self.lines if line.action == "caption"]

    @property
    def draft(self) -> Line | None:
        """The newest draft: a later model's takes the place of an earlier one's."""
        return next((line for line in reversed(self.lines) if line.action == "draft"), None)

    @property
    def decision(self) -> str:
        """ "skip" or "reject" when that is the last thing a person did, else "": a caption takes both back."""
        last = next((line for line in reversed(self.lines) if line.kind == "person"), None)
        return last.action if last is not None and last.action in DECISIONS else ""

    @property
    def decided(self) -> bool:
        """Whether somebody is done with it; a draft alone decides nothing."""
        return bool(self.captions) or bool(self.decision)

    def counted(self, kinds: Iterable[Kind]) -> list[Line]:
        """The texts of the best kind of author among `kinds` that has any: nobody's words are mixed with a model's."""
        allowed = set(kinds)
        for kind in KINDS:
            found = [line for line in self.captions if line.kind == kind]
            if kind == "model":
                found = [self.draft] if self.draft is not None else []
            if kind in allowed and found:
                return found
        return []


@dataclass
class State:
    """The fold of a log so far; `add` goes on with it line by line."""

    pictures: dict[str, Picture] = field(default_factory=dict)
    by_author: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))

    def of(self, sha256: str) -> Picture:
        return self.pictures.get(sha256) or Picture()

    def add(self, line: Line) -> None:
        picture = self.pictures.setdefault(line.sha256, Picture())
        own = self.by_author[line.author]
        if line.action != "undo":
            picture.lines.append(line)
            own.append(line)
            return
        taken_back = next((done for done in reversed(own) if done.sha256 == line.sha256), None)
        if taken_back is not None:  # None: two branches that both took it back were merged
            _remove_last(own, taken_back)
            _remove_last(picture.lines, taken_back)

    def last_of(self, author: str) -> Line | None:
        """What `author`'s next undo takes back."""
        own = self.by_author.get(author)
        return own[-1] if own else None


def state_of(lines: Iterable[Line]) -> State:
    """Fold `lines`, oldest first."""
    state = State()
    for line in lines:
        state.add(line)
    return state


def _remove_last(lines: list[Line], line: Line) -> None:
    del lines[len(lines) - 1 - lines[::-1].index(line)]
