"""What sceneries are painted on and with: fades, clouds, hills and trees."""

from dataclasses import dataclass

from PIL import Image, ImageDraw

from stages.creatures.chance import Chance
from stages.creatures.geometry import Points, ellipse, loop, ribbon
from stages.creatures.painter import Colour, mixed, whole


@dataclass(frozen=True)
class Ground:
    """What a scenery is painted on; `horizon` and `side` in painted pixels."""

    image: Image.Image
    pen: ImageDraw.ImageDraw
    side: int
    horizon: int
    chance: Chance

    def fill(self, points: Points, colour: tuple[int, ...]) -> None:
        """A shape whose points are shares of the side."""
        self.pen.polygon(whole(tuple((x * self.side, y * self.side) for x, y in points)), fill=colour)

    def fade(self, top: Colour, bottom: Colour, start: int, end: int) -> None:
        """From one colour to the other, downwards between two rows."""
        if end > start:
            strip = Image.new("RGB", (1, 2))
            strip.putdata([top, bottom])
            self.image.paste(strip.resize((self.side, end - start), Image.Resampling.BILINEAR), (0, start))

    def shade(self, colour: Colour, reach: int = 22) -> Colour:
        """The colour, somewhat lighter or darker by chance."""
        change = self.chance.whole(-reach, reach)
        red, green, blue = (min(255, max(0, channel + change)) for channel in colour)
        return red, green, blue

    @property
    def level(self) -> float:
        """The horizon as a share of the side."""
        return self.horizon / self.side


def clouds(ground: Ground, count: int, colour: tuple[int, ...]) -> None:
    for _ in range(count):
        x, y, size = ground.chance.between(0, 1), ground.chance.between(0.03, 0.35), ground.chance.between(0.06, 0.14)
        for dx, dy, share in ((-0.9, 0.1, 0.6), (0, 0, 1), (0.9, 0.12, 0.66), (0.4, -0.3, 0.6)):
            ground.fill(ellipse(x + dx * size, y + dy * size, size * share, size * share * 0.55), colour)


def hills(ground: Ground, colour: Colour, height: float) -> None:
    """Two ridges behind the horizon, the farther one paler."""
    for pale in (0.35, 0.0):
        tops = [(step / 4, ground.level - ground.chance.between(0, height)) for step in range(-1, 6)]
        ridge = loop([(-0.4, ground.level + 0.1), *tops, (1.5, ground.level + 0.1)])
        ground.fill(ridge, mixed(colour, (240, 240, 250), pale))


def tree(ground: Ground, x: float, y: float, height: float, leaves: Colour) -> None:
    ground.fill(ribbon([(x, y), (x, y - height * 0.6)], [height * 0.07, height * 0.05]), (128, 98, 74))
    for dx, dy, radius in ((-0.16, -0.6, 0.24), (0.17, -0.62, 0.25), (0, -0.84, 0.26)):
        ground.fill(ellipse(x + dx * height, y + dy * height, radius * height, radius * height), leaves)


def fir(ground: Ground, x: float, y: float, height: float) -> None:
    for step in range(3):
        top, half = y - height * (0.45 + step * 0.26), height * (0.34 - step * 0.08)
        ground.fill(
            ((x - half, top + height * 0.4), (x, top), (x + half, top + height * 0.4)), ground.shade((84, 122, 116), 10)
        )


def palm(ground: Ground, x: float) -> None:
    top, lean = ground.level - ground.chance.between(0.25, 0.5), ground.chance.between(-0.1, 0.1)
    ground.fill(
        ribbon([(x, ground.level + 0.05), (x + lean * 0.3, (ground.level + top) / 2), (x + lean, top)], [0.022, 0.014]),
        (148, 116, 84),
    )
    for dx, dy in ((-0.17, 0.04), (0.17, 0.04), (-0.12, -0.08), (0.12, -0.08), (-0.08, 0.12), (0.09, 0.12)):
        ground.fill(
            ribbon(
                [(x + lean, top), (x + lean + dx * 0.6, top + dy - 0.05), (x + lean + dx, top + dy + 0.03)],
                [0.022, 0.02, 0.002],
            ),
            (88, 150, 96),
        )
