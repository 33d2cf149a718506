"""One picture under way: the canvas, the chance, and the facts that captions are made from."""

from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any

from stages.samples.sports.canvas import Camera, Canvas, Colour, Point
from stages.samples.sports.colours import contrasting, mixed, varied
from stages.samples.sports.figure import Look, Pose, Spot, draw_person
from stages.samples.sports.scenery import GROUNDS, SKIES, draw_scenery

WHITE: Colour = (244, 244, 240)
DARK: Colour = (38, 38, 42)
STEEL: Colour = (176, 182, 190)
WOOD: Colour = (164, 112, 62)


@dataclass
class Facts:
    """What was drawn, in words that a caption can use."""

    sport: str
    place: str
    ground: str
    behind: str
    people: int = 0
    shirts: list[str] = field(default_factory=list)
    gear: str = ""
    action: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Scene:
    """Draws people and equipment over scenery, and keeps count of them."""

    def __init__(self, sport: str, place: str, chance: Random, size: int) -> None:
        self.chance = chance
        name, ground = chance.choice(sorted(GROUNDS[place].items()))
        self.ground = varied(chance, ground)
        self.back = varied(chance, chance.choice(SKIES), 20)
        outline = None if chance.random() < 0.3 else varied(chance, (34, 30, 36), 20)
        self.canvas = Canvas(size, Camera.chosen(chance), outline)
        behind = draw_scenery(self.canvas, chance, place, self.ground, self.back, chance.uniform(0.34, 0.62))
        self.facts = Facts(sport, place, name, behind)
        self._teams: dict[int, tuple[str, Colour]] = {}

    def person(self, spot: Spot, pose: Pose, team: int = 0) -> None:
        """A person in `pose`; those of one team wear one colour."""
        if team not in self._teams:
            taken = [colour for _, colour in self._teams.values()]
            self._teams[team] = contrasting(self.chance, [self.ground, self.back, *taken])
        name, shirt = self._teams[team]
        self.facts.people += 1
        if name not in self.facts.shirts:
            self.facts.shirts.append(name)
        jitter = self.chance.uniform(-0.012, 0.012)
        posed = replace(pose, neck=(pose.neck[0] + jitter, pose.neck[1] + jitter))
        draw_person(self.canvas, spot, posed, Look.chosen(self.chance, shirt, [self.ground, self.back]))

    def gear(self, noun: str = "") -> Colour:
        """A colour that stands out, for equipment; with `noun`, captions may name it."""
        name, colour = contrasting(self.chance, [self.ground, self.back], tries=5)
        if noun:
            self.facts.gear = f"{name} {noun}"
        return colour

    def people(self, *choices: int) -> int:
        return self.chance.choice(choices)

    def near(self, value: float, spread: float) -> float:
        """`value`, a little off."""
        return value + self.chance.uniform(-spread, spread)

    def coin(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def net(self, left: float, right: float, bottom: float, top: float, slope: float = 0.0) -> None:
        """A net between two heights; `slope` moves its right end up, as seen from the side of a court."""
        canvas, colour = self.canvas, mixed(self.ground, self.contrast(), 0.75)
        canvas.line([(left, bottom), (right, bottom + slope)], 0.012, colour, plain=True)
        steps = max(4, round((right - left) / 0.09))
        for step in range(steps + 1):
            x, rise = left + (right - left) * step / steps, slope * step / steps
            canvas.line([(x, bottom + rise), (x, top + rise)], 0.009, colour, plain=True)
        for row in range(1, max(2, round((top - bottom) / 0.09))):
            y = bottom + (top - bottom) * row / max(2, round((top - bottom) / 0.09))
            canvas.line([(left, y), (right, y + slope)], 0.009, colour, plain=True)
        canvas.line([(left, top), (right, top + slope)], 0.035, WHITE)

    def contrast(self) -> Colour:
        """White on a dark ground, dark on a light one."""
        return DARK if sum(self.ground) > 400 else WHITE

    def splash(self, centre: Point, size: float) -> None:
        """White water."""
        for _ in range(7):
            x, y = self.near(centre[0], size), centre[1] + abs(self.near(0, size * 0.6))
            self.canvas.disc((x, y), self.chance.uniform(0.12, 0.3) * size, (240, 246, 250), plain=True)

    def lines(self, *ends: tuple[Point, Point], width: float = 0.02) -> None:
        """Court lines."""
        colour = mixed(self.ground, self.contrast(), 0.8)
        for end in ends:
            self.canvas.line(end, width, colour, plain=True)
