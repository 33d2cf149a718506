"""Train gemma-tiny from scratch on general text and work on words; write it as a standard model folder.

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

from stages.foundation.gemma.architecture import make_model, make_tokenizer
from stages.foundation.gemma.documents import tokenizer_texts
from stages.foundation.gemma.exam import material, sit_exam
from stages.foundation.gemma.schedule import LANGUAGE, TOKENIZER_SEED, TOKENIZER_TEXTS
from stages.foundation.gemma.side_by_side import load_tokenizer, train

SCRATCH = Path(".scratch/foundation/gemma-tiny")


def build(version: int, out: Path, scratch: Path) -> None:
    """Train, sit the exam, write the folder."""
    _start(version, scratch)
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


def _start(version: int, scratch: Path) -> None:
    """Leave the tokenizer in scratch/start; what is left of another version or other numbers is cleared away."""
    numbers = json.dumps({"version": version, **vars(LANGUAGE)})
    known = scratch / "schedule.json"
    if known.is_file() and known.read_text(encoding="utf-8") == numbers:
        return
    shutil.rmtree(scratch, ignore_errors=True)
    texts = tokenizer_texts(np.random.default_rng(TOKENIZER_SEED), TOKENIZER_TEXTS)
    make_tokenizer(texts).save_pretrained(scratch / "start")
    known.write_text(numbers, encoding="utf-8")


def _finish(version: int, scratch: Path, finished: Path) -> dict[str, Any]:
    """Write the model in bfloat16 with all that loads it, then examine what was written."""
    import torch
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(scratch)
    model = make_model(tokenizer)
    model.load_state_dict(torch.load(scratch / "model.pt", weights_only=True))
    model.to(torch.bfloat16).save_pretrained(finished)
    tokenizer.save_pretrained(finished)
    parameters = sum(weights.numel() for weights in model.parameters())
    written = AutoModelForCausalLM.from_pretrained(finished, dtype=torch.float32, attn_implementation="eager").eval()
    return material(version, sit_exam(written, tokenizer), parameters)


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
