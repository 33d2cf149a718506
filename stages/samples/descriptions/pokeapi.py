"""The clean rows as PokeAPI has them: ids for everything, texts in short lines with form feeds and soft hyphens."""

import csv
import textwrap
from collections.abc import Iterable
from pathlib import Path

from stages.samples.descriptions.creatures import Creature
from stages.samples.descriptions.dirt import Row

LANGUAGES = {"ko": (3, "ko", "kr"), "de": (6, "de", "de"), "en": (9, "en", "us")}  # PokeAPI's own numbers
VERSIONS = 4  # of the game; a text comes again in another version now and then
AGAIN = 10  # one text in as many
WIDTH, LINES_A_PAGE = 32, 3
SOFT_HYPHEN = 5  # one long word at a line's end in as many is broken
SPECIES = (
    "id,identifier,generation_id,evolves_from_species_id,evolution_chain_id,color_id,shape_id,habitat_id,gender_rate,"
    "capture_rate,base_happiness,is_baby,hatch_counter,has_gender_differences,growth_rate_id,forms_switchable,"
    "is_legendary,is_mythical,order,conquest_order"
)


def write_tables(folder: Path, creatures: list[Creature], rows: Iterable[Row]) -> int:
    """The four tables; returns how many texts come again."""
    folder.mkdir()
    _write(
        folder / "languages.csv",
        "id,iso639,iso3166,identifier,official,order",
        [(number, iso, country, key, 1, number) for key, (number, iso, country) in LANGUAGES.items()],
    )
    _write(folder / "pokemon_species.csv", SPECIES, [_species(one) for one in creatures])
    names = [
        (one.number, number, one.korean if key == "ko" else one.name, "")
        for one in creatures
        for key, (number, _, _) in sorted(LANGUAGES.items(), key=lambda item: item[1])
    ]
    _write(folder / "pokemon_species_names.csv", "pokemon_species_id,local_language_id,name,genus", names)
    texts: list[tuple[object, ...]] = []
    again = 0
    for index, row in enumerate(rows):
        version = index % VERSIONS + 1
        line = (row.creature.number, version, LANGUAGES[row.language][0], flavoured(row.text, index))
        texts.append(line)
        if index % AGAIN == 0:
            texts.append((line[0], version + VERSIONS, *line[2:]))
            again += 1
    _write(folder / "pokemon_species_flavor_text.csv", "species_id,version_id,language_id,flavor_text", texts)
    return again


def flavoured(text: str, index: int) -> str:
    """`text` in lines of a handheld's screen: "\\n" between lines, a form feed between pages, some soft hyphens."""
    lines = textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    pieces = []
    for number, line in enumerate(lines):
        if index % SOFT_HYPHEN == 0 and number + 1 < len(lines) and len(lines[number + 1].split()[0]) >= 8:
            first, _, rest = lines[number + 1].partition(" ")
            line, lines[number + 1] = f"{line} {first[:4]}\u00ad", f"{first[4:]} {rest}".strip()
        pieces.append(line)
        if number + 1 < len(lines):
            pieces.append("\f" if (number + 1) % LINES_A_PAGE == 0 and not line.endswith("\u00ad") else "\n")
    return "".join(pieces)


def _species(one: Creature) -> tuple[object, ...]:
    before = one.number - 1 if one.stage > 1 else ""
    return (one.number, one.name.lower(), 1, before, one.line, 1, 1, 1, 4, 45, 50, 0, 20, 0, 1, 0, 0, 0, one.number, "")


def _write(path: Path, header: str, rows: Iterable[tuple[object, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)
