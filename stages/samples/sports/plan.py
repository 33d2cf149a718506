"""Which files are drawn, under which names and in which formats, and which of them are planted dirt."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from stages.samples.sports.catalogue import SPORTS
from stages.samples.sports.parameters import Sports

FORMATS = ("JPEG",) * 90 + ("PNG",) * 6 + ("WEBP",) * 4
EXTENSIONS = {"JPEG": (".jpg",) * 7 + (".jpeg", ".JPG", ".JPEG"), "PNG": (".png", ".png", ".PNG"), "WEBP": (".webp",)}
WRONG, NONE = 0.02, 0.01  # shares of files with another format's extension, and with none
NEAR = {
    "bobsled": "luge", "canoeing": "rowing", "tug of war": "log rolling", "skiing": "snowboarding",
    "high jump": "pole vault",
    "tennis": "badminton", "table tennis": "tennis", "judo": "boxing", "surfing": "skateboarding", "swimming": "diving",
}  # fmt: skip

DUPLICATE, CONTRADICTORY, HTML, TRUNCATED = "duplicate", "contradictory", "html", "truncated"


@dataclass(frozen=True)
class File:
    """A file to write: into whose class folder, what it shows, and what is wrong with it ("" for nothing)."""

    folder: str
    name: str
    sport: str
    number: int
    format: str
    dirt: str = ""
    copy_of: str = ""  # path below `classes/` of the original

    @property
    def path(self) -> str:
        return f"{self.folder}/{self.name}"


def plan_files(params: Sports) -> list[File]:
    """All class files; every share of dirt is counted against the drawn pictures and rounded once for the set."""
    originals = [_original(params, sport, number) for sport in SPORTS for number in range(params.pictures)]
    chance = Random(f"{params.seed}/dirt")
    twice, twofold = (round(share * len(originals)) for share in (params.duplicates, params.contradictory))
    copied = chance.sample(originals, twice + twofold)
    files = originals + [_duplicate(file, chance) for file in copied[:twice]]
    files += [_contradiction(params, file, chance) for file in copied[twice:]]
    files += _broken(params, round(params.broken * len(originals)), chance)
    return files


def folder_of(seed: int, sport: str) -> str:
    """A class folder's name: some sets have spaces in them, some underscores."""
    return sport.replace(" ", "_") if Random(f"{seed}/{sport}/folder").random() < 0.5 else sport


def _original(params: Sports, sport: str, number: int) -> File:
    chance = Random(f"{params.seed}/{sport}/{number}/file")
    kind = chance.choice(FORMATS)
    return File(
        folder_of(params.seed, sport), _name(chance, sport, number) + _extension(chance, kind), sport, number, kind
    )


def _name(chance: Random, sport: str, number: int) -> str:
    """A file name as cameras, downloads and people make them; the number keeps it apart from all others."""
    return chance.choice(
        (
            f"{number:03d}",
            f"{number:03d}",
            f"{number:03d}",
            f"IMG_{4000 + number}",
            f"DSC{number:05d}",
            f"{sport}_{number}",
            f"{sport} {number}",
            f"image ({number})",
            f"{number}_{chance.getrandbits(40):010x}",
            f"Été {number}",
            f"写真_{number}",
            f"{sport.title().replace(' ', '')}-{number}.final",
        )
    )


def _extension(chance: Random, kind: str) -> str:
    draw = chance.random()
    if draw < NONE:
        return ""
    if draw < NONE + WRONG:
        return ".png" if kind == "JPEG" else ".jpg"
    return chance.choice(EXTENSIONS[kind])


def _duplicate(file: File, chance: Random) -> File:
    stem, dot, extension = file.name.rpartition(".")
    name = chance.choice((f"{stem} (1){dot}{extension}", f"{stem} - Copy{dot}{extension}", f"copy of {file.name}"))
    return File(file.folder, name, file.sport, file.number, file.format, DUPLICATE, file.path)


def _contradiction(params: Sports, file: File, chance: Random) -> File:
    """The same picture in another class: a near one where there is one, as people confuse these."""
    others = [sport for sport in SPORTS if sport != file.sport]
    other = NEAR.get(file.sport, "") or chance.choice(others)
    name = f"{file.sport[:4]}_{file.name}" if chance.random() < 0.5 else f"x{file.number}_{file.name}"
    return File(folder_of(params.seed, other), name, file.sport, file.number, file.format, CONTRADICTORY, file.path)


def _broken(params: Sports, count: int, chance: Random) -> Iterator[File]:
    """Downloads that went wrong: half of them web pages, half of them cut off."""
    for index in range(count):
        sport = chance.choice(list(SPORTS))
        number = params.pictures + index  # a picture that is nowhere else
        kind = HTML if index % 2 == 0 else TRUNCATED
        yield File(folder_of(params.seed, sport), f"{number:03d}.jpg", sport, number, "JPEG", kind)
