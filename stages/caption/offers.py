"""Captions that come by the file or from a machine: checked like a person's, written once, reported when flawed."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from stages.caption.log import Action, Line, Log
from stages.caption.parameters import CaptionParams
from stages.caption.state import State, state_of
from stages.caption.validation import TWICE, Flaw, Known, flaws_of, unsafe
from stages.params import UserError


@dataclass(frozen=True)
class Offer:
    """A text for a picture, and where it stands (a line, row or entry; 0 = in no file)."""

    sha256: str
    text: str
    author: str
    line: int = 0


@dataclass(frozen=True)
class Refusal:
    """What was not written, and why."""

    line: int
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.reason}{f' ({self.detail})' if self.detail else ''}"


@dataclass
class Accepted:
    """The lines to append; offers that the log has already; what was refused."""

    lines: list[Line] = field(default_factory=list)
    already: int = 0
    refused: list[Refusal] = field(default_factory=list)


def known_of(state: State) -> Known:
    return Known((sha256, line.text) for sha256, picture in state.pictures.items() for line in picture.captions)


def captions(params: CaptionParams, offers: Iterable[Offer], log: Log) -> Accepted:
    """The offers that can be captions, none of them twice."""
    accepted, known = Accepted(), known_of(state_of(log.lines))
    for offer in offers:
        clash = known.clash(offer.sha256, offer.text)
        flaws = [*flaws_of(params, offer.text), *([clash] if clash else [])]
        if clash is not None and clash.reason == TWICE:
            accepted.already += 1
        elif flaws:
            accepted.refused.append(_refusal(offer, flaws[0]))
        else:
            accepted.lines.append(_line(offer, "caption"))
            known.add(offer.sha256, offer.text)
    return accepted


def drafts(offers: Iterable[Offer], log: Log) -> Accepted:
    """The offers as drafts: advice that a person sees, and that never stands in for what a person wrote."""
    accepted = Accepted()
    written = {(line.sha256, line.author, line.text) for line in log.lines if line.action == "draft"}
    for offer in offers:
        key = (offer.sha256, offer.author, offer.text)
        flaws = unsafe(offer.text)
        if key in written:
            accepted.already += 1
        elif flaws:
            accepted.refused.append(_refusal(offer, flaws[0]))
        else:
            accepted.lines.append(_line(offer, "draft"))
            written.add(key)
    return accepted


def _refusal(offer: Offer, flaw: Flaw) -> Refusal:
    where = "" if offer.line else f"picture {offer.sha256[:12]}: "
    return Refusal(offer.line, str(flaw), where + offer.text[:80])


def _line(offer: Offer, action: Action) -> Line:
    try:
        return Line(offer.sha256, action, offer.text, offer.author)
    except ValueError as error:
        raise UserError(f"this can't be written to the log: {error}.") from None


def printable(name: str) -> str:
    """A file's or model's name as it can stand in an author."""
    return "".join(char if char.isprintable() else "?" for char in name).strip() or "unknown"
