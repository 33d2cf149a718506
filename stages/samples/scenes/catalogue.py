"""The things and the places: what they are called, how they are drawn, and what is found where."""

from collections.abc import Callable
from dataclasses import dataclass

from stages.samples.scenes import indoors, outdoors
from stages.samples.scenes.brush import Brush
from stages.samples.scenes.colours import Colour


@dataclass(frozen=True)
class Kind:
    """A kind of thing. A `heavy` one stands on the ground, any other may lie on a shelf; a `flying` one needs none."""

    name: str
    draw: Callable[[Brush, Colour], None]
    plural: str
    heavy: bool = False
    flying: bool = False


_ALL = (
    Kind("ball", indoors.ball, "balls"),
    Kind("box", indoors.box, "boxes"),
    Kind("cup", indoors.cup, "cups"),
    Kind("book", indoors.book, "books"),
    Kind("chair", indoors.chair, "chairs"),
    Kind("table", indoors.table, "tables", heavy=True),
    Kind("lamp", indoors.lamp, "lamps"),
    Kind("tree", outdoors.tree, "trees", heavy=True),
    Kind("flower", outdoors.flower, "flowers"),
    Kind("house", outdoors.house, "houses", heavy=True),
    Kind("car", outdoors.car, "cars", heavy=True),
    Kind("boat", outdoors.boat, "boats", heavy=True),
    Kind("fish", outdoors.fish, "fish"),
    Kind("bird", outdoors.bird, "birds", flying=True),
    Kind("cat", outdoors.cat, "cats"),
    Kind("dog", outdoors.dog, "dogs"),
    Kind("star", indoors.star, "stars", flying=True),
    Kind("kite", indoors.kite, "kites", flying=True),
)
KINDS = {kind.name: kind for kind in _ALL}


@dataclass(frozen=True)
class Place:
    """A place: how an answer calls it, how a sentence goes on with it, and what is never put there.

    What the scenery itself shows (the trees of a forest) is left out as a thing, so that a count has one answer;
    so are the colours that would not stand out.
    """

    name: str
    at: str
    without: frozenset[str]
    hidden: frozenset[str]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(name for name in KINDS if name not in self.without)


def _place(name: str, at: str, without: str, hidden: str = "") -> Place:
    return Place(name, at, frozenset(without.split()), frozenset(hidden.split()))


PLACES = {
    place.name: place
    for place in (
        _place("a room", "in a room", "tree house car boat"),
        _place("a street", "on a street", "house boat fish", "grey"),
        _place("a beach", "on a beach", "tree house car lamp"),
        _place("a meadow", "in a meadow", "boat fish lamp star", "green"),
        _place("a forest", "in a forest", "tree boat fish kite table", "green"),
        _place("the sea", "on the sea", "tree house car flower chair table", "blue"),
        _place("the snow", "in the snow", "flower boat fish star", "white"),
        _place("the night", "in the night", "star boat fish cup", "black"),
    )
}
