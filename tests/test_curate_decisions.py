"""The decisions file: what a person may write there, and what happens to the rest."""

from pathlib import Path

import pytest
from curation import NO_DECISIONS, ROOT, digest_of
from hypothesis import given
from hypothesis import strategies as st

from stages.curate.decisions import COLUMNS, Decided, Decision, read_decisions, resolve
from stages.params import UserError

HEADER = ",".join(COLUMNS) + "\n"
A, B, C = sorted(digest_of(name) for name in "abc")


def read(folder: Path, text: str) -> list[Decision]:
    path = folder / "toy.csv"
    path.write_bytes(text.encode())
    return read_decisions(path)


def resolved(folder: Path, text: str, *origins: str) -> Decided:
    return resolve(read(folder, HEADER + text), origins or (A, B, C))


def test_the_tracked_files_are_right() -> None:
    for path in sorted((ROOT / "data" / "decisions").glob("*.csv")):
        read_decisions(path)
    assert read_decisions(NO_DECISIONS) == []


def test_a_spreadsheet_may_have_written_it(tmp_path: Path) -> None:
    found = read(
        tmp_path, "\ufeff" + (HEADER + f'{A.upper()}, keep ,,"Ada, née Byron",\n\n,,,,\n').replace("\n", "\r\n")
    )
    assert found == [Decision(2, A, "keep", "", "Ada, née Byron", "")]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "line 1: the columns must be `sha256,decision,other,by,note`, found `nothing`"),
        ("sha256;decision;other;by;note\n", "found `sha256;decision;other;by;note`"),
        (HEADER + f"{A},keep,,Ada\n", "line 2: 4 cells instead of 5"),
        (HEADER + f"{A},kept,,Ada,\n", "line 2: `decision` = 'kept'; allowed: keep, drop, same, different"),
        (HEADER + f"\n{A},drop,{B},Ada,\n", "line 3: `drop` is about one picture: leave `other` empty"),
        (HEADER + f"{A},same,,Ada,\n", "line 2: `other` = '' must be the first 12 to 64 hexadecimal digits"),
        (HEADER + f"{A[:11]},keep,,Ada,\n", f"line 2: `sha256` = '{A[:11]}' must be the first 12"),
        (HEADER + "1.23E+15,keep,,Ada,\n", "line 2: `sha256` = '1.23e+15' must be"),
        (HEADER + f"{A},keep,, ,\n", "line 2: `by` is empty: write who decided"),
        (HEADER + f'{A},keep,,"Ada,\n', "is no CSV in UTF-8"),
    ],
)
def test_mistakes_are_named_with_their_line(text: str, complaint: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        read(tmp_path, text)
    assert complaint in str(refused.value)
    assert "toy.csv" in str(refused.value)


def test_what_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "toy.csv").write_bytes(HEADER.encode() + f"{A},keep,,Zoë,\n".encode("latin-1"))
    with pytest.raises(UserError, match=r"toy\.csv is no CSV in UTF-8"):
        read_decisions(tmp_path / "toy.csv")


def test_digests_may_be_cut_and_pairs_stand_in_either_order(tmp_path: Path) -> None:
    decided = resolved(tmp_path, f"{A[:12]},keep,,Ada,\n{C},different,{B[:20]},Ada,\n{B},different,{C},Eve,\n")
    assert list(decided.keep) == [A]
    assert list(decided.different) == [(B, C)]
    assert decided.counts == {"keep": 1, "different": 1}


def test_decisions_about_no_picture_or_several_are_told_and_not_refused(tmp_path: Path) -> None:
    twins = A[:12] + "0" * 52, A[:12] + "f" * 52
    text = f"{B[:12]},drop,,Ada,\n{A[:12]},keep,,Ada,\n{twins[0]},same,{twins[0]},Ada,\n{twins[0]},keep,,Ada,\n"
    decided = resolved(tmp_path, text, *twins)
    assert decided.not_applied == (
        f"line 2: drop: {B[:12]} names no picture of this set",
        f"line 3: keep: {A[:12]} names more than one picture",
        "line 4: same: both digests name the same picture",
    )
    assert decided.counts == {"keep": 1}


@pytest.mark.parametrize(
    "text", [f"{A},keep,,Ada,\n{A[:12]},drop,,Eve,\n", f"{A},same,{B},Ada,\n{B[:14]},different,{A[:14]},Eve,\n"]
)
def test_two_decisions_that_contradict_each_other_are_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lines 2 and 3: `(keep|same)` and `(drop|different)` about the same pictures"):
        resolved(tmp_path, text)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes((HEADER + text).encode("utf-8", "replace"))
    try:
        found = read_decisions(path)
    except UserError:
        return
    assert all(decision.by and len(decision.sha256) >= 12 for decision in found)
    resolve(found, [])
