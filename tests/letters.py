"""A small made-up recipe for tests: curated and tokenized folders, a random base, a random adapter."""

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageDraw

from stages.answers.recipe import AnswerRecipe
from stages.record import Image, Record, Source, Text, write_drops, write_manifest, write_rows
from stages.shards import sha256, shard_of, write_shard
from stages.tokenize.answers.rows import TokenizedRow, write_tokenized

PROMPT = "Which letter is being circled?"
FAMILIES = ("Roboto", "Caladea")

RECIPE = AnswerRecipe.model_validate(
    {
        "objective": "answers",
        "source": "curate",
        "dataset": "letters",
        "base": "tiny",
        "task": "letter",
        "model": {"id": "tiny"},
        "tokenize": {"prompt": PROMPT},
        "train": {
            "seed": 1,
            "lora_rank": 4,
            "lora_alpha": 8,
            "target_modules": ["q_proj", "v_proj"],
            "learning_rate": 0.001,
            "num_train_epochs": 1,
            "per_device_train_batch_size": 4,
        },
        "evaluate": {"batch_size": 4, "max_new_tokens": 3, "bootstrap_samples": 100, "device": "cpu"},
    }
)


def picture(word: str, index: int) -> Pillow.Image:
    """A 256 x 64 strip: the word in Pillow's own font and a red ellipse around one letter."""
    strip = Pillow.new("RGB", (256, 64), "white")
    draw = ImageDraw.Draw(strip)
    for i, letter in enumerate(word):
        draw.text((8 + 12 * i, 24), letter, fill="black")
    draw.ellipse((4 + 12 * index, 18, 18 + 12 * index, 40), outline="red", width=2)
    return strip


def png(image: Pillow.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def record(word: str, index: int, split: str, /, **drawn: Any) -> tuple[Record, bytes]:
    """One circled letter and its picture's bytes; `drawn` replaces what was drawn, None leaves it out."""
    data = png(picture(word, index))
    row_id = f"{split}-{word}-{index}"
    facts = {
        "word": word,
        "index": index,
        "family": FAMILIES[len(word) % 2],
        "style": "Regular",
        "kind": "listed",
        "length": len(word),
        "thickness": 2,
        "thickness_of_em": 3 + index % 6,
    }
    known = json.dumps({key: value for key, value in (facts | drawn).items() if value is not None})
    row = Record(
        id=row_id,
        image=Image(sha256(data), shard_of(row_id), f"{row_id}.png", 256, 64),
        texts=(Text(word[index], "letters seed 1"),),
        label=word[index],
        entity=word.lower(),
        source=Source(kind="generator", licence="CC0-1.0", generator="letters", parameters=known),
        split=split,
    )
    return row, data


def write_shards(folder: Path, rows: list[tuple[Record, bytes]]) -> None:
    by_shard: dict[str, list[tuple[str, bytes]]] = {}
    for row, data in rows:
        by_shard.setdefault(row.image.shard, []).append((row.image.member, data))
    for shard, members in by_shard.items():
        write_shard(folder / shard, members)


def write_curated(folder: Path, rows: list[tuple[Record, bytes]]) -> Path:
    folder.mkdir(parents=True)
    write_shards(folder, rows)
    write_rows(folder / "rows.parquet", [row for row, _ in rows])
    write_drops(folder / "drops.csv", [])
    splits = {split: sum(row.split == split for row, _ in rows) for split in ("train", "test")}
    facts = {"stage": "curate", "rows_in": len(rows) + 3, "rows_out": len(rows), "dropped": {"duplicate": 3}}
    upstream = {"stage": "synthesize", "rows_out": len(rows) + 3, "dropped": {}}
    write_manifest(folder, {**facts, "split": "words_and_fonts", "splits": splits, "upstream": upstream})
    return folder


def write_tokens(folder: Path, rows: list[tuple[Record, bytes]], prefix: list[int]) -> Path:
    folder.mkdir(parents=True)
    write_shards(folder, rows)
    tokenized = [
        TokenizedRow(row.id, row.split, row.label, row.label, tuple(prefix), (7, 1), row.image) for row, _ in rows
    ]
    write_tokenized(folder / "rows.parquet", tokenized)
    write_drops(folder / "drops.csv", [])
    receipt = {
        "prompt": PROMPT,
        "rows": len(rows),
        "supervised_tokens": 2 * len(rows),
        "checks": {"eos": "every answer ends with <eos>, and <eos> is supervised"},
        "examples": [{"id": rows[0][0].id, "text": f"<image>×64<bos>{PROMPT}\n", "supervised": "k<eos>"}],
    }
    (folder / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")
    write_manifest(folder, {"stage": "tokenize", "rows": len(rows)})
    return folder


def write_base(folder: Path) -> Path:
    """A random-weight PaliGemma 2 of the embedded base's own architecture."""
    import torch

    from stages.foundation.paligemma2.architecture import make_model, make_processor, make_tokenizer
    from stages.foundation.paligemma2.questions import every_text

    tokenizer = make_tokenizer(every_text())
    torch.manual_seed(1)
    model = make_model(tokenizer)
    model.model.language_model.norm.weight.data.fill_(30)  # decided answers, instead of all equally likely
    model.save_pretrained(folder)
    make_processor(tokenizer).save_pretrained(folder)
    return folder


def write_adapter(folder: Path, base: Path) -> Path:
    """A random LoRA adapter in peft's layout, beside a loss curve."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForImageTextToText

    torch.manual_seed(2)
    config = LoraConfig(
        r=4, lora_alpha=64, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False
    )
    get_peft_model(AutoModelForImageTextToText.from_pretrained(base), config).save_pretrained(folder)
    write_loss(folder)
    return folder


def write_loss(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    steps = [f"{step},{4 / (1 + step / 10):.4f},{0.001 * (1 - step / 40):.6f}" for step in range(40)]
    (folder / "loss.csv").write_text("\n".join(["step,loss,learning_rate", *steps]) + "\n", encoding="utf-8")
    return folder
