"""How things are called in a sentence: articles, plurals, lists."""

from stages.samples.scenes.catalogue import KINDS
from stages.samples.scenes.scene import Scene, Thing

NUMBERS = ("no", "one", "two", "three", "four", "five")


def plural(kind: str, count: int) -> str:
    return kind if count == 1 else KINDS[kind].plural


def article(noun: str) -> str:
    """`noun` with "a" or "an"."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def called(scene: Scene, thing: Thing, *, coloured: bool = True, sized: bool = False) -> str:
    """All of its kind: "a red ball", "three small cups"."""
    count = scene.counts[thing.kind]
    words = [thing.size] * sized + [thing.colour] * coloured + [plural(thing.kind, count)]
    return article(" ".join(words)) if count == 1 else " ".join([NUMBERS[count], *words])


def listed(parts: list[str]) -> str:
    """ "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def relations(scene: Scene) -> list[tuple[Thing, str, Thing]]:
    """(thing, "left of" ..., other) of every two things that are the only ones of their kind.

    Above and below are said of one column, left and right of two.
    """
    found = []
    for one in scene.singles:
        for other in scene.singles:
            if one.column < other.column:
                found += [(one, "left of", other), (other, "right of", one)]
            elif one.column == other.column and one.row < other.row:
                found += [(one, "above", other), (other, "below", one)]
    return found
