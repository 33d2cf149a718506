"""The offline page: the graph, the licences, what was left out, pictures; and all of it as text."""

import json
import re
import shutil
from argparse import ArgumentParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, browsing
from sealing import make_project

from stages.cli import lineage_show
from stages.lineage.reading import open_adapter
from stages.lineage.show.drawing import BOX, drawing_of
from stages.lineage.show.page import page_of
from stages.lineage.show.tree import tree_of
from stages.report import page as report_page

EVIL = "<img src=x onerror=\"window.run='yes'\"><script>window.run='yes'</script>"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("page"))


@pytest.fixture
def stranger(project: Path, tmp_path: Path) -> Path:
    """An adapter whose texts are markup."""
    folder = Path(shutil.copytree(project / "models/adapters/creatures", tmp_path / "creatures"))
    document: Any = json.loads((folder / "lineage.json").read_text())
    document["recipe"] = document["task"] = EVIL
    document["data"] |= {name: {EVIL: 3} for name in ("licences", "hosts", "authors")}
    document["data"]["drops"][0]["dropped"] = {EVIL: 1}
    document["stages"][0] |= {"cmd": EVIL, "params": {EVIL: EVIL}}
    (folder / "lineage.json").write_text(json.dumps(document))
    return folder


def test_the_page_says_what_the_tree_says(project: Path) -> None:
    page = page_of(open_adapter("creatures", project), project)
    for said in ("CC-BY-4.0", "gallery1.example.org", "person:ana", "licence not allowed", "gone: HTTP 404", "0.8000"):
        assert said in page
    assert page.count('<g class="box ') == len(drawing_of(tree_of(open_adapter("creatures", project).lineage)).boxes)
    assert page.count('<img src="data:image/jpeg;base64,') == 6
    assert page == page_of(open_adapter("creatures", project), project)


def test_the_page_is_one_file_that_asks_for_nothing(project: Path) -> None:
    page = page_of(open_adapter("creatures", project), project)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page
    assert set(re.findall(r'(?:href|src)="([^"]{0,10})', page)) <= {
        "data:image",
        *re.findall(r'href="(#[^"]{0,9})', page),
    }
    assert "<script" not in page


def test_markup_stays_text(stranger: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of(open_adapter(stranger), project)
    assert "&lt;script&gt;window.run" in page
    assert "<script" not in page
    assert "<img src=x" not in page
    report_page._environment.cache_clear()
    unguarded = report_page._environment(Path(lineage_show.__file__).parents[1] / "lineage/show")
    monkeypatch.setattr(unguarded, "autoescape", False)
    unguarded.cache.clear()  # type: ignore[union-attr]
    assert "<script" in page_of(open_adapter(stranger), project)
    report_page._environment.cache_clear()


def test_pictures_are_shown_only_as_they_were_sealed(project: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(project, tmp_path / "project"))
    rows = other / "data/caption/creatures/rows.parquet"
    rows.unlink()
    shutil.copy(other / "data/curate/creatures/rows.parquet", rows)
    page = page_of(open_adapter("creatures", other), other)
    assert "data:image" not in page
    assert "data/caption/creatures/rows.parquet is NOT THE SEALED ONE" in page
    page = page_of(open_adapter(project / "models/adapters/creatures"), tmp_path)
    assert "data/caption/creatures/rows.parquet is not here: `dvc pull" in page


def test_boxes_stand_apart_and_lines_lead_up(project: Path) -> None:
    drawing = drawing_of(tree_of(open_adapter("more", project).lineage))
    boxes = sorted((box.y, box.x) for box in drawing.boxes)
    for (y, x), (below, right) in pairwise(boxes):
        assert below >= y + BOX[1] or (below == y and right >= x + BOX[0])
    assert all(line.y1 > line.y2 for line in drawing.lines)
    assert all(box.x >= 0 and box.x + BOX[0] <= drawing.width for box in drawing.boxes)
    assert drawing.boxes[0].kind == "adapter"
    assert {box.kind for box in drawing.boxes} == {"adapter", "data", "model", "input"}


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_it_wide_and_narrow_and_runs_nothing(stranger: Path, project: Path, tmp_path: Path) -> None:
    parser, file = ArgumentParser(), tmp_path / "page.html"
    lineage_show.arguments(parser)
    assert lineage_show.command(parser.parse_args([str(stranger), "--html", str(file)])) == 0
    with browsing(file.as_uri(), tmp_path / "profile") as page:
        page.until("document.readyState === 'complete' && document.querySelector('footer') !== null")
        assert page.js("window.run ?? 'no'") == "no"
        assert EVIL in page.text("#licences")
        assert page.text("h1").startswith("<img src=x")
        assert [url for url in page.requested if not url.startswith("data:")] == [file.as_uri()]
        for width in (1280, 390):
            page.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
            assert page.js("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.problems == []
