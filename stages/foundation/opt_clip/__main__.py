"""Train opt-clip-tiny from scratch on drawn scenes and general text; write it as two standard model folders.

OUT/vision is a CLIPModel, OUT/language an OPTForCausalLM. The two are trained side by side, one core
each. It works in a scratch folder, from which an interrupted run goes on, and replaces OUT at the end.
Imports nothing outside its own folder, so that an edit elsewhere never retrains it.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np

from stages.foundation.opt_clip.architecture import (
    make_clip,
    make_clip_tokenizer,
    make_image_processor,
    make_opt,
    make_opt_tokenizer,
)  # fmt: skip
from stages.foundation.opt_clip.describe import describe, tell
from stages.foundation.opt_clip.documents import every_wording
from stages.foundation.opt_clip.exam import material, sit_language_exam, sit_vision_exam
from stages.foundation.opt_clip.scene import draw_scene
from stages.foundation.opt_clip.schedule import TOKENIZER_SEED, TOKENIZER_TEXTS
from stages.foundation.opt_clip.side_by_side import train_both

SCRATCH = Path(".scratch/foundation/opt-clip-tiny")


def build(version: int, out: Path, scratch: Path) -> None:
    """Train (a quarter of an hour of 2 cores), sit the exams, write the folders."""
    _write_tokenizers(scratch)
    train_both(scratch)
    finished = scratch / "finished"
    shutil.rmtree(finished, ignore_errors=True)
    facts = _finish(version, scratch, finished)
    (finished / "material.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    shutil.move(finished, out)
    for left in scratch.glob("*.checkpoint.pt"):
        left.unlink()
    print("base:", json.dumps({name: facts[name]["exam"] for name in ("vision", "language")}, indent=1))


def _write_tokenizers(scratch: Path) -> None:
    """Learned from fresh draws of the texts; the same at every start."""
    rng = np.random.default_rng(TOKENIZER_SEED)
    described = [describe(tell(draw_scene(rng), rng), rng) for _ in range(TOKENIZER_TEXTS)]
    make_clip_tokenizer(described).save_pretrained(scratch / "start" / "vision")
    make_opt_tokenizer(every_wording(rng, TOKENIZER_TEXTS)).save_pretrained(scratch / "start" / "language")


def _finish(version: int, scratch: Path, finished: Path) -> dict[str, Any]:
    """Write both models in bfloat16 with all that loads them, then examine what was written."""
    import torch
    from transformers import AutoTokenizer, CLIPModel, OPTForCausalLM

    results: dict[str, Any] = {}
    sizes = {}
    for name, make, loaded, exam in (
        ("vision", make_clip, CLIPModel, sit_vision_exam),
        ("language", make_opt, OPTForCausalLM, sit_language_exam),
    ):
        tokenizer = AutoTokenizer.from_pretrained(scratch / "start" / name)
        model = make(tokenizer)
        model.load_state_dict(torch.load(scratch / f"{name}.pt", weights_only=True))
        model.to(torch.bfloat16).save_pretrained(finished / name)
        tokenizer.save_pretrained(finished / name)
        sizes[name] = sum(weights.numel() for weights in model.parameters())
        results[name] = exam(loaded.from_pretrained(finished / name, dtype=torch.float32).eval(), tokenizer)
    make_image_processor().save_pretrained(finished / "vision")
    return material(version, results["vision"], results["language"], sizes)


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
