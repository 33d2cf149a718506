"""A small project in the real layout, for the tests of lineage: real tables, pictures, lock file and sealed adapters.

Recipes: `letters` learns from pictures that were drawn, `more` goes on from it, `creatures` learns captions of
pictures that were scraped. Nothing here needs torch, DVC or a network.
"""

import json
import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image as Pillow
from PIL import ImageDraw
from safetensors.numpy import save_file
from sealing_lock import write_lock

from stages.params import load_params
from stages.record import Drop, Image, Record, Source, Text, facts_of, write_drops, write_manifest, write_rows
from stages.seal.parameters import SealedRecipe
from stages.seal.stage import run
from stages.shards import sha256, shard_of, write_shard
from stages.tokenize.answers.rows import TokenizedRow
from stages.tokenize.answers.rows import write_tokenized as write_answers
from stages.tokenize.grounding.rows import CaptionRow
from stages.tokenize.grounding.rows import write_tokenized as write_captions
from stages.train.consumed import write_consumed

RECIPES = ("letters", "creatures", "more")
TITLE = "<script>alert('title')</script> of a creature"  # a stranger's title: must stay text
WORDS = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "hazel", "islet", "jetty", "knoll", "larch")
HERE = Path(__file__).with_name("sealing.yaml")


def make_project(tmp_path: Path) -> Path:
    """The project's root, with all three recipes trained, evaluated and sealed."""
    project = tmp_path / "project"
    project.mkdir(parents=True)
    told = yaml.safe_load(HERE.read_text(encoding="utf-8"))
    for name in ("params.yaml", "dvc.yaml"):
        (project / name).write_text(yaml.safe_dump(told[name], sort_keys=False), encoding="utf-8")
    for path, text in told["files"].items():
        target = project / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    make_base(project / "models/base/tiny")
    make_letters(project)
    make_creatures(project)
    for name in RECIPES:
        make_trained(project, name)
    for name in RECIPES:
        seal(project, name)
    return project


def seal(project: Path, name: str) -> Path:
    """Run the seal stage for one recipe, as after `dvc repro` of all before it; the adapter folder."""
    write_lock(project)
    out = project / "models/adapters" / name
    run(
        load_params(SealedRecipe, f"recipes.{name}", project / "params.yaml"),
        name=name,
        trained=project / "models/trained" / name,
        metrics=project / f"reports/metrics/{name}.json",
        base=project / "models/base/tiny",
        project=project,
        out=out,
        seal=project / f"reports/seals/{name}.json",
    )
    return out


def commit(project: Path, message: str) -> str:
    """Commit what a real tree tracks; the commit's id. Data, weights and scratch stay out."""
    (project / ".gitignore").write_text(
        "/data/synthesize/\n/data/scrape/\n/data/curate/\n/data/caption/\n/data/tokenize/\n"
        "/models/trained/\n/models/adapters/\n/reports/predictions/\n/.scratch/\n"
    )
    git = ["git", "-C", str(project), "-c", "user.name=Test", "-c", "user.email=test@example.org"]
    if not (project / ".git").exists():
        subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", message], check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def picture(seed: int, size: int = 24) -> bytes:
    """A PNG that no other seed draws."""
    rng = np.random.default_rng(seed)
    image = Pillow.new("RGB", (size, size), tuple(int(value) for value in rng.integers(0, 256, 3)))
    corners = sorted(int(value) for value in rng.integers(0, size, 4))
    ImageDraw.Draw(image).rectangle((corners[0], corners[1], corners[2], corners[3]), fill=(seed % 256, 40, 200))
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def write_table(
    folder: Path, rows: list[Record], pictures: dict[str, bytes], drops: list[Drop], facts: dict[str, Any]
) -> None:
    """A finished table folder: rows, drops, shards, manifest."""
    folder.mkdir(parents=True)
    write_rows(folder / "rows.parquet", rows)
    write_drops(folder / "drops.csv", drops)
    for shard in sorted({row.image.shard for row in rows}):
        write_shard(folder / shard, [(row.image.member, pictures[row.id]) for row in rows if row.image.shard == shard])
    dropped = {reason: sum(drop.reason == reason for drop in drops) for reason in {drop.reason for drop in drops}}
    write_manifest(folder, {"rows_in": len(rows) + len(drops), "rows_out": len(rows), "dropped": dropped, **facts})


def image_of(row: str, data: bytes) -> Image:
    size = Pillow.open(BytesIO(data)).size
    return Image(sha256(data), shard_of(row), f"{row}.png", *size)


def make_letters(project: Path) -> None:
    """12 drawn words; curate drops one; 8 are for training."""
    pictures = {f"letters-{number:06d}": picture(number) for number in range(len(WORDS))}
    rows = [
        Record(
            id=row,
            image=image_of(row, data),
            texts=(),
            label=word[0].upper(),
            entity=word,
            source=Source(
                "generator", "CC0-1.0", generator="plumbline.synthesize/1", seed=7,
                parameters=json.dumps({"word": word.upper(), "family": "Roboto" if number % 2 else "Caladea"}),
            ),
        )
        for number, (word, (row, data)) in enumerate(zip(WORDS, pictures.items(), strict=True))
    ]  # fmt: skip
    drawn, curated = project / "data/synthesize/letters", project / "data/curate/letters"
    write_table(drawn, rows, pictures, [], {"stage": "synthesize"})
    kept = [replace(row, split="train" if number < 8 else "test") for number, row in enumerate(rows[:-1])]
    drops = [Drop(rows[-1].id, "word is withheld", rows[-1].entity)]
    write_table(curated, kept, pictures, drops, {"stage": "curate", "upstream": facts_of(drawn)})
    for name in ("letters", "more"):
        folder = project / "data/tokenize" / name
        folder.mkdir(parents=True)
        write_answers(
            folder / "rows.parquet",
            [TokenizedRow(row.id, row.split, row.label, row.label, (1, 2, 3), (4, 5), row.image) for row in kept],
        )
        write_drops(folder / "drops.csv", [])
        facts = {"stage": "tokenize", "rows_in": 11, "rows_out": 11, "dropped": {}, "upstream": facts_of(curated)}
        write_manifest(folder, facts)


def make_creatures(project: Path) -> None:
    """10 scraped pictures of 5 creatures on two hosts; curate drops two; captions come from the log."""
    raw = {f"{number:024x}": picture(100 + number) for number in range(10)}
    rows = [
        Record(
            id=row,
            image=replace(image_of(row, data), member=sha256(data), width=0, height=0),
            texts=(),
            label=f"creature{number // 2}",
            entity=f"creature{number // 2}",
            source=Source(
                "url",
                "unknown" if number == 8 else ("CC-BY-4.0", "CC0-1.0")[number % 2],
                url=f"http://gallery{number % 2}.example.org/creature{number // 2}/{number}.png",
                page=f"http://gallery{number % 2}.example.org/creature{number // 2}/",
                licence_url="https://creativecommons.org/licenses/by/4.0/",
                date="2026-11-21",
                importer="plumbline.scrape/1",
                parameters=json.dumps({"query": f"creature{number // 2} creature", "title": TITLE}),
                sha256=sha256(data),
            ),
        )
        for number, (row, data) in enumerate(raw.items())
    ]
    folders = {stage: project / f"data/{stage}/creatures" for stage in ("scrape", "curate", "caption", "tokenize")}
    missing = [Drop("f" * 24, "gone: HTTP 404", "http://gallery1.example.org/gone.png")]
    write_table(folders["scrape"], rows, raw, missing, {"stage": "scrape", "endpoint": "local"})
    scaled = {row: picture(100 + number, size=16) for number, row in enumerate(raw)}
    kept = [
        replace(row, image=image_of(row.id, scaled[row.id]), split="train" if number < 6 else "test")
        for number, row in enumerate(rows[:8])
    ]
    drops = [Drop(rows[8].id, "licence not allowed", "unknown"), Drop(rows[9].id, "near duplicate", rows[7].id)]
    write_table(folders["curate"], kept, scaled, drops, {"stage": "curate", "upstream": facts_of(folders["scrape"])})
    texts = {
        row.id: (
            Text(f"A {row.label} seen from the left", "person:ana"),
            Text(f"This is {row.label}", "model:tiny-captioner prompt 12ab34cd"),
        )
        for row in kept
    }
    lines = [
        {"sha256": row.origin, "action": "caption", "text": text.text, "author": text.author,
         "at": "2026-11-21T15:24:05+00:00"}
        for row in kept for text in texts[row.id]
    ]  # fmt: skip
    (project / "data/captions/creatures.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    captioned = [replace(row, texts=texts[row.id]) for row in kept]
    write_table(
        folders["caption"], captioned, scaled, [], {"stage": "caption", "upstream": facts_of(folders["curate"])}
    )
    folders["tokenize"].mkdir(parents=True)
    write_captions(
        folders["tokenize"],
        CaptionRow,
        [
            CaptionRow(f"{row.id}/{number}", row.id, row.image.sha256, row.split, row.entity, text.text, (1, 2, 3))
            for row in captioned
            for number, text in enumerate(row.texts)
        ],
    )
    write_drops(folders["tokenize"] / "drops.csv", [])
    facts = {
        "stage": "tokenize",
        "rows_in": 16,
        "rows_out": 16,
        "dropped": {},
        "upstream": facts_of(folders["caption"]),
    }
    write_manifest(folders["tokenize"], facts)


def make_base(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "tiny"}\n')
    save_file({"weight": np.arange(12, dtype=np.float32)}, folder / "model.safetensors", {"format": "pt"})


def make_trained(project: Path, name: str) -> None:
    """Weights, the rows that were consumed in two epochs, an environment, metrics and predictions."""
    folder = project / "models/trained" / name
    folder.mkdir(parents=True)
    number = RECIPES.index(name)
    tensors = {f"layer.lora_{side}.weight": np.full((2, 3), number + 0.5, np.float32) for side in "AB"}
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    if name == "creatures":
        (folder / "config.json").write_text('{"model_type": "fromage", "language": "tiny"}\n')
        ids = [f"{row:024x}/{caption}" for row in range(6) for caption in range(2)]
    else:
        config = {"peft_type": "LORA", "r": 3, "base_model_name_or_path": "tiny", "target_modules": ["layer"]}
        (folder / "adapter_config.json").write_text(json.dumps(config) + "\n")
        ids = [f"letters-{row:06d}" for row in range(8)]
    orders = [np.random.default_rng([number, epoch]).permutation(len(ids)).tolist() for epoch in range(2)]
    write_consumed(folder / "consumed.parquet", [ids[place] for order in orders for place in order], 4)
    (folder / "loss.csv").write_text("step,loss,learning_rate\n1,2.5000,0.002\n2,1.2500,0.001\n")
    (folder / "plumbline.json").write_text(json.dumps({"task": "letter", "base": "tiny"}, indent=1) + "\n")
    environment = {
        "python": "3.11.9",
        "platform": "linux x86_64",
        "device": {"kind": "cpu", "name": None},
        "threads": 2,
        "packages": {"peft": "0.21.2", "torch": "2.9.0"},
    }
    (folder / "environment.json").write_text(json.dumps(environment, indent=1) + "\n")
    scores = {
        "zero_shot": {"exact": 0.1, "exact_low": 0.0, "exact_high": 0.2},
        "tuned": {"exact": 0.9 - number / 10, "exact_low": 0.6, "exact_high": 0.95},
        "rows": 4,
    }
    metrics, predictions = project / f"reports/metrics/{name}.json", project / f"reports/predictions/{name}.jsonl"
    for path in (metrics, predictions):
        path.parent.mkdir(parents=True, exist_ok=True)
    metrics.write_text(json.dumps(scores, indent=1, sort_keys=True) + "\n")
    answers = [{"id": row, "entity": row, "tuned_correct": {"exact": place < 3}} for place, row in enumerate(ids[:4])]
    predictions.write_text("".join(json.dumps(line) + "\n" for line in answers))
