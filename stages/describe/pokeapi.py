"""PokeAPI's CSV tables: species, their names in all languages, and their flavour text (github.com/PokeAPI/pokeapi).

A species' evolution chain is its line. The same words come again in several versions of a game: duplicates.
"""

from collections.abc import Iterator
from pathlib import Path

from stages.describe.parameters import Describe
from stages.describe.rows import Row, Survey
from stages.describe.table import csv_rows
from stages.params import UserError
from stages.record import Drop

LANGUAGES, SPECIES = "languages.csv", "pokemon_species.csv"
NAMES, FLAVOUR = "pokemon_species_names.csv", "pokemon_species_flavor_text.csv"
COLUMNS = {
    LANGUAGES: ("id", "identifier"),
    SPECIES: ("id", "evolves_from_species_id", "evolution_chain_id"),
    NAMES: ("pokemon_species_id", "local_language_id", "name"),
    FLAVOUR: ("species_id", "language_id", "flavor_text"),
}
WHERE = "PokeAPI's tables lie in data/v2/csv of github.com/PokeAPI/pokeapi"
Names = dict[str, dict[str, str]]  # species -> language's id -> name


def read(params: Describe, source: Path, _: Path) -> Survey:
    """Every flavour text with the species' name in its language."""
    if not source.is_dir():
        raise UserError(f"`folder` = {source} is no folder: give the one with {', '.join(COLUMNS)}; {WHERE}.")
    missing = [name for name in COLUMNS if not (source / name).is_file()]
    if missing:
        there = ", ".join(sorted(path.name for path in source.iterdir())) or "nothing"
        raise UserError(f"`folder` = {source} lacks {', '.join(missing)}; there is: {there}. {WHERE}.")
    languages = {row["id"]: row["identifier"] for row in _table(source, LANGUAGES)}
    if unknown := sorted(set(params.languages or ()) - set(languages.values())):
        known = ", ".join(languages.values())
        raise UserError(f"`languages`: {', '.join(unknown)} isn't in {source / LANGUAGES}; it has: {known}.")
    species = {row["id"]: row for row in _table(source, SPECIES)}
    names: Names = {}
    for row in _table(source, NAMES):
        names.setdefault(row["pokemon_species_id"], {})[row["local_language_id"]] = row["name"]
    by_line: dict[str, dict[str, set[str]]] = {}
    for key, row in species.items():
        by_line.setdefault(row["evolution_chain_id"], {})[key] = set(names.get(key, {}).values())
    return Survey(_texts(source, languages, species, names), FLAVOUR, by_line)


def _texts(
    source: Path, languages: dict[str, str], species: dict[str, dict[str, str]], names: Names
) -> Iterator[Row | Drop]:
    stages = {key: _stage(key, species) for key in species}
    for found in csv_rows(source / FLAVOUR, COLUMNS[FLAVOUR]):
        if isinstance(found, Drop):
            yield found
            continue
        number, cells = found
        key = cells["species_id"]
        row = Row(
            number,
            FLAVOUR,
            names.get(key, {}).get(cells["language_id"], ""),
            cells["flavor_text"],
            languages.get(cells["language_id"], f"number {cells['language_id']}"),
            species[key]["evolution_chain_id"] if key in species else "",
            stages.get(key, ""),
            key,
        )
        yield row if key in species else row.dropped("unknown species", f"number {key}")


def _table(source: Path, name: str) -> Iterator[dict[str, str]]:
    """The rows of a table that others refer to: a malformed one would shift their meaning."""
    for found in csv_rows(source / name, COLUMNS[name]):
        if isinstance(found, Drop):
            raise UserError(f"{found.detail}: take {name} as PokeAPI has it; {WHERE}.")
        yield found[1]


def _stage(key: str, species: dict[str, dict[str, str]]) -> str:
    """1 for what evolves from nothing, 2 for what evolves from that, ..."""
    seen: list[str] = []
    while key in species and key not in seen:
        seen.append(key)
        key = species[key]["evolves_from_species_id"]
    return str(len(seen))
