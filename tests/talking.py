"""A random FROMAGe adapter with its base, captioned set and features, laid out as a project has them."""

import json
from pathlib import Path

from grounded import FEATURES, RECIPE, captioned
from grounding import make_base

from stages.features.stage import run as features
from stages.grounding.adapter import save_adapter
from stages.grounding.build import build
from stages.record import Record
from stages.train.grounding.stage import what_predict_needs


def project(root: Path) -> list[Record]:
    """Write `models/` and `data/` of a project at `root`, whose adapter is models/trained/pets; returns the set."""
    base = make_base(root / "models/base/tiny")
    records = captioned(root / "data/caption/pets")
    (root / "params.yaml").write_text("threads: 1\n")
    (root / "data/features").mkdir()
    features(FEATURES, pictures=root / "data/caption/pets", base=base, out=root / "data/features/pets")
    model, _ = build(RECIPE, base, 48, "cpu")
    adapter = root / "models/trained/pets"
    save_adapter(model, adapter)
    (adapter / "plumbline.json").write_text(json.dumps(what_predict_needs(RECIPE)))
    return records
