"""Train paligemma2-tiny from scratch on general reading material and write it as a standard model folder.

It works in a scratch folder, from which an interrupted run goes on, and replaces OUT at the end.
Imports nothing outside its own folder, so that an edit elsewhere never retrains it.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from stages.foundation.paligemma2.architecture import make_model, make_processor, make_tokenizer
from stages.foundation.paligemma2.exam import material, sit_exam
from stages.foundation.paligemma2.questions import every_text
from stages.foundation.paligemma2.schedule import FONT_FAMILIES, FONT_SOURCES, SCHEDULE
from stages.foundation.paligemma2.train import train
from stages.foundation.paligemma2.typefaces import FontError, find_typefaces

SCRATCH = Path(".scratch/foundation/paligemma2-tiny")


def build(version: int, out: Path, scratch: Path) -> None:
    """Train (about an hour of 2 cores), sit the exam, write the folder."""
    import torch
    from transformers import AutoTokenizer

    found = find_typefaces(FONT_FAMILIES, FONT_SOURCES)
    faces = [face.path for family in found.values() for face in family]
    start = scratch / "start"
    make_processor(make_tokenizer(every_text())).save_pretrained(start)
    tokenizer = AutoTokenizer.from_pretrained(start)
    train(SCHEDULE, start, faces, scratch)

    model = make_model(tokenizer)
    model.load_state_dict(torch.load(scratch / "model.pt", weights_only=True))
    model = model.to(torch.bfloat16).eval()
    processor = make_processor(tokenizer)
    finished = scratch / "finished"
    shutil.rmtree(finished, ignore_errors=True)
    model.save_pretrained(finished)
    processor.save_pretrained(finished)
    facts = material(SCHEDULE, version, list(found), sit_exam(model, processor, faces))
    (finished / "material.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    shutil.move(finished, out)
    (scratch / "checkpoint.pt").unlink(missing_ok=True)
    for name, result in facts["tasks"].items():
        print(f"base: {name:20s} {result['accuracy']:.3f} of {result['asked']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", type=int, required=True, help="foundation.version of params.yaml")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    try:
        build(given.version, given.out, SCRATCH)
    except FontError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("stopped by Ctrl+C; run the same command again to go on.", file=sys.stderr)
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
