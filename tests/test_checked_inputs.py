"""A flipped byte in what is read stops the run before anything is made of it; the message's way out works."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from letters import RECIPE, record, write_tokens

from stages import checked
from stages.checked import check_file, check_folder, damaged_objects, stage_of
from stages.features import patches as patches_module
from stages.features.patches import PatchWriter, read_patches
from stages.features.store import read_features, write_features
from stages.features.tower import Identity
from stages.params import UserError
from stages.record import write_manifest
from stages.shards import sha256_of_file
from stages.tokenize.answers import rows as answers
from stages.tokenize.chat import rows as chat
from stages.tokenize.grounding import rows as grounding
from stages.tokenize.interleaved import rows as interleaved
from stages.tokenize.naming import rows as naming
from stages.train.answers import stage

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def flip(path: Path, place: int) -> None:
    """Change one bit, and not the modification time: what a bad disk does."""
    before = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as stream:
        stream.seek(place)
        byte = stream.read(1)[0]
        stream.seek(place)
        stream.write(bytes([byte ^ 1]))
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def tokenized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rows = [record(word, i, "train") for word in ("plumb", "line") for i in range(len(word))]
    return write_tokens(tmp_path / "tokenized", rows, [5, 6])


def test_100_flipped_bytes_in_shards_are_caught_before_a_step(tokenized: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def train() -> None:
        stage.run(RECIPE, tokenized=tokenized, features=Path("f"), base=Path("b"), parent=Path("p"), out=Path("o"))

    monkeypatch.setattr(stage, "set_threads", lambda: 1)
    chance, rows = np.random.default_rng(1), answers.read_tokenized(tokenized)
    for number in range(100):
        row = rows[number % len(rows)]
        shard = tokenized / row.view.shard
        place = int(chance.integers(shard.stat().st_size))
        if number % 2:  # in the row's picture, which stands behind a header of 512 bytes
            place = shard.read_bytes().index(row.view.member.encode()) + 512 + place % 400
        flip(shard, place)
        found = f", found at row {row.id}" if number % 2 else ".*"
        with pytest.raises(UserError, match=rf"{shard.name} is damaged{found}: its bytes are not those"):
            train()
        flip(shard, place)
    with pytest.raises(UserError, match="base b is missing"):  # undamaged, it goes on
        train()


def test_the_damaged_row_is_the_one_that_is_named(tokenized: Path) -> None:
    rows = {row.id: row for row in answers.read_tokenized(tokenized)}
    for name, row in rows.items():
        shard = tokenized / row.view.shard
        place = shard.read_bytes().index(row.view.member.encode()) + 512 + 40  # behind its header
        flip(shard, place)
        with pytest.raises(UserError, match=f"found at row {name}:"):
            check_folder(tokenized)
        flip(shard, place)
    check_folder(tokenized)


Kind = tuple[str, Callable[[Path], Any], Callable[[Path], Any]]


def _chat(folder: Path) -> None:
    with chat.Writer(folder / "rows.parquet"):
        pass


KINDS: dict[str, Kind] = {
    "answers": ("rows.parquet", lambda f: answers.write_tokenized(f / "rows.parquet", []), answers.read_tokenized),
    "interleaved": (
        "rows.parquet",
        lambda f: interleaved.write_tokenized(f / "rows.parquet", []),
        interleaved.read_tokenized,
    ),
    "naming": ("rows.parquet", lambda f: naming.write_tokenized(f / "rows.parquet", []), naming.read_tokenized),
    "chat": ("rows.parquet", _chat, chat.open_tokenized),
    "captions": (
        "captions.parquet",
        lambda f: grounding.write_tokenized(f, grounding.CaptionRow, []),
        lambda f: grounding.read_tokenized(f, grounding.CaptionRow, "train"),
    ),
    "dialogues": (
        "dialogues.parquet",
        lambda f: grounding.write_tokenized(f, grounding.DialogueRow, []),
        lambda f: grounding.read_tokenized(f, grounding.DialogueRow, "train"),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_table_of_rows_is_hashed_when_it_is_read(kind: str, tmp_path: Path) -> None:
    name, write, read = KINDS[kind]
    write(tmp_path)
    with pytest.raises(UserError, match="unfinished or missing"):
        read(tmp_path)
    write_manifest(tmp_path, {"stage": "tokenize"})
    assert len(read(tmp_path)) == 0
    flip(tmp_path / name, 2)
    with pytest.raises(UserError, match=f"{name} is damaged: its bytes"):
        read(tmp_path)


TOWER = Identity(**dict.fromkeys(Identity.__dataclass_fields__, "x"))
DIGESTS = ["a" * 64, "b" * 64, "c" * 64]


@pytest.mark.parametrize("name", ["features.safetensors", "index.parquet"])
def test_features_are_hashed_when_they_are_read(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write_features(tmp_path, DIGESTS, np.ones((3, 4), np.float32), TOWER, {})
    assert read_features(tmp_path, TOWER).pooled.shape == (3, 4)
    flip(tmp_path / name, (tmp_path / name).stat().st_size - (9 if name.startswith("index") else 2))
    with pytest.raises(UserError, match=f"{name} is damaged"):
        read_features(tmp_path, TOWER)
    if name.startswith("features"):
        monkeypatch.setattr("stages.features.store.check_file", lambda folder, name: folder / name)
        assert not (read_features(tmp_path, TOWER).pooled == 1).all()  # nothing else would notice


def test_patches_are_hashed_when_a_row_first_needs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patches_module, "SHARD_BYTES", 20)  # one picture a shard
    writer = PatchWriter(tmp_path)
    writer.add(DIGESTS, np.ones((3, 2, 5), np.float32))
    writer.close(TOWER, {})
    flip(tmp_path / "patches-00001.safetensors", (tmp_path / "patches-00001.safetensors").stat().st_size - 2)
    found = read_patches(tmp_path, TOWER)
    assert found.of([("row-0", DIGESTS[0]), ("row-2", DIGESTS[2])]).shape == (2, 2, 5)
    with pytest.raises(UserError, match=r"patches-00001.safetensors is damaged, found at row row-1:"):
        found.of([("row-0", DIGESTS[0]), ("row-1", DIGESTS[1])])


def test_a_damaged_manifest_is_said_to_be_damaged(tokenized: Path) -> None:
    (tokenized / "manifest.json").write_text('{"files": [1]}')
    with pytest.raises(UserError, match=r"manifest.json is damaged .*`rm -rf .*tokenized`, then `dvc checkout"):
        check_folder(tokenized)
    write_manifest(tokenized, {})
    with pytest.raises(UserError, match=r"doesn't name other\.tar"):
        check_file(tokenized, "other.tar")


STAGE = f"""
import pathlib, sys
sys.path.insert(0, {str(ROOT)!r})
from stages.record import new_folder, write_manifest
out = pathlib.Path("data/tokenize/x")
new_folder(out)
(out / "rows.parquet").write_bytes(b"rows " * 100)
write_manifest(out, {{"stage": "tokenize"}})
"""


def dvc(*words: str) -> str:
    done = subprocess.run([BIN / "dvc", *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_way_out_of_a_byte_that_flipped_in_the_cache_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "make.py").write_text(STAGE)
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  tokenize@x:\n    cmd: python make.py\n    outs: [data/tokenize/x]\n".replace("tokenize@x", "made")
    )
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(
        "[core]\n    no_scm = true\n    analytics = false\n[cache]\n    type = hardlink\n"
    )
    dvc("repro", "-q")
    folder = Path("data/tokenize/x")
    good = sha256_of_file(folder / "rows.parquet")
    assert (folder / "rows.parquet").stat().st_nlink == 2
    flip(folder / "rows.parquet", 3)
    with pytest.raises(UserError) as said:
        check_folder(folder)
    dvc("checkout", "-q", "--force")
    assert sha256_of_file(folder / "rows.parquet") != good  # DVC takes its copy for good
    assert stage_of(folder) == "made"
    remove, again = re.findall(r"`(rm -f [^`]+|dvc repro [^`]+)`", str(said.value))
    assert remove == f"rm -f {damaged_objects(folder)[0]}"
    subprocess.run(remove, shell=True, check=True)
    subprocess.run(f"{again} -q", shell=True, check=True)
    check_folder(folder)
    assert sha256_of_file(folder / "rows.parquet") == good
    assert not damaged_objects(folder)


def test_the_cache_is_where_dvc_s_configuration_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".dvc").mkdir()
    assert checked._cache() == Path(".dvc/cache")
    Path(".dvc/config").write_text("[cache]\n    dir = ../store\n['remote \"x\"']\n    url = y%\n")
    assert checked._cache() == Path(".dvc/../store")
    Path(".dvc/config.local").write_text("[cache]\n    dir = /store\n")
    assert checked._cache() == Path("/store")
