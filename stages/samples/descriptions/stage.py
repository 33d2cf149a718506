"""Made-up creatures and what is told of them, as a table and in PokeAPI's layout.

`descriptions.csv` (name, line, stage, language, description) has planted dirt, `pokeapi/` has the clean rows, some of
them twice. `drawn.json` tells what every creature is and which rows are dirt; nothing that reads the set looks there.
"""

import csv
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from stages.record import new_folder, write_manifest
from stages.samples.descriptions import english, pokeapi, translations
from stages.samples.descriptions.creatures import Creature, draw_creatures
from stages.samples.descriptions.dirt import Row, plant
from stages.samples.descriptions.parameters import Descriptions

GENERATOR = "plumbline.samples.descriptions/1"
HEADER = ("name", "line", "stage", "language", "description")


def run(params: Descriptions, *, out: Path) -> None:
    """Write `params`' creatures into the folder `out`."""
    creatures = draw_creatures(params)
    clean = [row for creature in creatures for row in _rows(params, creature)]
    planted = plant(clean, params.dirt, Random(f"{params.seed}/dirt"))
    new_folder(out)
    with (out / "descriptions.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(row.cells for row in planted)
    again = pokeapi.write_tables(out / "pokeapi", creatures, clean)
    _write_drawn(out / "drawn.json", params, creatures, planted)
    write_manifest(out, _facts(params, creatures, clean, planted, again))


def _rows(params: Descriptions, creature: Creature) -> list[Row]:
    """The clean rows of a creature; each is drawn by itself, so that more descriptions change no other creature's."""
    chance = Random(f"{params.seed}/{creature.name}")
    texts = english.describe(creature, chance, params.descriptions)
    rows = [Row(creature, "en", creature.name, text) for text in texts]
    if chance.random() < params.translated:
        rows.append(Row(creature, "de", creature.name, translations.german(creature, chance)))
    if chance.random() < params.translated:
        rows.append(Row(creature, "ko", creature.korean, translations.korean(creature, chance)))
    return rows


def _write_drawn(path: Path, params: Descriptions, creatures: list[Creature], rows: list[Row]) -> None:
    """One creature a line, and one planted row a line, so that a person can search it."""
    drawn = ",\n".join(json.dumps(one.as_dict(), ensure_ascii=False, sort_keys=True) for one in creatures)
    dirt = ",\n".join(
        json.dumps({"row": number, "dirt": row.dirt, "of": row.creature.name}, sort_keys=True)
        for number, row in enumerate(rows, start=1)
        if row.dirt
    )
    head = f'"generator": "{GENERATOR}", "seed": {params.seed}'
    path.write_text(f'{{{head}, "creatures": [\n{drawn}\n], "dirt": [\n{dirt}\n]}}\n', encoding="utf-8")


def _facts(
    params: Descriptions, creatures: list[Creature], clean: list[Row], planted: list[Row], again: int
) -> dict[str, Any]:
    return {
        "stage": "samples.descriptions",
        "generator": GENERATOR,
        "seed": params.seed,
        "lines": len({one.line for one in creatures}),
        "creatures": len(creatures),
        "rows": len(planted),
        "languages": dict(sorted(Counter(row.language for row in clean).items())),
        "saying_the_name": sum(row.name.casefold() in row.text.casefold() for row in clean),
        "dirt": dict(sorted(Counter(row.dirt for row in planted if row.dirt).items())),
        "texts_again": again,
    }
