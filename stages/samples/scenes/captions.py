"""Five captions a picture, in different words: each is true, none says everything."""

from collections.abc import Callable, Iterator
from random import Random

from stages.samples.scenes.scene import Scene, Thing
from stages.samples.scenes.wording import NUMBERS, article, called, listed, relations, sentence

CAPTIONS = 5
LOOSE = {
    "left of": ("left of", "to the left of", "on the left side of"),
    "right of": ("right of", "to the right of", "on the right side of"),
    "above": ("above", "over", "higher up than"),
    "below": ("below", "under", "underneath"),
}


def captions_of(scene: Scene, chance: Random) -> list[str]:
    """Five different captions. Ways to say it take turns, so that two captions of one picture differ in form."""
    captions: list[str] = []
    while len(captions) < CAPTIONS:
        for way in chance.sample(_WAYS, len(_WAYS)):
            for caption in way(scene, chance):
                if caption not in captions:
                    captions.append(caption)
                    break
            if len(captions) == CAPTIONS:
                break
    return captions


def _some(scene: Scene, chance: Random, most: int) -> list[Thing]:
    """One thing each of some kinds, never of all where there are several."""
    groups = scene.groups
    count = min(most, max(1, len(groups) - 1))
    return chance.sample(groups, chance.randint(1, count))


def _where(scene: Scene, chance: Random) -> str:
    return chance.choice((scene.at, scene.at, f"in a picture of {scene.place}"))


def _said(scene: Scene, chance: Random, thing: Thing) -> str:
    return called(scene, thing, coloured=chance.random() < 0.8, sized=chance.random() < 0.35)


def _plain(scene: Scene, chance: Random) -> Iterator[str]:
    parts = [_said(scene, chance, thing) for thing in _some(scene, chance, 3)]
    yield sentence(f"{listed(parts)} {_where(scene, chance)}")


def _there(scene: Scene, chance: Random) -> Iterator[str]:
    things = _some(scene, chance, 2)
    be = "is" if scene.counts[things[0].kind] == 1 else "are"
    parts = [_said(scene, chance, thing) for thing in things]
    yield sentence(f"there {be} {listed(parts)} {chance.choice(('here', scene.at, scene.at))}")


def _one(scene: Scene, chance: Random) -> Iterator[str]:
    thing = chance.choice(scene.groups)
    start = chance.choice(("a picture of", "a drawing of", "this shows", "here we see", "look at"))
    yield sentence(f"{start} {_said(scene, chance, thing)}")


def _related(scene: Scene, chance: Random) -> Iterator[str]:
    found = relations(scene)
    if found:
        one, relation, other = chance.choice(found)
        colours = [f"{thing.colour} " if chance.random() < 0.75 else "" for thing in (one, other)]
        parts = [article(colour + thing.kind) for colour, thing in zip(colours, (one, other), strict=True)]
        be = chance.choice(("", "is ", "can be seen "))
        yield sentence(f"{parts[0]} {be}{chance.choice(LOOSE[relation])} {parts[1]}")


def _counted(scene: Scene, chance: Random) -> Iterator[str]:
    kinds = len(scene.groups)
    total = len(scene.things)
    if kinds == 1:
        yield sentence(f"{NUMBERS[total]} things of the same kind {scene.at}")
    yield sentence(
        f"{scene.place} with {NUMBERS[total]} things, one of them {article(chance.choice(scene.things).kind)}"
    )


def _placed(scene: Scene, chance: Random) -> Iterator[str]:
    thing = chance.choice(scene.groups)
    be = "is" if scene.counts[thing.kind] == 1 else "are"
    if len(scene.groups) > 1:
        verb = chance.choice((be, "can be seen"))
        yield sentence(f"{scene.at}, {_said(scene, chance, thing)} {verb} among other things")
    yield sentence(f"{scene.at}, there {be} {_said(scene, chance, thing)}")


def _scenic(scene: Scene, chance: Random) -> Iterator[str]:
    thing = chance.choice(scene.groups)
    start = chance.choice(("a view of", "a scene from", "a look at"))
    yield sentence(f"{start} {scene.place} with {_said(scene, chance, thing)} in it")


_WAYS: tuple[Callable[[Scene, Random], Iterator[str]], ...] = (
    _plain,
    _plain,
    _there,
    _one,
    _related,
    _related,
    _counted,
    _placed,
    _scenic,
)
