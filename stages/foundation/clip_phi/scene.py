"""A scene before it is drawn or told: where it is, and one to three groups of like things with their places."""

from dataclasses import dataclass

import numpy as np

from stages.foundation.clip_phi.words import ACROSS, COLOURS, DOWN, KINDS, PLACES

GROUPS = (0.32, 0.45, 0.23)  # shares of scenes with one, two, three groups
COUNTS = (0.56, 0.16, 0.12, 0.09, 0.07)  # of groups of one to five things
RADII = {"small": (0.1, 0.135), "big": (0.17, 0.25)}  # half of what a thing spans, in shares of the picture's side
TWICE = 0.1  # of scenes of several groups: two groups of one kind, in two colours
TRIES = 40
CLEAR = 0.16  # least distance of two groups' middles along an axis for one to be left of, or above, the other
Spot = tuple[float, float]


@dataclass(frozen=True)
class Group:
    """Like things. `spots`: their middles, in shares of the picture; `radius`: half of what one spans."""

    kind: str
    colour: str
    size: str
    radius: float
    spots: tuple[Spot, ...]

    @property
    def middle(self) -> Spot:
        x, y = np.mean(self.spots, axis=0)
        return float(x), float(y)

    @property
    def across(self) -> str:
        return ACROSS[min(2, int(self.middle[0] * 3))]

    @property
    def down(self) -> str:
        return DOWN[min(2, int(self.middle[1] * 3))]


@dataclass(frozen=True)
class Scene:
    place: str
    groups: tuple[Group, ...]

    def of_kind(self, kind: str) -> list[Group]:
        return [group for group in self.groups if group.kind == kind]

    def count(self, kind: str) -> int:
        return sum(len(group.spots) for group in self.of_kind(kind))

    def relation(self, one: Group, other: Group) -> str:
        """Where `one` lies seen from `other`; "" where that isn't clear."""
        dx, dy = np.subtract(one.middle, other.middle)
        if abs(dx) > max(CLEAR, 1.3 * abs(dy)):
            return "left" if dx < 0 else "right"
        if abs(dy) > max(CLEAR, 1.3 * abs(dx)):
            return "above" if dy < 0 else "below"
        return ""


def draw_scene(rng: np.random.Generator) -> Scene:
    """One scene by chance; every kind, colour, place and size is as likely as any other."""
    number = 1 + int(rng.choice(3, p=GROUPS))
    kinds = [str(kind) for kind in rng.permutation(KINDS)[:number]]
    if number > 1 and rng.random() < TWICE:
        kinds[1] = kinds[0]
    colours = [str(colour) for colour in rng.permutation(list(COLOURS))[:number]]
    if kinds[0] not in kinds[1:] and rng.random() < 0.15:
        colours = [colours[0]] * number
    counts = [1 + int(rng.choice(5, p=COUNTS)) for _ in kinds]
    while sum(counts) > 7 or (kinds.count(kinds[0]) == 2 and counts[0] + counts[1] > 5):
        counts[int(np.argmax(counts))] -= 1
    taken: list[tuple[Spot, float]] = []
    groups = []
    for kind, colour, count in zip(kinds, colours, counts, strict=True):
        size = "big" if rng.random() < 0.5 and count < 3 and sum(counts) < 5 else "small"
        radius, spots = _placed(count, float(rng.uniform(*RADII[size])), taken, rng)
        groups.append(Group(kind, colour, size, radius, spots))
    return Scene(str(rng.choice(list(PLACES))), tuple(groups))


def _placed(
    count: int, radius: float, taken: list[tuple[Spot, float]], rng: np.random.Generator
) -> tuple[float, tuple[Spot, ...]]:
    """Spots near each other and free of what is there; after vain tries the things become a little smaller."""
    while True:
        for _ in range(TRIES):
            anchor, reach = rng.uniform(radius, 1 - radius, 2), 0.12 + 0.09 * count
            spots = np.clip(anchor + rng.uniform(-reach, reach, (count, 2)), radius, 1 - radius)
            if count == 1:
                spots = anchor[None]
            ours = [((float(x), float(y)), radius) for x, y in spots]
            if _free(ours, taken):
                taken += ours
                return radius, tuple(spot for spot, _ in ours)
        radius *= 0.93


def _free(ours: list[tuple[Spot, float]], taken: list[tuple[Spot, float]]) -> bool:
    """Like things lie apart; unlike ones may hide a little of each other."""
    for number, (spot, radius) in enumerate(ours):
        for (x, y), other in [*ours[:number], *taken]:
            if np.hypot(spot[0] - x, spot[1] - y) < 0.92 * (radius + other):
                return False
    return True
