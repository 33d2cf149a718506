"""A small captioned set and a recipe for the tests of the grounding stages."""

import json
from pathlib import Path
from typing import Any

from captions import COLOURS, curated

from stages.features.parameters import FeatureParams
from stages.grounding.recipe import GroundingRecipe
from stages.recipe import Model
from stages.record import Record, Text, facts_of, write_manifest, write_rows

RECIPE = GroundingRecipe.model_validate(
    {
        "objective": "grounding",
        "source": "caption",
        "dataset": "pets",
        "base": "tiny",
        "features": "pets",
        "task": "retrieval",
        "model": {"language": {"id": "tiny"}, "vision": {"id": "tiny"}},
        "tokenize": {"max_length": 64, "longest_dialogue": 80},
        "train": {
            "seed": 1,
            "quantisation": "none",
            "compute_dtype": "float32",
            "learning_rate": 0.01,
            "num_train_epochs": 2,
            "per_device_train_batch_size": 4,
            "shared_width": 16,
            "visual_tokens": 2,
            "weights": {"dialogue": 1.0},
        },
        "evaluate": {"batch_size": 8, "max_new_tokens": 4, "bootstrap_samples": 100, "device": "cpu"},
    }
)
FEATURES = FeatureParams(source="caption", dataset="pets", base="tiny", model=Model(id="tiny"), device="cpu")


def changed(part: str, **values: Any) -> GroundingRecipe:
    """RECIPE with other values in one of its sections."""
    return RECIPE.model_copy(update={part: getattr(RECIPE, part).model_copy(update=values)})


def captioned(folder: Path, count: int = 16, texts: dict[int, list[str]] | None = None) -> list[Record]:
    """A finished captioned set: two captions and a dialogue a picture; `texts` replaces a picture's captions."""
    records = []
    for number, record in enumerate(curated(folder, count)):
        colour = COLOURS[number % 8]
        told = (texts or {}).get(number, [f"a {colour} pet {number}", f"the pet {number} is {colour}"])
        records.append(Record(**{**vars(record), "texts": tuple(Text(text, "generator:pets seed 1") for text in told)}))
    write_rows(folder / "rows.parquet", records)
    with (folder / "dialogues.jsonl").open("w", encoding="utf-8") as stream:
        for number, record in enumerate(records):
            turns = [{"question": "what is it?", "answer": "a pet"}]
            turns.append({"question": "which colour?", "answer": COLOURS[number % 8]})
            stream.write(json.dumps({"id": record.id, "sha256": record.origin, "turns": turns, "author": "x"}) + "\n")
    facts = facts_of(folder)
    (folder / "manifest.json").unlink()
    write_manifest(folder, facts | {"stage": "caption"})
    return records
