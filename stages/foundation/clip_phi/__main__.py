"""Train clip-phi-tiny from scratch on drawn scenes and general text; write it as two standard model folders.

OUT/vision is a CLIPModel, OUT/language a PhiForCausalLM. The two are trained side by side, one core
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

from stages.foundation.clip_phi.architecture import (
    make_clip,
    make_clip_tokenizer,
    make_image_processor,
    make_phi,
    make_phi_tokenizer,
)  # fmt: skip
from stages.foundation.clip_phi.documents import every_wording
from stages.foundation.clip_phi.exam import material, sit_language_exam, sit_vision_exam
from stages.foundation.clip_phi.prose import prose_paragraphs
from stages.foundation.clip_phi.scene import draw_scene
from stages.foundation.clip_phi.schedule import LANGUAGE, TOKENIZER_SEED, TOKENIZER_TEXTS, VISION
from stages.foundation.clip_phi.side_by_side import train_both
from stages.foundation.clip_phi.vision import alt_text

SCRATCH = Path(".scratch/foundation/clip-phi-tiny")


def build(version: int, out: Path, scratch: Path) -> None:
    """Train (a quarter of an hour of 2 cores), sit the exams, write the folders."""
    _start(scratch)
    train_both(scratch)
    finished = scratch / "finished"
    shutil.rmtree(finished, ignore_errors=True)
    facts = _finish(version, scratch, finished)
    (finished / "material.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    shutil.move(finished, out)
    shutil.rmtree(scratch)
    print("base:", json.dumps({name: facts[name]["exam"] for name in ("vision", "language")}, indent=1))


def _start(scratch: Path) -> None:
    """Leave the tokenizers in scratch/start; a run that goes on keeps its own, one with other numbers starts anew."""
    numbers = json.dumps([vars(VISION), vars(LANGUAGE), TOKENIZER_TEXTS, TOKENIZER_SEED])
    known = scratch / "schedule.json"
    if known.is_file() and known.read_text(encoding="utf-8") == numbers:
        return
    shutil.rmtree(scratch, ignore_errors=True)
    rng = np.random.default_rng(TOKENIZER_SEED)
    described = [alt_text(draw_scene(rng), rng) for _ in range(TOKENIZER_TEXTS)]
    make_clip_tokenizer(described).save_pretrained(scratch / "start" / "vision")
    make_phi_tokenizer(every_wording(rng, list(prose_paragraphs()), TOKENIZER_TEXTS)).save_pretrained(
        scratch / "start" / "language"
    )
    known.write_text(numbers, encoding="utf-8")


def _finish(version: int, scratch: Path, finished: Path) -> dict[str, Any]:
    """Write both models in bfloat16 with all that loads them, then examine what was written."""
    import torch
    from transformers import AutoTokenizer, CLIPModel, PhiForCausalLM

    results: dict[str, Any] = {}
    sizes = {}
    for name, make, loaded, exam in (
        ("vision", make_clip, CLIPModel, sit_vision_exam),
        ("language", make_phi, PhiForCausalLM, sit_language_exam),
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
