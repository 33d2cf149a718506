"""data/blocklist.txt: what a line means, and what curation and descriptions do about it."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from curation import (
    NO_DECISIONS,
    WORDS,
    a_hash,
    a_row,
    a_table,
    curate,
    digest_of,
    encoded,
    facts,
    fetched,
    scene,
    seen,
)
from hypothesis import given
from hypothesis import strategies as st

from stages.blocklist import BLOCKLISTED, KINDS, Blocklist, Kind, line_of, names_of, parse_line, read_blocklist
from stages.curate import blocklist as taking
from stages.curate import sheet, stage
from stages.curate.candidate import Candidate
from stages.curate.decide import Evidence, Ruling, decide
from stages.curate.decode import Job
from stages.curate.groups import Groups
from stages.describe.parameters import Describe
from stages.describe.stage import run as describe
from stages.params import UserError
from stages.record import Record, Text, read_manifest, read_rows

ROOT = Path(__file__).parents[1]
NEAR = {"bits": 64, "radius": 4}
T = TypeVar("T")


def listed(folder: Path, *lines: str) -> Path:
    path = folder / "blocklist.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def ruled(folder: Path, rows: list[Record], *lines: str, **changes: object) -> Ruling:
    """A decision about rows whose looks are `facts` with a hash of the row's number, so that neighbours are near."""
    looks = {row.image.sha256: facts(a_hash(*range(place))) for place, row in enumerate(rows)}
    evidence = Evidence(rows, looks, blocklist=read_blocklist(listed(folder, *lines)))
    return decide(curate(**changes), evidence)


def dropped(ruling: Ruling) -> dict[str, str]:
    return {drop.id: drop.detail for drop in ruling.drops if drop.reason == BLOCKLISTED}


def tried(call: Callable[[], T]) -> T | UserError:
    """What a call gives, or the mistake that it names."""
    try:
        return call()
    except UserError as error:
        return error


@given(st.sampled_from(KINDS), st.text(st.characters(exclude_categories=["C"])), st.text())
def test_every_line_that_is_written_is_read_back(kind: Kind, value: str, why: str) -> None:
    line = tried(lambda: line_of(kind, value, why))
    if isinstance(line, UserError):
        assert f"`{kind}` = {value!r}" in str(line)
        return
    entry = parse_line(line, 7, "b.txt")
    assert (entry.kind, entry.value, entry.line) == (kind, value, 7)
    assert entry.why == " ".join(why.split())
    assert parse_line(entry.text, 7, "b.txt").name == entry.name


@given(st.text() | st.builds(lambda kind, rest: f"{kind} {rest}", st.sampled_from(KINDS), st.text()))
def test_any_other_line_is_refused_with_its_number(line: str) -> None:
    found = tried(lambda: parse_line(line, 12, "b.txt"))
    assert "b.txt, line 12" in str(found) if isinstance(found, UserError) else found.kind in KINDS


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("site example.org", "url, host, sha256, entity, licence, author, word, font"),
        ("host", "write a value"),
        ("host # no value", "write a value"),
        ("host http://example.org/", "host's name alone"),
        ("url example.org/1.png", "starts with http"),
        ("sha256 3fa9c0b1d2e4", "64 hexadecimal"),
        ('author "Ada', "nothing closes"),
        ('author "Ada" Ben', "stands behind the value"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_remedy(tmp_path: Path, line: str, word: str) -> None:
    with pytest.raises(UserError, match="line 3") as error:
        read_blocklist(listed(tmp_path, "# why", "", line))
    assert word in str(error.value)


def test_comments_are_no_part_of_a_value_and_the_tracked_file_names_nothing(tmp_path: Path) -> None:
    path = listed(
        tmp_path, "  # a header", "host Example.ORG. # asked on Monday", "url http://a.test/x#part", 'author "a #b"'
    )
    entries = list(read_blocklist(path).entries.values())
    assert [entry.text for entry in entries] == ["host Example.ORG.", "url http://a.test/x#part", 'author "a #b"']
    assert [entry.why for entry in entries] == ["asked on Monday", "", ""]
    assert not read_blocklist(ROOT / "data" / "blocklist.txt")


@pytest.mark.parametrize(
    ("line", "taken"),
    [
        ("url HTTP://gallery.test:80/a#top", {"a"}),
        ("host gallery.test", {"a"}),
        ("host test", set()),
        ("host allery.test", set()),
        ("entity FINCH", {"a", "b"}),
        ("licence cc-by-4.0", {"a"}),
        ("author person:Ada", {"b"}),
        ("word crane", {"c"}),
        ("entity crane", {"c"}),
        ("font roboto", {"c"}),
        ("font Roboto Bold", set()),
        ("font Caladea", set()),
    ],
)
def test_each_kind_names_the_rows_that_it_says(line: str, taken: set[str]) -> None:
    rows = [
        fetched("a", "finch", b"a"),
        replace(fetched("b", "wren", b"b", "CC0-1.0", label="finch"), texts=(Text("A finch", "person:Ada"),)),
        a_row("c", "Crane"),
    ]
    rows[1] = replace(rows[1], source=replace(rows[1].source, url="http://other.example/b"))
    entry = parse_line(line, 1, "b.txt")
    blocklist = Blocklist({entry.name: entry})
    assert {row.id for row in rows if blocklist.of(row)} == taken
    assert ("sha256", rows[0].source.sha256) in set(names_of(rows[0]))


def test_an_empty_list_asks_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = [seen(name, name) for name in "abcdefgh"]
    plain = ruled(tmp_path, rows, near_duplicates=NEAR)
    monkeypatch.setattr(taking, "group", None)  # would fail if it were called
    assert ruled(tmp_path, rows, "# nothing", near_duplicates=NEAR) == plain


COPIES = [seen(name, entity) for name, entity in zip("abcdefghijklmnop", "aaaaaaaabbccddee", strict=True)]
PICTURE = f"sha256 {digest_of('a')}"


def test_the_copies_of_a_blocked_picture_go_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*COPIES[:2], *(seen(name, name, label=name) for name in "uvwxyz")]
    looks = {row.image.sha256: facts(a_hash(*range(place))) for place, row in enumerate(rows[:2])}
    looks |= {row.image.sha256: facts(a_hash(*range(20 + place, 40))) for place, row in enumerate(rows[2:])}
    blocklist = read_blocklist(listed(tmp_path, PICTURE))
    evidence = Evidence(rows, looks, blocklist=blocklist)
    ruling = decide(curate(near_duplicates=NEAR), evidence)
    assert dropped(ruling) == {"a": PICTURE, "b": f"{PICTURE}, a copy of a"}

    def apart(rows: list[Candidate], *_: object) -> Groups:
        names = {row.picture: row.picture for row in rows}
        return Groups(names, names)

    monkeypatch.setattr(taking, "group", apart)  # without it, the copy steps into the picture's place
    left = decide(curate(near_duplicates=NEAR), evidence)
    assert dropped(left) == {"a": PICTURE}
    assert "b" in {record.id for record in left.kept}


def test_without_near_duplicates_only_the_same_bytes_go(tmp_path: Path) -> None:
    rows = [*COPIES, seen("other", "e", picture="a")]
    assert dropped(ruled(tmp_path, rows, PICTURE)) == {"a": PICTURE, "other": PICTURE}


def pictures() -> tuple[list[Record], dict[str, bytes]]:
    """Six scenes of six creatures; the last one is a smaller copy of the first."""
    data = {f"r{number}": encoded(scene(number)) for number in range(6)}
    data["copy"] = encoded(scene(0).resize((80, 60)))
    return [fetched(name, f"creature{place}", picture) for place, (name, picture) in enumerate(data.items())], data


def curated(folder: Path, raw: Path, *lines: str) -> tuple[Path, dict[str, str]]:
    params = curate(near_duplicates={"bits": 256, "radius": 23}, test_share=0.5)
    out = folder / "out"
    stage.run(params, raw=raw, words=WORDS, decisions=NO_DECISIONS, blocklist=listed(folder, *lines), out=out)
    with (out / "drops.csv").open(encoding="utf-8", newline="") as stream:
        return out, {row["id"]: row["detail"] for row in csv.DictReader(stream) if row["reason"] == BLOCKLISTED}


def test_curate_takes_a_picture_out_by_any_of_its_digests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, data = pictures()
    rows = [replace(row, entity="creature0", label="creature0") if row.id == "copy" else row for row in rows]
    raw = a_table(tmp_path / "raw", rows, data)
    out, gone = curated(tmp_path, raw)
    assert not gone
    kept = {row.id: row for row in read_rows(out)}
    assert "copy" not in kept
    assert (out / "sheet.html").read_text(encoding="utf-8").count("data:image") >= 6

    shown: list[str] = []

    def noted(digest: str, folder: Path, shard: str, member: str, expected: str) -> Job:
        shown.append(digest)
        return Job(digest, folder, shard, member, expected)

    monkeypatch.setattr(sheet, "Job", noted)
    for digest in (kept["r0"].source.sha256, kept["r0"].image.sha256):  # as it came, as it is stored
        out, gone = curated(tmp_path, raw, f"sha256 {digest} # asked")
        assert gone == {"r0": f"sha256 {digest}", "copy": f"sha256 {digest}, a copy of r0"}
        assert read_manifest(out)["dropped"] == {BLOCKLISTED: 2}
        assert "r0" not in {row.id for row in read_rows(out)}
    assert shown
    assert not {rows[0].image.sha256, rows[-1].image.sha256} & set(shown)  # a sheet doesn't show what was taken down
    monkeypatch.setattr(sheet, "BLOCKLISTED", "")
    curated(tmp_path, raw, f"sha256 {rows[0].image.sha256}")
    assert rows[0].image.sha256 in shown


def test_descriptions_leave_out_what_a_line_names(tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    lines = ["name,line,description"]
    lines += [f"Pyrofel{place},{place},A small cat number {place} that breathes flames and sleeps." for place in "abc"]
    (folder / "t.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    params = Describe(folder="unused", line_column="line", test_share=0, licence="CC0-1.0", author="person:Ada")

    def rows(*entries: str) -> tuple[set[str], dict[str, int]]:
        describe(params, source=folder, blocklist=listed(tmp_path, *entries), out=tmp_path / "out")
        return {row.label for row in read_rows(tmp_path / "out")}, read_manifest(tmp_path / "out")["dropped"]

    assert rows() == ({"Pyrofela", "Pyrofelb", "Pyrofelc"}, {})
    assert rows("entity pyrofelA") == ({"Pyrofelb", "Pyrofelc"}, {BLOCKLISTED: 1})
    assert rows("entity b # a line of relatives") == ({"Pyrofela", "Pyrofelc"}, {BLOCKLISTED: 1})
    for entry in ("licence CC0-1.0", "author person:Ada"):
        with pytest.raises(UserError, match=f"3 x {BLOCKLISTED}"):
            rows(entry)
