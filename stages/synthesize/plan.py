"""What each picture will show. All chance is here: a row's stream comes from (seed, side, number)."""

from dataclasses import dataclass

import numpy as np

from stages.foundation.paligemma2.typefaces import Typeface
from stages.synthesize.parameters import Synthesize
from stages.synthesize.words import Vocabulary

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
PALEST_TINT = 222  # a tinted paper's channels lie between this and 255
DARKEST_RED = 200  # a red line's red channel lies between this and 255, the others below REST
REST = 45
OTHER_COLOURS: tuple[Colour, ...] = (
    (30, 80, 235), (20, 150, 60), (240, 135, 0), (145, 45, 200), (230, 30, 160), (0, 160, 190)
)  # fmt: skip
BLUR = (0.3, 0.8)  # radius in final pixels of the pictures that are softened
SLANTS = (-0.14, 0.12, 0.24)  # a few, so that slanted glyphs are rendered once


@dataclass(frozen=True)
class Picture:
    """One picture, before it is fitted: sizes in pixels at `font_size`, shares of an em where said."""

    word: str
    index: int
    kind: str
    typeface: Typeface
    font_size: float  # pixels per em
    padding: float  # pixels left and right
    thickness: float  # hundredths of an em
    ellipse_scale: float
    offset: tuple[float, float]  # em
    stretch: float
    weight: float
    blur: float  # radius in final pixels; 0 = sharp
    place: tuple[float, float]  # where in the room that is left, 0..1
    paper: Colour = WHITE
    ink: Colour = BLACK
    colour: Colour = (255, 0, 0)
    slant: float = 0.0  # to the right per unit upwards, on top of the typeface's own


@dataclass(frozen=True)
class Side:
    """The words and the fonts of one side, train or test. `number` keeps their streams apart."""

    name: str
    number: int
    vocabulary: Vocabulary
    families: tuple[tuple[Typeface, ...], ...]  # each family's typefaces


def plan_picture(params: Synthesize, side: Side, number: int) -> Picture:
    """Picture `number` of a side: the same for the same seed, whoever draws it and in whichever order."""
    rng = np.random.default_rng([params.seed, side.number, number])
    word, kind = side.vocabulary.draw(rng)
    family = side.families[rng.integers(len(side.families))]
    dx, dy, tint, other, blur = rng.random(5)
    slanted = side.name == "train" and rng.random() < params.slanted
    return Picture(
        word=word,
        index=int(rng.integers(len(word))),
        kind=kind,
        typeface=family[rng.integers(len(family))],
        font_size=_within(params.font_size, rng),
        padding=_within(params.padding, rng),
        thickness=_within(params.thickness, rng),
        ellipse_scale=_within(params.ellipse_scale, rng),
        offset=(params.offset * (2 * dx - 1), params.offset * (2 * dy - 1)),
        stretch=_within(params.stretch, rng),
        weight=round(_within(params.weight, rng), 2),
        blur=_within(BLUR, rng) if blur < params.blur else 0.0,
        place=(rng.random(), rng.random()),
        paper=_colour(rng, PALEST_TINT, 256) if tint < params.tinted else WHITE,
        ink=BLACK if rng.random() < 0.5 else _colour(rng, 0, 70),
        colour=_line_colour(rng, other < params.other_colours),
        slant=float(rng.choice(SLANTS)) if slanted else 0.0,
    )


def _within(pair: tuple[float, float], rng: np.random.Generator) -> float:
    return pair[0] + (pair[1] - pair[0]) * rng.random()


def _colour(rng: np.random.Generator, low: int, high: int) -> Colour:
    red, green, blue = rng.integers(low, high, 3).tolist()
    return red, green, blue


def _line_colour(rng: np.random.Generator, other: bool) -> Colour:
    if other:
        return OTHER_COLOURS[rng.integers(len(OTHER_COLOURS))]
    return int(rng.integers(DARKEST_RED, 256)), int(rng.integers(REST)), int(rng.integers(REST))
