"""The contact sheet and the tables beside it: what strangers wrote stays text, and nothing is fetched."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from curation import a_table, curate, encoded, fetched, run, scene

from stages.curate import sheet, stage
from stages.curate.decide import Copy
from stages.record import Source, read_rows

HOSTILE = "<img onerror=alert(1) src=x> \"'`{{ 7 * 7 }} \u202egnp.exe"
FORMULA = "=HYPERLINK(A1)"
NEAR = {"bits": 64, "radius": 4}


class Page(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def rows_with(pictures: dict[str, bytes]) -> Iterator[Any]:
    """An entity each, but for two copies of one and a file that is no picture; a stranger wrote the titles."""
    for name, data in pictures.items():
        entity = "lynx" if name in ("a", "b", "gone") else f"entity {name}"
        row = fetched(name, entity, data, label="animal", title=f"{HOSTILE} {name}" if name != "h" else "half \ud800")
        yield replace(row, id=FORMULA) if name == "b" else row


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pictures = {name: encoded(scene(number)) for number, name in enumerate("acdefgh")}
    pictures |= {"b": encoded(scene(0), quality=40), "gone": b"<html>"}
    rows = list(rows_with(pictures))
    return a_table(tmp_path_factory.mktemp("sheet") / "raw", rows, {**pictures, FORMULA: pictures["b"]})


@pytest.fixture(scope="module")
def out(raw: Path) -> Path:
    return run(curate(near_duplicates=NEAR, dataset="<b>toys</b>"), raw, raw.with_name("out"))


def page_of(folder: Path) -> Page:
    return Page((folder / "sheet.html").read_text(encoding="utf-8"))


def test_what_strangers_wrote_stays_text(out: Path) -> None:
    page = page_of(out)
    assert "<img onerror=alert(1) src=x>" in page.text
    assert "<b>toys</b>" in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert not [tag for tag, attributes in page.tags if any(name.startswith("on") for name in attributes)]


def test_without_escaping_a_title_becomes_a_tag(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import jinja2

    real = jinja2.Environment
    monkeypatch.setattr(jinja2, "Environment", lambda autoescape, **given: real(autoescape=False, **given))
    page = page_of(run(curate(near_duplicates=NEAR), raw, tmp_path / "out"))
    assert [attributes for tag, attributes in page.tags if "onerror" in attributes]


def test_the_page_needs_nothing_else_and_runs_nothing(out: Path) -> None:
    page = page_of(out)
    policy = next(attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes)
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "form", "base", "svg"}
    for tag, attributes in page.tags:
        assert (attributes.get("src") or "data:").startswith("data:image/jpeg;base64,") or tag != "img"
        assert (attributes.get("href") or "#").startswith("#")
    assert "url(" not in (out / "sheet.html").read_text(encoding="utf-8")


def test_it_shows_what_was_kept_merged_and_dropped(out: Path) -> None:
    page = page_of(out)
    images = [attributes["alt"] for tag, attributes in page.tags if tag == "img"]
    assert len(images) == len(read_rows(out)) + 2, "the kept ones, and the group of two once more"
    assert "no picture" in page.text
    for words in ("1 groups of rows that look alike", "not a PNG, JPEG, WEBP or GIF picture", "CC-BY-4.0"):
        assert words in page.text


def test_its_lines_can_be_pasted_into_the_decisions_file(raw: Path, out: Path, tmp_path: Path) -> None:
    lines = re.findall(r"\b[0-9a-f]{16},[a-z]+,[0-9a-f]*,,", page_of(out).text)
    apart = next(line for line in lines if ",different," in line)
    decisions = tmp_path / "decisions.csv"
    decisions.write_text(f"sha256,decision,other,by,note\n{apart[:-1]}Ada,\n", encoding="utf-8")
    again = run(curate(near_duplicates=NEAR), raw, tmp_path / "out", decisions=decisions)
    assert len(read_rows(again)) == len(read_rows(out)) + 1
    assert "Applied this time: 1 different." in page_of(again).text


def test_half_characters_and_long_titles_are_shown_as_far_as_they_go(out: Path) -> None:
    assert sheet.shown("a\ud800b") == "a?b"
    assert "half ?" in page_of(out).text
    assert sheet.shown("x" * 200) == "x" * 89 + "…"
    assert sheet.shown("two\n\tlines ") == "two lines"


def cells(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [cell for row in csv.reader(stream) for cell in row]


def test_cells_that_a_spreadsheet_would_run_are_quoted(out: Path) -> None:
    assert f"'{FORMULA}" in cells(out / "groups.csv")
    assert not [cell for name in ("groups.csv", "drops.csv") for cell in cells(out / name) if cell.startswith("=")]


def test_without_quoting_a_spreadsheet_would_run_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Copy("group", replace(fetched("a", "lynx", b"x"), id=FORMULA), "kept")
    stage._write_groups(tmp_path / "groups.csv", [copy])
    assert FORMULA not in cells(tmp_path / "groups.csv")
    monkeypatch.setattr(stage, "plain_cell", lambda cell: cell)
    stage._write_groups(tmp_path / "groups.csv", [copy])
    assert FORMULA in cells(tmp_path / "groups.csv")


def test_pictures_of_a_folder_are_called_by_their_file() -> None:
    row = replace(fetched("a", "lynx", b"x"), source=Source("folder", "CC0-1.0", file="cats/lynx.jpg"))
    assert sheet.Card(row, []).title == "cats/lynx.jpg"
