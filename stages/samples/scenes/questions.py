"""Questions that have one answer in their scene, and what each asks for and gives away."""

from collections.abc import Callable, Set
from dataclasses import dataclass
from random import Random

from stages.samples.scenes.catalogue import KINDS, PLACES
from stages.samples.scenes.colours import COLOURS
from stages.samples.scenes.scene import LOWER, UPPER, Scene, Thing
from stages.samples.scenes.wording import NUMBERS, article, called, listed, plural, relations, sentence

Fact = tuple[str, ...]
YES, NO = "yes", "no"
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


@dataclass(frozen=True)
class Asked:
    """A question and its answer. Nothing that it `asks` for may have been told before; it `tells` these facts."""

    question: str
    answer: str
    asks: frozenset[Fact]
    tells: frozenset[Fact]


Told = Set[Fact]
Ask = Callable[[Scene, Random, Told], Asked | None]  # None: the scene has no such question


def _asked(question: str, answer: str, asks: set[Fact], tells: set[Fact]) -> Asked:
    return Asked(question, answer, frozenset(asks), frozenset(asks | tells))


def _exists(scene: Scene, *kinds: str) -> set[Fact]:
    """Naming a thing tells that it is there; naming it in the singular, that it is the only one."""
    facts: set[Fact] = {("there", kind) for kind in kinds}
    return facts | {("count", kind) for kind in kinds if scene.counts[kind] == 1}


def colour(scene: Scene, chance: Random, _: Told) -> Asked | None:
    thing = chance.choice(scene.groups)
    noun = plural(thing.kind, scene.counts[thing.kind])
    be = "is" if scene.counts[thing.kind] == 1 else "are"
    question = chance.choice((f"What colour {be} the {noun}?", f"What is the colour of the {noun}?"))
    return _asked(question, thing.colour, {("colour", thing.kind)}, _exists(scene, thing.kind))


def count(scene: Scene, chance: Random, _: Told) -> Asked | None:
    """Single things are asked for less often: else "one" would be right most of the time."""
    many = [thing for thing in scene.groups if scene.counts[thing.kind] > 1]
    if not many and chance.random() < 0.8:
        return None
    thing = chance.choice(many) if many and chance.random() < 0.93 else chance.choice(scene.groups)
    form = chance.choice(("How many {} are there?", "How many {} can you see?", "How many {} are in the picture?"))
    question = form.format(KINDS[thing.kind].plural)
    answer = NUMBERS[scene.counts[thing.kind]]
    return _asked(question, answer, {("count", thing.kind)}, {("there", thing.kind)})


def neighbour(scene: Scene, chance: Random, _: Told) -> Asked | None:
    """What is left of, right of, above or below a thing: where that is one thing and nothing else."""
    found = [
        (one, relation, other) for one, relation, other in relations(scene) if [one] == _beside(scene, other, relation)
    ]
    if not found:
        return None
    one, relation, other = chance.choice(found)
    form = chance.choice(("What is {} the {}?", "What do you see {} the {}?"))
    to_the = "to the " if relation in ("left of", "right of") and chance.random() < 0.5 else ""
    question = form.format(to_the + relation, other.kind)
    asks: set[Fact] = {("beside", one.kind, other.kind), ("beside", other.kind, one.kind), ("there", one.kind)}
    return _asked(question, article(one.kind), asks, _exists(scene, one.kind, other.kind))


def _beside(scene: Scene, thing: Thing, relation: str) -> list[Thing]:
    """Everything on that side, in whatever row or column."""
    if relation == "left of":
        return [one for one in scene.things if one.column < thing.column]
    if relation == "right of":
        return [one for one in scene.things if one.column > thing.column]
    row = UPPER if relation == "above" else LOWER
    return [one for one in scene.things if one.row == row != thing.row]


def place(scene: Scene, chance: Random, _: Told) -> Asked | None:
    question = chance.choice(
        ("Which place is this?", "What place does the picture show?", "What is in the background?")
    )
    return _asked(question, scene.place, {("place",)}, set())


def which(scene: Scene, chance: Random, _: Told) -> Asked | None:
    """The one thing of a colour."""
    unique = [one for one in scene.singles if sum(other.colour == one.colour for other in scene.things) == 1]
    if not unique:
        return None
    thing = chance.choice(unique)
    question = chance.choice(("Which thing is {}?", "What thing is {}?")).format(thing.colour)
    return _asked(
        question, f"the {thing.kind}", {("colour", thing.kind), ("there", thing.kind)}, _exists(scene, thing.kind)
    )


def size(scene: Scene, chance: Random, _: Told) -> Asked | None:
    thing = chance.choice(scene.groups)
    many = scene.counts[thing.kind] > 1
    noun = plural(thing.kind, scene.counts[thing.kind])
    words = chance.choice(("big or small", "small or big"))
    question = f"{'Are' if many else 'Is'} the {noun} {words}?"
    return _asked(question, thing.size, {("size", thing.kind)}, _exists(scene, thing.kind))


def there(scene: Scene, chance: Random, told: Told) -> Asked | None:
    """Only where something present wasn't told of yet: else "no" would be right most of the time."""
    present = [thing.kind for thing in scene.groups if ("there", thing.kind) not in told]
    if not present:
        return None
    if chance.random() < 0.5:
        kind, answer = chance.choice(present), YES
    else:
        kind = chance.choice([name for name in PLACES[scene.place].kinds if name not in scene.counts])
        answer = NO
    form = chance.choice(("Is there {} in the picture?", "Is there {}?", "Can you see {}?"))
    return _asked(form.format(article(kind)), answer, {("there", kind)}, set())


def is_colour(scene: Scene, chance: Random, _: Told) -> Asked | None:
    thing = chance.choice(scene.groups)
    right = chance.random() < 0.5
    other = chance.choice([name for name in COLOURS if name != thing.colour and name not in PLACES[scene.place].hidden])
    many = scene.counts[thing.kind] > 1
    noun = plural(thing.kind, scene.counts[thing.kind])
    question = f"{'Are' if many else 'Is'} the {noun} {thing.colour if right else other}?"
    return _asked(question, YES if right else NO, {("colour", thing.kind)}, _exists(scene, thing.kind))


def is_beside(scene: Scene, chance: Random, _: Told) -> Asked | None:
    found = relations(scene)
    if not found:
        return None
    one, relation, other = chance.choice(found)
    right = chance.random() < 0.5
    question = f"Is the {one.kind} {relation if right else OPPOSITE[relation]} the {other.kind}?"
    asks: set[Fact] = {("beside", one.kind, other.kind), ("beside", other.kind, one.kind)}
    return _asked(question, YES if right else NO, asks, _exists(scene, one.kind, other.kind))


CLOSED: tuple[tuple[Ask, int], ...] = (
    (colour, 30),
    (count, 22),
    (neighbour, 40),
    (place, 10),
    (which, 9),
    (there, 9),
    (is_colour, 5),
    (is_beside, 5),
    (size, 6),
)
OPEN = (
    "Describe the picture.",
    "What is going on here?",
    "What can you see in this picture?",
    "Tell me about this scene.",
    "Can you describe the image for me?",
)


def described(scene: Scene, chance: Random) -> Asked:
    """An open question; its answer names every thing, in one to three sentences."""
    groups = chance.sample(scene.groups, len(scene.groups))
    parts = [called(scene, thing) for thing in groups]
    be = "is" if scene.counts[groups[0].kind] == 1 else "are"
    sentences = [
        chance.choice(
            (
                f"there {be} {listed(parts)} {scene.at}",
                f"the picture shows {listed(parts)} {scene.at}",
                f"{scene.at}, there {be} {listed(parts)}",
                f"I see {listed(parts)}, and in the background {scene.place}",
            )
        )
    ]
    found = relations(scene)
    if found and chance.random() < 0.7:
        one, relation, other = chance.choice(found)
        sentences.append(f"the {one.kind} is {relation} the {other.kind}")
    if chance.random() < 0.5:
        thing = chance.choice(groups)
        many = scene.counts[thing.kind] > 1
        sentences.append(f"the {plural(thing.kind, scene.counts[thing.kind])} {'are' if many else 'is'} {thing.size}")
    answer = " ".join(map(sentence, sentences))
    return _asked(chance.choice(OPEN), answer, set(), set())


def overview(scene: Scene, chance: Random) -> Asked:
    """An open question whose answer gives away no more than the place and how much there is."""
    question = chance.choice(("What kind of picture is this?", "What is this a picture of?"))
    number = NUMBERS[len(scene.things)]
    form = chance.choice(
        ("it is a drawing of {} with {} things in it", "this is a picture of {}, and it shows {} things")
    )
    answer = sentence(form.format(scene.place, number))
    told: set[Fact] = {("place",)}
    if len(scene.groups) == 1:  # the number of all things is that of the kind
        told.add(("count", scene.things[0].kind))
    return _asked(question, answer, {("place",)}, told)
