"""Which rows data/blocklist.txt takes out, with the copies of pictures that it names."""

from collections.abc import Mapping, Sequence

from stages.blocklist import BLOCKLISTED, PICTURES, Blocklist, Entry
from stages.curate.candidate import Candidate
from stages.curate.decisions import Decided
from stages.curate.decode import Facts, Quarantine
from stages.curate.groups import group
from stages.curate.parameters import NearDuplicates
from stages.record import Drop, Record


def blocklisted(
    blocklist: Blocklist,
    records: Sequence[Record],
    facts: Mapping[str, Facts | Quarantine],
    pixels: Mapping[str, str],
    decided: Decided,
    near: NearDuplicates | None,
) -> dict[str, Drop]:
    """Drops by row id. `facts` and `pixels` by `Image.sha256`, as decisions are made from them.

    Copies are the group that curation would have kept one picture of; this is asked before it chooses, so that none
    steps into a taken picture's place.
    """
    if not blocklist:
        return {}
    drops: dict[str, Drop] = {}
    taken: list[tuple[Candidate, Entry]] = []
    candidates: list[Candidate] = []
    for record in records:
        digest = record.image.sha256
        looks = facts.get(digest)
        candidate = Candidate(
            record,
            pixels.get(digest, digest),
            None if isinstance(looks, Quarantine) else looks,
            record.origin in decided.keep,
        )
        candidates.append(candidate)
        stored = blocklist.of_picture(candidate.picture)
        entry = blocklist.of(record) or stored
        if entry is not None:
            drops[record.id] = Drop(record.id, BLOCKLISTED, entry.text)
        picture = blocklist.of(record, PICTURES) or stored
        if picture is not None:
            taken.append((candidate, picture))
    if taken:
        merged = group(candidates, near, decided).merged
        named = {merged[candidate.picture]: (candidate.record.id, entry) for candidate, entry in reversed(taken)}
        for candidate in candidates:
            found = named.get(merged[candidate.picture])
            if found is not None and candidate.record.id not in drops:
                of, entry = found
                drops[candidate.record.id] = Drop(candidate.record.id, BLOCKLISTED, f"{entry.text}, a copy of {of}")
    return drops


def shows_blocked(blocklist: Blocklist, pixels: Mapping[str, str]) -> bool:
    """Whether writing made a picture that is named by what it is stored as."""
    return any(blocklist.of_picture(digest) is not None for digest in pixels.values())
