"""A small project whose recipe is trained by plain Python, and its seals: for the tests of `lineage diff`."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml
from flowing import git

from stages.lineage.form import Lineage, seal_of, text_of
from stages.record import Drop, Image, Record, Source, Text, write_drops, write_rows
from stages.shards import sha256_of_file

WHO = ("-c", "user.name=a", "-c", "user.email=a@b")
SEAL = "reports/seals/toy.json"
PREDICTIONS = "reports/predictions/toy.jsonl"

DVC = """
stages:
  curate:
    foreach: ${curate}
    do:
      cmd: python stages/curate.py ${key}
      deps: [data/words, stages/curate.py]
      params: ["curate.${key}"]
      outs: ["data/curate/${key}"]
  evaluate:
    foreach: ${recipes}
    do:
      cmd: python stages/evaluate.py ${key}
      deps: ["data/curate/${item.dataset}", "models/base/${item.base}", stages/evaluate.py]
      params: ["recipes.${key}"]
      metrics:
        - reports/metrics/${key}.json: {cache: false}
      outs: ["reports/predictions/${key}.jsonl"]
"""

CURATE = """
import sys, yaml
from pathlib import Path
kept = yaml.safe_load(open("params.yaml"))["curate"][sys.argv[1]]["keep"]
out = Path("data/curate", sys.argv[1])
out.mkdir(parents=True)
(out / "words.txt").write_text("\\n".join(Path("data/words/list.txt").read_text().split()[:kept]))
"""

# right: test words of up to reach * (words that were kept) * (the base's number) letters
EVALUATE = """
import json, sys, yaml
from pathlib import Path
STRICT = False
key = sys.argv[1]
row = yaml.safe_load(open("params.yaml"))["recipes"][key]
if row["train"].get("strict") and not STRICT:
    sys.exit("this code knows no `strict`")
words = Path("data/curate", row["dataset"], "words.txt").read_text().split()
reach = row["train"]["reach"] * len(words) * int(Path("models/base", row["base"], "w.txt").read_text())
tests = [f"{letter}{'x' * n}" for letter in "ab" for n in range(10)]
lines = [
    {"id": one, "label": one, "entity": one, "tuned_correct": {"exact": len(one) <= reach}}
    for one in tests
]
for folder in ("metrics", "predictions"):
    Path("reports", folder).mkdir(parents=True, exist_ok=True)
exact = sum(line["tuned_correct"]["exact"] for line in lines) / len(lines)
Path(f"reports/metrics/{key}.json").write_text(json.dumps({"tuned": {"exact": exact}}))
Path(f"reports/predictions/{key}.jsonl").write_text("".join(json.dumps(line) + "\\n" for line in lines))
"""

PARAMS: dict[str, Any] = {
    "curate": {"toy": {"keep": 2}},
    "recipes": {"toy": {"dataset": "toy", "base": "tiny", "train": {"reach": 1}}},
}
FILES = {
    "dvc.yaml": DVC,
    "stages/curate.py": CURATE,
    "stages/evaluate.py": EVALUATE,
    "data/words/list.txt": "one two three four",
    "models/base/tiny/w.txt": "1",
    ".gitignore": ".scratch/\n/data/curate\n/reports/predictions\n/models/trained\n",
}


def toy_project(root: Path) -> Path:
    """Nothing has run in it yet. What `dvc init` makes is written here: its process alone takes half a second."""
    begun = {".dvc/config": "", ".dvc/.gitignore": "/config.local\n/tmp\n/cache\n"}
    for name, text in {**FILES, **begun, "params.yaml": yaml.safe_dump(PARAMS)}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q", "-b", "main", root], check=True)
    return root


def reproduce(root: Path) -> None:
    """`dvc repro` of everything, in this process."""
    from dvc.repo import Repo

    before = Path.cwd(), os.environ["PATH"]
    os.chdir(root)
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before[1]])
    try:
        with Repo(str(root)) as repo:
            repo.reproduce()
    finally:
        os.chdir(before[0])
        os.environ["PATH"] = before[1]


def commit(root: Path, message: str) -> str:
    git(root, "add", "--all")
    git(root, *WHO, "commit", "-q", "-m", message)
    return git(root, "rev-parse", "HEAD")


def seal(root: Path, **changed: Any) -> Lineage:
    """Write the seal of the project as it stands; fields of the document can be replaced."""
    params = yaml.safe_load((root / "params.yaml").read_text())
    metrics = root / "reports/metrics/toy.json"
    row = params["recipes"]["toy"]
    stages = [
        _stage(root, "curate", {"curate.toy": params["curate"]["toy"]}, ("data/words",), "data/curate/toy"),
        _stage(root, "evaluate", {"recipes.toy": row}, ("data/curate/toy",), PREDICTIONS),
    ]
    document: dict[str, Any] = {
        "schema": "plumbline/lineage/1",
        "recipe": "toy",
        "objective": "answers",
        "task": "letter",
        "adapter": {"digest": "0" * 64, "files": {}},
        "base": {
            "key": row["base"],
            "path": "models/base/tiny",
            "id": row["base"],
            "revision": None,
            "version": 1,
            "parts": {},
            "files": {"w.txt": digest(root / "models/base/tiny/w.txt")},
        },
        "parent": None,
        "stages": stages,
        "inputs": {"data/words/list.txt": digest(root / "data/words/list.txt")},
        "outs": {},
        "data": {
            "folder": "data/curate/toy",
            "curated": None,
            "consumed": {"rows": 4, "distinct": 4, "steps": 2, "digest": "1" * 64},
            **{name: {} for name in ("licences", "hosts", "kinds", "authors", "generators")},
            "pictures": "none",
            "drops": [],
        },
        "seeds": {},
        "environment": None,
        "metrics": json.loads(metrics.read_text()) if metrics.is_file() else {"tuned": {"exact": 0.5}},
        **changed,
    }
    document["seal"] = seal_of(document)
    (root / SEAL).parent.mkdir(parents=True, exist_ok=True)
    (root / SEAL).write_text(text_of(document))
    return Lineage.model_validate(document)


def sealed_commit(root: Path, message: str, **changed: Any) -> str:
    seal(root, **changed)
    return commit(root, message)


def digest(path: Path) -> dict[str, Any]:
    return {"sha256": sha256_of_file(path), "bytes": path.stat().st_size}


def row(name: str, **changed: Any) -> Record:
    """A row of a data folder; texts are plain strings by `person:a`."""
    texts = tuple(Text(text, "person:a") for text in changed.pop("texts", ("a word",)))
    image = Image(changed.pop("image", hashlib.sha256(name.encode()).hexdigest()), "0.tar", name, 1, 1)
    given = {"label": "", "entity": name, "split": "train", **changed}
    return Record(name, image, texts, source=Source("folder", given.pop("licence", "CC0-1.0")), **given)


def write_data(root: Path, rows: list[Record], drops: list[Drop]) -> dict[str, Any]:
    """Write data/curate/toy; the fields of the document that speak of it."""
    folder = root / "data/curate/toy"
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "rows.parquet", rows)
    write_drops(folder / "drops.csv", drops)
    assert pq.read_metadata(folder / "rows.parquet").num_rows == len(rows)
    files = {name: digest(folder / name) for name in ("rows.parquet", "drops.csv")}
    return {"data/curate/toy": {"manifest": None, "md5": "0" * 32 + ".dir", "files": files}}


def write_predictions(root: Path, right: dict[str, bool], **changed: Any) -> None:
    """Predictions of an `answers` recipe, and the metrics that they come to."""
    lines = [
        {"id": name, "label": name, "entity": name, "tuned_correct": {"exact": good}, **changed}
        for name, good in right.items()
    ]
    for folder in ("predictions", "metrics"):
        (root / "reports" / folder).mkdir(parents=True, exist_ok=True)
    (root / PREDICTIONS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (root / "reports/metrics/toy.json").write_text(json.dumps({"tuned": {"exact": sum(right.values()) / len(right)}}))


def put_into_cache(root: Path, path: Path) -> str:
    """As DVC keeps a file; its md5."""
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    kept = root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(path.read_bytes())
    return md5


def _stage(root: Path, kind: str, params: dict[str, Any], deps: tuple[str, ...], out: str) -> dict[str, Any]:
    code = f"stages/{kind}.py"
    return {
        "name": f"{kind}@toy",
        "cmd": f"python {code} toy",
        "params": params,
        "deps": list(deps),
        "outs": [out],
        "code": {code: sha256_of_file(root / code)},
    }
