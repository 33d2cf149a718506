"""Which pictures are copies of each other: equal pixels, near hashes, and what a person said about two of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stages.curate.candidate import Candidate
from stages.curate.decisions import Decided, Decision, Pair
from stages.curate.near import near_groups
from stages.curate.parameters import NearDuplicates
from stages.sides import Joined


@dataclass(frozen=True)
class Groups:
    """Both map a `Candidate.picture` to its group's name.

    `linked` pictures look alike, whatever was decided about them, and must not stand on both sides of a split.
    `merged` pictures count as one: a `different` decision keeps two linked ones apart here.
    """

    linked: dict[str, str]
    merged: dict[str, str]
    refused: tuple[tuple[Decision, str], ...] = ()  # decisions about two pictures that have no effect, and why


def group(candidates: Sequence[Candidate], near: NearDuplicates | None, decided: Decided) -> Groups:
    """Groups over the candidates' pictures. Without `near`, only decisions join two different pictures."""
    shown = {candidate.picture: candidate for candidate in candidates}
    refused: list[tuple[Decision, str]] = []
    of_origin = {candidate.record.origin: candidate.picture for candidate in candidates}
    same = _pictures(decided.same, of_origin, refused)
    different = _pictures(decided.different, of_origin, refused)
    for pair in [pair for pair in different if pair[0] == pair[1]]:
        refused.append((different.pop(pair), "their pixels are equal"))
    alike = _alike(shown, near) if near is not None else []

    linked = Joined(shown)
    for members in alike:
        for one in members[1:]:
            linked.join(members[0], one)
    for pair in same:
        linked.join(*pair)
    if not different:
        return Groups(linked.names(), linked.names(), tuple(refused))

    merged = Joined(shown, list(different))
    refused += [(same[pair], "`different` decisions stand against it") for pair in same if not merged.join(*pair)]
    decided_on = {one for pair in different for one in pair}
    touched = {linked.name(one) for one in decided_on}
    for members in alike:
        if near is not None and linked.name(members[0]) in touched:
            edges: Iterable[Pair] = _nearest_first([shown[one] for one in members], decided_on, near.radius)
        else:
            edges = ((members[0], one) for one in members[1:])
        for pair in edges:
            merged.join(*pair)
    return Groups(linked.names(), merged.names(), tuple(refused))


def _pictures(
    pairs: dict[Pair, Decision], of_origin: dict[str, str], refused: list[tuple[Decision, str]]
) -> dict[Pair, Decision]:
    """The decided pairs by `Candidate.picture`; those that miss a picture by now go to `refused`."""
    found = {}
    for (one, other), decision in pairs.items():
        if one in of_origin and other in of_origin:
            a, b = sorted((of_origin[one], of_origin[other]))
            found[a, b] = decision
        else:
            refused.append((decision, "one of its pictures was left out"))
    return found


def _alike(shown: dict[str, Candidate], near: NearDuplicates) -> list[list[str]]:
    """Pictures in groups of two and more, by the transitive closure of "at most `radius` bits differ"."""
    pictures = sorted(shown)
    owners = [picture for picture in pictures for _ in shown[picture].hashes]
    if not owners:
        return []
    labels = near_groups([code for picture in pictures for code in shown[picture].hashes], near.radius)
    joined = Joined(pictures)
    first: dict[int, str] = {}
    for owner, label in zip(owners, labels.tolist(), strict=True):
        joined.join(first.setdefault(label, owner), owner)
    groups: dict[str, list[str]] = defaultdict(list)
    for picture in pictures:
        groups[joined.name(picture)].append(picture)
    return [members for members in groups.values() if len(members) > 1]


def distance(one: Candidate, other: Candidate) -> int | None:
    """Bits in which the nearest two hashes of two pictures differ; None where there is no hash."""
    if not one.hashes or not other.hashes:
        return None
    return min(
        (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count() for a in one.hashes for b in other.hashes
    )


def _nearest_first(members: list[Candidate], decided_on: Collection[str], radius: int) -> list[Pair]:
    """Pairs of one group within `radius`, the nearest first: what is to stay apart then splits it where it is thin.

    Equal hashes that nobody decided on are tied to the first of them: a group of n blank pictures has n pairs, not n².
    """
    edges: list[tuple[int, str, str]] = []
    compared: list[Candidate] = []
    first: dict[tuple[bytes, ...], Candidate] = {}
    for member in members:
        known = None if member.picture in decided_on else first.setdefault(member.hashes, member)
        if known is None or known is member:
            compared.append(member)
        else:
            edges.append((0, known.picture, member.picture))

    codes = [np.frombuffer(b"".join(member.hashes), np.uint8).reshape(len(member.hashes), -1) for member in compared]
    flat = np.concatenate(codes)
    owner = np.repeat(np.arange(len(compared)), [len(code) for code in codes])
    for i, code in enumerate(codes):
        later = owner > i
        apart = np.bitwise_count(flat[later][None, :, :] ^ code[:, None, :]).sum(axis=2).min(axis=0)
        nearest = np.full(len(compared), radius + 1)
        np.minimum.at(nearest, owner[later], apart)
        found = np.flatnonzero(nearest <= radius)
        edges += [(int(nearest[j]), compared[i].picture, compared[j].picture) for j in found]
    return [(one, other) for _, one, other in sorted(edges)]
