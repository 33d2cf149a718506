"""A takedown played through: a picture is blocked, curation and what comes after are rebuilt, nothing current used it.

Curation and seals are the real ones; captions are put beside the rows, and training notes the rows that it would take.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from curation import NO_DECISIONS, WORDS, a_table, encoded, fetched, scene
from safetensors.numpy import save_file
from sealing import commit, make_project, seal
from sealing_lock import write_lock
from using import ask, by_recipe, how

from stages.curate import blocklist as taking
from stages.curate import stage as curate
from stages.curate.candidate import Candidate
from stages.curate.groups import Groups
from stages.curate.parameters import Curate
from stages.lineage.used.takedown import BLOCKLIST, takedown_of, write_lines
from stages.params import load_params
from stages.record import Text, facts_of, read_manifest, read_rows, write_manifest, write_rows
from stages.train.consumed import write_consumed

TAKEN, COPY = "r01", "copy"  # for training; the copy is smaller, so curation keeps the other one while it may
SIDES = ("letters", "more")


def scraped(project: Path) -> dict[str, bytes]:
    """Ten scenes of ten creatures, and a smaller copy of the second, as a scrape leaves them."""
    data = {f"r{number:02d}": encoded(scene(number)) for number in range(10)}
    rows = [fetched(name, f"creature{place}", picture) for place, (name, picture) in enumerate(data.items())]
    data[COPY] = encoded(scene(1).resize((80, 60)))
    rows.append(fetched(COPY, rows[1].entity, data[COPY]))
    shutil.rmtree(project / "data/scrape/creatures")
    a_table(project / "data/scrape/creatures", rows, data)
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    params["curate"]["creatures"] |= {
        "split": "entities",
        "test_share": 0.4,
        "near_duplicates": {"bits": 256, "radius": 23},
    }
    (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    return data


def rebuild(project: Path, message: str) -> str:
    """What `dvc repro seal@creatures` would run again; the commit."""
    curated, captioned = project / "data/curate/creatures", project / "data/caption/creatures"
    params = load_params(Curate, "curate.creatures", project / "params.yaml")
    curate.run(
        params.model_copy(update={"source": "synthesize"}),  # no contact sheet: it takes a while
        raw=project / "data/scrape/creatures",
        words=WORDS,
        decisions=NO_DECISIONS,
        blocklist=project / BLOCKLIST,
        out=curated,
    )
    shutil.rmtree(captioned)
    shutil.copytree(curated, captioned)
    rows = [replace(row, texts=(Text(f"This is {row.label}", "person:ana"),)) for row in read_rows(curated)]
    write_rows(captioned / "rows.parquet", rows)
    counts = {"rows_in": len(rows), "rows_out": len(rows), "dropped": {}}
    write_manifest(captioned, {"stage": "caption", **counts, "upstream": facts_of(curated)})
    trained = project / "models/trained/creatures"
    ids = [f"{row.id}/0" for row in rows if row.split == "train"]
    write_consumed(trained / "consumed.parquet", ids * 2, 4)
    tensors = {f"layer.lora_{side}.weight": np.full((2, 3), len(ids), np.float32) for side in "AB"}
    save_file(tensors, trained / "adapter_model.safetensors", {"format": "pt"})
    write_lock(project)
    seal(project, "creatures")
    return commit(project, message)


def taken_down(tmp_path: Path) -> tuple[Path, Path, str]:
    """The project once TAKEN is blocked and all is rebuilt, the picture's file, and the commit before."""
    project = make_project(tmp_path)
    (project / BLOCKLIST).write_text("# nothing yet\n", encoding="utf-8")
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(scraped(project)[TAKEN])
    before = rebuild(project, "Seal what was scraped")
    found = ask(project, picture)
    assert [row.id for row in by_recipe(found)["creatures"].shown] == [f"{TAKEN}/0"]
    way = takedown_of(found, project, "its owner asked")
    assert way.recipes == ("creatures",)
    write_lines(way.lines, project / BLOCKLIST)
    others = {name: (project / f"reports/seals/{name}.json").read_bytes() for name in SIDES}
    rebuild(project, "Take a picture down")
    for name in SIDES:  # what doesn't depend on the creatures is the same, byte by byte
        assert seal(project, name)
        assert (project / f"reports/seals/{name}.json").read_bytes() == others[name]
    return project, picture, before


def test_after_a_takedown_only_history_used_the_picture(tmp_path: Path) -> None:
    project, picture, before = taken_down(tmp_path)
    kept = {row.id for row in read_rows(project / "data/curate/creatures")}
    assert not {TAKEN, COPY} & kept
    assert len(kept) == 9
    assert read_manifest(project / "data/curate/creatures")["dropped"] == {"blocklisted": 2}
    for x in (picture, f"http://gallery.test/{TAKEN}"):
        found = ask(project, x)
        assert set(how(found).values()) == {"no"}
        uses = [use for use in found.of(current=False) if use.used]
        assert [(use.how, use.seal.commit, use.rows) for use in uses] == [("rows", before, 1)]
        assert not takedown_of(found, project).recipes
    assert takedown_of(ask(project, picture), project).blocked == (f"sha256 {ask(project, picture).question.value}",)


def test_without_its_copies_a_takedown_would_leave_the_picture_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def apart(rows: list[Candidate], *_: object) -> Groups:
        names = {row.picture: row.picture for row in rows}
        return Groups(names, names)

    monkeypatch.setattr(taking, "group", apart)
    project, picture, _ = taken_down(tmp_path)
    assert {row.id for row in read_rows(project / "data/curate/creatures")} & {TAKEN, COPY} == {COPY}
    (row,) = by_recipe(ask(project, picture))["creatures"].shown
    assert row.id == f"{COPY}/0"
    assert row.bits
