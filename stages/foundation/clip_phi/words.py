"""What the base's scenes are made of, and the words for it: a drawing uses the keys, a text one of the phrases."""

import numpy as np

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
    "red": (206, 40, 42), "orange": (240, 134, 34), "yellow": (246, 216, 58), "green": (58, 156, 70),
    "blue": (46, 98, 210), "purple": (130, 66, 178), "pink": (244, 144, 186), "brown": (124, 78, 44),
    "black": (38, 36, 42), "white": (246, 246, 244), "grey": (142, 144, 150),
}  # fmt: skip
KINDS = (
    "ball", "box", "cup", "book", "chair", "table", "lamp", "tree", "flower", "house", "car", "boat", "fish", "bird",
    "cat", "dog", "star", "kite",
)  # fmt: skip
NOUNS = {"fish": "fish", "box": "boxes"}  # plurals that take more than an s
PLACES: dict[str, tuple[str, ...]] = {
    "room": ("in a room", "inside a room", "indoors, in a room"), "street": ("in a street", "on a street"),
    "beach": ("on a beach", "at the beach"), "meadow": ("in a meadow", "on a meadow", "in a green meadow"),
    "forest": ("in a forest", "in the forest", "among the trees of a forest"),
    "sea": ("in the sea", "on the sea", "at sea"), "snow": ("in the snow", "on the snow"),
    "night": ("at night", "in the night", "in the dark of the night"),
}  # fmt: skip
# "It is {place}" and "the picture shows {place}": the place as a name
PLACE_NAMES = {
    "room": "a room", "street": "a street", "beach": "a beach", "meadow": "a meadow", "forest": "a forest",
    "sea": "the sea", "snow": "the snow", "night": "the night",
}  # fmt: skip
RELATIONS = ("left", "right", "above", "below")
OPPOSITE = {"left": "right", "right": "left", "above": "below", "below": "above"}
RELATION_PHRASES: dict[str, tuple[str, ...]] = {
    "left": ("left of", "to the left of", "on the left of"),
    "right": ("right of", "to the right of", "on the right of"),
    "above": ("above", "over"), "below": ("below", "under"),
}  # fmt: skip
SIZES: dict[str, tuple[str, ...]] = {"small": ("small", "small", "little"), "big": ("big", "big", "large")}
ACROSS, DOWN = ("left", "middle", "right"), ("top", "middle", "bottom")
NUMBERS = ("no", "one", "two", "three", "four", "five")
DIGITS = dict(zip(NUMBERS[1:], "12345", strict=True))
EVERY_WORD = (
    *COLOURS, *KINDS, *NUMBERS, *PLACES, *RELATIONS, "small", "big", "top", "bottom", "middle", "yes", "no",
)  # fmt: skip


def pick(rng: np.random.Generator, values: tuple[str, ...]) -> str:
    return values[int(rng.integers(len(values)))]


def plural(noun: str) -> str:
    return NOUNS.get(noun, f"{noun}s")


def an(text: str) -> str:
    """With its article."""
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"
