"""At most, and at least, so many rows a label."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable

from stages.curate.candidate import Candidate
from stages.curate.parameters import PerClass

OVER_MAXIMUM = "over the class maximum"
BELOW_MINIMUM = "class below the minimum"


def surplus(params: PerClass, candidates: Iterable[Candidate]) -> list[tuple[Candidate, str, str]]:
    """(candidate, reason, detail) of those that must go.

    The order in which a class is filled hangs on the seed and each picture's own digest, so that a row added
    to one class changes nothing in another, and in its own at most one place. Wanted ones come first.
    """
    classes: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        classes[candidate.record.label].append(candidate)
    gone = []
    for label, members in sorted(classes.items()):
        if len(members) < params.least:
            detail = f"{label}: {len(members)}, less than {params.least}"
            gone += [(candidate, BELOW_MINIMUM, detail) for candidate in members]
        elif params.most is not None and len(members) > params.most:
            ordered = sorted(members, key=lambda candidate: _place(params.seed, candidate))
            detail = f"{label}: {len(members)}, more than {params.most}"
            gone += [(candidate, OVER_MAXIMUM, detail) for candidate in ordered[params.most :]]
    return gone


def _place(seed: int, candidate: Candidate) -> tuple[bool, bytes, str]:
    name = f"plumbline-class:{seed}:{candidate.record.origin}"
    return not candidate.wanted, hashlib.sha256(name.encode()).digest(), candidate.record.id
