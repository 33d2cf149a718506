"""Of each group of copies, which row stays: one, unless a person wants more, and none where labels contradict."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stages.curate.candidate import Candidate
from stages.curate.groups import Groups, distance
from stages.curate.licences import is_known

CONTRADICTORY = "contradictory labels"
DUPLICATE = "exact duplicate"
NEAR_DUPLICATE = "near duplicate"


@dataclass(frozen=True)
class Verdict:
    """A candidate that stays (`reason` is "") or goes; `of` is the copy that stays instead, `bits` how far it is."""

    candidate: Candidate
    reason: str = ""
    detail: str = ""
    of: Candidate | None = None
    bits: int | None = None


def contradictions(candidates: Sequence[Candidate], groups: Groups) -> list[Verdict]:
    """Verdicts on rows whose copies have other labels: which one is right cannot be told from here.

    Where a person wants a picture, its label is right, and only the copies with other labels go. A wanted picture
    that itself came with two labels still says nothing.
    """
    gone = []
    for members in _grouped(candidates, groups):
        labels = {member.record.label for member in members}
        if len(labels) == 1:
            continue
        torn = {
            picture for picture, rows in _by_picture(members).items() if len({row.record.label for row in rows}) > 1
        }
        right = {member.record.label for member in members if member.wanted and member.picture not in torn}
        for member in members:
            if right and member.picture not in torn and (member.wanted or member.record.label in right):
                continue
            detail = ", ".join(sorted(labels)) + (f"; a person kept {', '.join(sorted(right))}" if right else "")
            gone.append(Verdict(member, CONTRADICTORY, detail))
    return gone


def chosen(candidates: Sequence[Candidate], groups: Groups) -> list[Verdict]:
    """A verdict on every candidate, once contradictions are out of the way.

    The best copy stays: most pixels, then most bytes, then a known licence, then the smallest id.
    """
    verdicts = []
    for members in _grouped(candidates, groups):
        best = {picture: min(rows, key=_worst_last) for picture, rows in _by_picture(members).items()}
        wanted = [row for row in best.values() if row.wanted]
        kept = sorted(wanted or best.values(), key=_worst_last)[: len(wanted) or 1]
        by_picture = {row.picture: row for row in kept}
        for member in members:
            same = by_picture.get(member.picture)
            if same is member:
                verdicts.append(Verdict(member))
            elif same is not None:
                verdicts.append(Verdict(member, DUPLICATE, f"of {same.record.id}", same, 0))
            else:
                verdicts.append(_near(member, kept))
    return verdicts


def _near(member: Candidate, kept: list[Candidate]) -> Verdict:
    """Merged into the nearest of those that stay."""
    known = [(bits, place) for place, row in enumerate(kept) if (bits := distance(member, row)) is not None]
    bits, place = min(known) if known else (None, 0)
    how = f", {bits} bits differ" if bits is not None else ""
    return Verdict(member, NEAR_DUPLICATE, f"of {kept[place].record.id}{how}", kept[place], bits)


def _worst_last(row: Candidate) -> tuple[int, int, bool, str]:
    width, height = row.size
    size = row.facts.bytes if row.facts is not None else 0
    return -width * height, -size, not is_known(row.record.source.licence), row.record.id


def _grouped(candidates: Iterable[Candidate], groups: Groups) -> list[list[Candidate]]:
    found: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        found[groups.merged[candidate.picture]].append(candidate)
    return list(found.values())


def _by_picture(members: Iterable[Candidate]) -> dict[str, list[Candidate]]:
    found: dict[str, list[Candidate]] = defaultdict(list)
    for member in members:
        found[member.picture].append(member)
    return found
