"""What the tests of verification share: a sealed project whose dvc.lock knows the seals, and a changed byte."""

import yaml
from sealing import RECIPES, make_project

from stages.lineage.locked import md5_of


def locked_project(tmp_path):
    """The project, with its `seal` stages in dvc.lock as DVC writes them."""
    project = make_project(tmp_path)
    lock = yaml.safe_load((project / "dvc.lock").read_text())
    for name in RECIPES:
        out = f"models/adapters/{name}"
        outs = [{"path": path, "md5": md5_of(project / path)} for path in (out, f"reports/seals/{name}.json")]
        cmd = f"python -m stages.seal --name {name} --out {out} --seal reports/seals/{name}.json"
        lock["stages"][f"seal@{name}"] = {"cmd": cmd, "outs": outs}
    (project / "dvc.lock").write_text(yaml.safe_dump(lock, sort_keys=False))
    return project


def flip(path, place, by=1):
    content = bytearray(path.read_bytes())
    content[place] ^= by
    path.write_bytes(content)
