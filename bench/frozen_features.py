"""FROMAGe's training on cached features against the same training that runs the vision tower at every step.

    python -m bench.frozen_features [--rounds 3] [--steps 6] [--batch 16] [--language 125m] [--tower bfloat16]

Both are the product's own loop, losses and rows; what differs is where a batch's features come from. The
language model has the shape of an OPT, the tower that of CLIP ViT-L/14, with random weights. First the gate:
the same batches give the same losses. Then both in turn, over several rounds; the time of a step is the median
without the first two of each run, so loading and warming up count for neither.
"""

import argparse
import io
import os
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from stages.features.store import Features
from stages.features.tower import Identity, Tower
from stages.grounding.recipe import Train, Weights
from stages.tokenize.grounding.encode import Marks
from stages.tokenize.grounding.rows import CaptionRow
from stages.train.grounding.batches import Collator, Rows
from stages.train.grounding.objective import losses, weighted
from stages.train.loop import fit

SHAPES = {  # width, layers, heads, feed-forward: facebook/opt-125m and facebook/opt-350m's layers at width 1024
    "125m": (768, 12, 12, 3072),
    "350m": (1024, 24, 16, 4096),
}
VOCABULARY = 50_272
CAPTION = (14, 28)  # tokens: 10 to 20 words
SIDE = 256  # pixels of the pictures as they lie in the shards
UNCOUNTED = 2  # steps at the beginning of a run
EQUAL = 2e-2  # of the losses, relative: bfloat16 towers don't give the same bits for other batch sizes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6, help="counted steps of a run")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--language", choices=SHAPES, default="125m")
    parser.add_argument("--tower", choices=("bfloat16", "float32"), default="bfloat16")
    given = parser.parse_args()
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(os.cpu_count() or 1)
    model, tower = make_parts(given.language, given.tower)
    rows, pictures = make_rows(given.batch * (given.steps + UNCOUNTED))
    cached_of, fresh_of = collators(rows, pictures, tower, settings_of(given))
    items = Rows(rows, range(len(rows)))
    if not gate(model, items, cached_of, fresh_of, given.batch):
        return 1
    ratios = []
    for number in range(given.rounds):
        cached, fresh = (step_seconds(model, items, collate, settings_of(given)) for collate in (cached_of, fresh_of))
        ratios.append(fresh / cached)
        print(f"round {number + 1}: a step takes {cached:.2f} s cached, {fresh:.2f} s uncached: {ratios[-1]:.1f} x")
    print(
        f"OPT-{given.language} and ViT-L/14 ({given.tower}), {given.batch} rows a step: median "
        f"{statistics.median(ratios):.1f} x ({min(ratios):.1f}-{max(ratios):.1f}); load {os.getloadavg()[0]:.2f}"
    )
    return 0


def settings_of(given: argparse.Namespace) -> Train:
    return Train(
        seed=1,
        quantisation="none",
        compute_dtype="bfloat16",
        learning_rate=1e-4,
        max_steps=given.steps + UNCOUNTED,
        num_train_epochs=None,
        per_device_train_batch_size=given.batch,
        interleaved=0.0,
        weights=Weights.model_validate({}),
    )


def make_parts(shape: str, tower_dtype: str) -> tuple[Any, Tower]:
    """A FROMAGe over random weights, and the tower, both in their real shapes."""
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModel, OPTConfig, OPTForCausalLM
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    from stages.grounding.model import Fromage

    width, layers, heads, inner = SHAPES[shape]
    language = OPTForCausalLM(
        OPTConfig(
            vocab_size=VOCABULARY,
            hidden_size=width,
            word_embed_proj_dim=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            ffn_dim=inner,
        )
    ).to(torch.bfloat16)
    config = CLIPVisionConfig(
        hidden_size=1024,
        intermediate_size=4096,
        num_hidden_layers=24,
        num_attention_heads=16,
        image_size=224,
        patch_size=14,
        projection_dim=768,
    )
    vision = CLIPVisionModel(config).to(getattr(torch, tower_dtype)).eval().requires_grad_(False)
    model = Fromage.over(language, vision, ret_id=VOCABULARY - 7, seed=1)
    return model, Tower(Identity("random", "", {}), CLIPImageProcessorPil(), vision, "cpu")


def make_rows(count: int) -> tuple[list[CaptionRow], dict[str, bytes]]:
    """Rows with captions of real lengths, each with a picture of its own as PNG."""
    from PIL import Image

    rng = np.random.default_rng(1)
    rows, pictures = [], {}
    for number in range(count):
        name = f"{number:064x}"
        ids = tuple(rng.integers(4, VOCABULARY - 8, size=rng.integers(*CAPTION)).tolist())
        rows.append(CaptionRow(name, name, name, "train", name, "", ids))
        stream = io.BytesIO()
        noise = rng.integers(0, 255, (8, 8, 3), np.uint8)
        Image.fromarray(noise).resize((SIDE, SIDE)).save(stream, "PNG")
        pictures[name] = stream.getvalue()
    return rows, pictures


Collate = Callable[[list[dict[str, Any]]], dict[str, Any]]


def collators(
    rows: list[CaptionRow], pictures: dict[str, bytes], tower: Tower, settings: Train
) -> tuple[Collate, Collate]:
    """The product's collator on cached features; and one that opens the pictures and runs the tower each time."""
    from PIL import Image

    marks = Marks(bos=(2,), eos=2, ret=VOCABULARY - 7, pad=1, visual_tokens=settings.visual_tokens)

    def seen(some: list[CaptionRow]) -> np.ndarray:
        return tower.pooled([Image.open(io.BytesIO(pictures[row.sha256])) for row in some])

    def features_of(some: list[CaptionRow]) -> Features:
        place = {row.sha256: number for number, row in enumerate(some)}
        return Features(Path("bench"), tower.identity, seen(some), place)

    size = settings.per_device_train_batch_size
    parts = [seen(rows[i : i + size]) for i in range(0, len(rows), size)]
    everything = {row.sha256: number for number, row in enumerate(rows)}
    cached = Collator(marks, Features(Path("bench"), tower.identity, np.concatenate(parts), everything), {}, settings)

    def uncached(items: list[dict[str, Any]]) -> dict[str, Any]:
        return Collator(marks, features_of([item["row"] for item in items]), {}, settings)(items)

    return cached, uncached


def gate(model: Any, items: Rows, cached_of: Collate, fresh_of: Collate, batch: int) -> bool:
    """Whether one batch's losses are the same either way."""
    import torch

    some = [items[i] for i in range(batch)]
    with torch.no_grad():
        one, other = (losses(model, collate(some), Weights.model_validate({})) for collate in (cached_of, fresh_of))
    for name in one:
        mine, theirs = float(one[name]), float(other[name])
        print(f"gate: {name} {mine:.4f} cached, {theirs:.4f} uncached")
        if abs(mine - theirs) > EQUAL * abs(theirs):
            print("the losses differ: no time is worth anything")
            return False
    return True


def step_seconds(model: Any, items: Rows, collate: Collate, settings: Train) -> float:
    """The median time of a step of the product's training loop."""
    ends = [time.perf_counter()]
    loss = settings.weights
    fit(
        model,
        items,
        collate,
        lambda wrapped, batch: weighted(wrapped, batch, loss),
        settings,
        "cpu",
        after_step=lambda: ends.append(time.perf_counter()),
    )
    took = [end - start for start, end in pairwise(ends)]
    return statistics.median(took[UNCOUNTED:])


if __name__ == "__main__":
    raise SystemExit(main())
