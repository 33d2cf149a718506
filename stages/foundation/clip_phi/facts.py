"""What a group of things is, fact by fact: asked of the tower at its patches, told to the language model by vectors."""

from stages.foundation.clip_phi.scene import Group, Scene
from stages.foundation.clip_phi.words import ACROSS, COLOURS, DOWN, KINDS, NUMBERS, OPPOSITE, PLACES, RELATIONS

GROUND = "ground"
FACTS: dict[str, tuple[str, ...]] = {
    "kind": (GROUND, *KINDS), "colour": tuple(COLOURS), "size": ("small", "big"), "count": NUMBERS[1:],
    "across": ACROSS, "down": DOWN, "relation": RELATIONS, "neighbour": KINDS, "place": tuple(PLACES),
}  # fmt: skip


def facts_of(scene: Scene, group: Group | None) -> dict[str, str]:
    """Fact: its word; of the ground (None) the place alone. `relation`: where it lies seen from its neighbour."""
    if group is None:
        return {"kind": GROUND, "place": scene.place}
    found = {
        "kind": group.kind, "colour": group.colour, "size": group.size, "count": NUMBERS[scene.count(group.kind)],
        "across": group.across, "down": group.down, "place": scene.place,
    }  # fmt: skip
    other = neighbour(scene, group)
    if other is not None:
        found |= {"relation": OPPOSITE[scene.relation(other, group)], "neighbour": other.kind}
    return found


def neighbour(scene: Scene, group: Group) -> Group | None:
    """The nearest group of another kind that clearly lies to one side."""
    others = [one for one in scene.groups if one.kind != group.kind and scene.relation(one, group)]
    x, y = group.middle
    return min(others, key=lambda one: (one.middle[0] - x) ** 2 + (one.middle[1] - y) ** 2, default=None)
