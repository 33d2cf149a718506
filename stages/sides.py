"""The two sides of a split, on which an entity stands, and entities that must stand on one side together."""

import hashlib
from collections.abc import Iterable, Sequence

SPLITS = ("train", "test")
Pair = tuple[str, str]


def side_by_entity(entity: str, test_share: float) -> str:
    """ "train" or "test"; follows from the name alone, so that a new entity moves no other one."""
    digest = hashlib.sha256(b"plumbline-entity:" + entity.casefold().encode()).digest()
    return "test" if int.from_bytes(digest[:8], "big") < test_share * 2**64 else "train"


class Joined:
    """Disjoint sets of names (Tarjan 1975), each called by its smallest name; some pairs may be kept apart."""

    def __init__(self, names: Iterable[str], apart: Sequence[Pair] = ()) -> None:
        self._parent = {name: name for name in names}
        self._apart = [pair for pair in apart if pair[0] in self._parent and pair[1] in self._parent]

    def join(self, one: str, other: str) -> bool:
        """Put two sets together; False when that would bring a pair together that is to stay apart."""
        a, b = self.name(one), self.name(other)
        if a == b:
            return True
        if any({self.name(x), self.name(y)} == {a, b} for x, y in self._apart):
            return False
        self._parent[max(a, b)] = min(a, b)
        return True

    def name(self, one: str) -> str:
        while self._parent[one] != one:
            self._parent[one] = self._parent[self._parent[one]]
            one = self._parent[one]
        return one

    def names(self) -> dict[str, str]:
        return {one: self.name(one) for one in self._parent}
