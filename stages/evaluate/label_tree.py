"""Labels as a prefix tree: what two labels have in common is there once."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from stages.params import UserError


@dataclass(frozen=True)
class LabelTree:
    """Node 0 is the prompt itself; every other node is one token after its parent. Parents come before children.

    `tokens`, `parents`, `depths` have one entry a node (the prompt: 0, -1, 0); `inner` are the nodes with children, the
    prompt left out; `ends` has each label's last node, in the labels' order.
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    depths: tuple[int, ...]
    inner: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, labels: Sequence[Sequence[int]]) -> Self:
        """The tree of `labels` (token ids, the end token among them if it counts).

        UserError for no labels, one without tokens, or two that are the same tokens. A label that begins another
        is fine; with an end token they differ in their last node.
        """
        paths = [tuple(label) for label in labels]
        if not paths:
            raise UserError("there are no labels to choose from: give at least one.")
        for number, path in enumerate(paths):
            if not path:
                raise UserError(f"label {number} has no tokens: give each label at least one, or leave it out.")
        path, times = Counter(paths).most_common(1)[0]
        if times > 1:
            same = [number for number, other in enumerate(paths) if other == path]
            raise UserError(
                f"labels {', '.join(map(str, same))} are the same tokens, {list(path)}: no model can tell them apart; "
                "rename one, or merge them with a synonym."
            )
        prefixes = sorted({path[:length] for path in paths for length in range(len(path) + 1)}, key=_by_level)
        place = {prefix: number for number, prefix in enumerate(prefixes)}
        parents = (-1, *(place[prefix[:-1]] for prefix in prefixes[1:]))
        return cls(
            tokens=(0, *(prefix[-1] for prefix in prefixes[1:])),
            parents=parents,
            depths=tuple(map(len, prefixes)),
            inner=tuple(sorted(set(parents[1:]) - {0})),
            ends=tuple(place[path] for path in paths),
        )

    def lineage(self, node: int) -> tuple[int, ...]:
        """`node` and what is above it, the prompt left out."""
        found = []
        while node > 0:
            found.append(node)
            node = self.parents[node]
        return tuple(found)


def _by_level(prefix: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    return len(prefix), prefix
