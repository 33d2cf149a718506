"""The sports: what each is called, where it takes place, who does it, and how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from stages.samples.sports import athletics, contests, courts, water, winter
from stages.samples.sports.scene import Scene

HALL, FIELD, WATER, SNOW, ICE = ("hall",), ("field",), ("water",), ("snow",), ("ice",)


@dataclass(frozen=True)
class Sport:
    """`doing` follows "is"; `names` are what captions call the sport after "during": the label if there are none."""

    label: str
    draw: Callable[[Scene], str]  # draws, and says what the people are doing
    places: tuple[str, ...]
    person: str
    doing: str
    names: tuple[str, ...] = ()

    @property
    def persons(self) -> str:
        return "people" if self.person == "person" else f"{self.person}s"

    def name(self, chance: Random) -> str:
        return chance.choice(self.names or (self.label,))


_ALL = (
    Sport("archery", contests.archery, FIELD + HALL + FIELD, "archer", "practising archery"),
    Sport("badminton", courts.badminton, HALL + FIELD, "player", "playing badminton"),
    Sport("basketball", courts.basketball, HALL + FIELD, "player", "playing basketball"),
    Sport("bobsled", winter.bobsled, SNOW + ICE, "athlete", "racing in a bobsled", ("bobsled", "bobsledding")),
    Sport("bowling", courts.bowling, HALL, "bowler", "playing a game of bowling", ("bowling", "ten-pin bowling")),
    Sport("boxing", contests.boxing, HALL, "boxer", "taking part in boxing"),
    Sport("canoeing", water.canoeing, WATER, "person", "canoeing", ("canoeing", "canoe racing")),
    Sport("cycling", athletics.cycling, FIELD + HALL, "cyclist", "cycling", ("cycling", "bicycle racing")),
    Sport("diving", water.diving, WATER, "athlete", "diving", ("diving", "springboard diving")),
    Sport("fencing", contests.fencing, HALL + FIELD, "fencer", "fencing"),
    Sport("figure skating", winter.figure_skating, ICE, "skater", "figure skating"),
    Sport("football", courts.football, FIELD + FIELD + HALL, "player", "playing football", ("football", "soccer")),
    Sport("golf", courts.golf, FIELD, "golfer", "playing golf"),
    Sport(
        "high jump",
        athletics.high_jump,
        FIELD + HALL,
        "jumper",
        "doing the high jump",
        ("the high jump", "high jumping"),
    ),
    Sport("hockey", courts.hockey, ICE, "player", "playing hockey", ("hockey", "ice hockey")),
    Sport("judo", contests.judo, HALL, "fighter", "fighting in judo"),
    Sport("log rolling", water.log_rolling, WATER, "person", "log rolling", ("log rolling", "birling")),
    Sport("luge", winter.luge, SNOW + ICE, "athlete", "riding a luge", ("luge", "luge racing")),
    Sport(
        "pole vault",
        athletics.pole_vault,
        FIELD + HALL,
        "vaulter",
        "doing the pole vault",
        ("the pole vault", "pole vaulting"),
    ),
    Sport(
        "rings",
        contests.rings,
        HALL,
        "gymnast",
        "doing gymnastics on the rings",
        ("gymnastics on the rings", "the rings"),
    ),
    Sport("rowing", water.rowing, WATER, "rower", "rowing"),
    Sport("sailing", water.sailing, WATER, "sailor", "sailing", ("sailing", "yacht racing")),
    Sport("skateboarding", athletics.skateboarding, FIELD + HALL, "skater", "skateboarding"),
    Sport("skiing", winter.skiing, SNOW, "skier", "skiing", ("skiing", "alpine skiing")),
    Sport("snowboarding", winter.snowboarding, SNOW, "rider", "snowboarding"),
    Sport("surfing", water.surfing, WATER, "surfer", "surfing"),
    Sport("swimming", water.swimming, WATER, "swimmer", "swimming"),
    Sport(
        "table tennis",
        courts.table_tennis,
        HALL + FIELD,
        "player",
        "playing table tennis",
        ("table tennis", "ping pong"),
    ),
    Sport("tennis", courts.tennis, FIELD + HALL, "player", "playing tennis"),
    Sport(
        "tug of war", contests.tug_of_war, FIELD + HALL, "person", "playing tug of war", ("tug of war", "rope pulling")
    ),
    Sport("volleyball", courts.volleyball, HALL + FIELD, "player", "playing volleyball"),
    Sport(
        "weightlifting", contests.weightlifting, HALL, "lifter", "weightlifting", ("weightlifting", "weight lifting")
    ),
)

SPORTS: dict[str, Sport] = {sport.label: sport for sport in _ALL}
