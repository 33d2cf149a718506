"""Which licences a set may hold. A licence that nobody knows is never allowed where one must be known."""

UNKNOWN = frozenset({"", "unknown", "none", "noassertion"})  # the last two: SPDX's words for it


def is_known(licence: str) -> bool:
    return _folded(licence) not in UNKNOWN


def is_allowed(policy: str | tuple[str, ...], licence: str) -> bool:
    """`policy`: "any", "known", or the allowed licences ("CC-BY-4.0"), in whatever case they are written."""
    if policy == "any":
        return True
    if not is_known(licence):
        return False
    return policy == "known" or _folded(licence) in {_folded(allowed) for allowed in policy}


def _folded(licence: str) -> str:
    """ "CC BY 4.0" and "cc-by-4.0" are the same."""
    return "-".join(licence.casefold().replace("_", " ").replace("-", " ").split())
