"""Train idefics-tiny from scratch on drawn scenes and made-up words; write it as a standard model folder.

It works in a scratch folder, from which an interrupted run goes on, and replaces OUT at the end.
Imports nothing outside its own folder, so that an edit elsewhere never retrains it.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from stages.foundation.idefics.architecture import make_model, make_processor, make_tokenizer
from stages.foundation.idefics.documents import tokenizer_texts
from stages.foundation.idefics.exam import material, sit_exam
from stages.foundation.idefics.scene import draw_scene
from stages.foundation.idefics.schedule import BOTH, DECODER, TOKENIZER_SCENES, TOKENIZER_SEED, TOWER
from stages.foundation.idefics.side_by_side import load_tokenizer, train

SCRATCH = Path(".scratch/foundation/idefics-tiny")


def build(version: int, out: Path, scratch: Path) -> None:
    """Train (a quarter of an hour of 2 cores), sit the exam, write the folder."""
    _start(scratch)
    train(scratch)
    finished = scratch / "finished"
    shutil.rmtree(finished, ignore_errors=True)
    facts = _finish(version, scratch, finished)
    (finished / "material.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    shutil.move(finished, out)
    shutil.rmtree(scratch)
    print("base:", json.dumps(facts["exam"], indent=1))


def _start(scratch: Path) -> None:
    """Leave the processor in scratch/start; what is left of a run with other numbers is cleared away."""
    numbers = json.dumps([vars(one) for one in (TOWER, DECODER, BOTH)])
    known = scratch / "schedule.json"
    if known.is_file() and known.read_text(encoding="utf-8") == numbers:
        return
    shutil.rmtree(scratch, ignore_errors=True)
    rng = np.random.default_rng(TOKENIZER_SEED)
    texts = tokenizer_texts([draw_scene(rng) for _ in range(TOKENIZER_SCENES)], rng)
    make_processor(make_tokenizer(texts)).save_pretrained(scratch / "start")
    known.write_text(numbers, encoding="utf-8")


def _finish(version: int, scratch: Path, finished: Path) -> dict[str, Any]:
    """Write the model in bfloat16 with all that loads it, then examine what was written."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    tokenizer = load_tokenizer(scratch)
    model = make_model(tokenizer)
    model.load_state_dict(torch.load(scratch / "model.pt", weights_only=True))
    model.to(torch.bfloat16).save_pretrained(finished)
    AutoProcessor.from_pretrained(scratch / "start").save_pretrained(finished)
    whole = sum(weights.numel() for weights in model.parameters())
    tower = sum(weights.numel() for weights in model.model.vision_model.parameters())
    written = AutoModelForImageTextToText.from_pretrained(finished, dtype=torch.float32).eval()
    return material(version, sit_exam(written, tokenizer), {"all": whole, "vision": tower})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", type=int, required=True, help="foundation.version of params.yaml")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    try:
        build(given.version, given.out, SCRATCH)
    except KeyboardInterrupt:
        print("stopped by Ctrl+C; run the same command again to go on.", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
