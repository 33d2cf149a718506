"""Patches: computed once, kept in float16 shards, found by the picture's digest."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chatting import FEATURES, PATCHES, VISION_WIDTH, curated, make_base, picture
from PIL import Image

from stages.features import patches as room
from stages.features.patches import Patches, PatchWriter, patches_of, read_patches
from stages.features.stage import run
from stages.features.store import read_features
from stages.features.tower import Identity, identity_of, load_tower
from stages.params import UserError
from stages.record import Record, read_manifest
from stages.shards import sha256

TOWER = Identity("tiny", "1", {})
THREE = 3 * PATCHES * VISION_WIDTH * 2  # bytes of three pictures


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(folder, records): `patches`, `pooled` and `base` of a small curated set."""
    root = tmp_path_factory.mktemp("patches")
    with pytest.MonkeyPatch.context() as patch:
        (root / "params.yaml").write_text("threads: 1\n")
        patch.chdir(root)
        patch.setattr(room, "SHARD_BYTES", THREE)
        make_base(root / "base")
        records = curated(root / "curated", 8)
        run(FEATURES, pictures=root / "curated", base=root / "base", out=root / "patches")
        pooled = FEATURES.model_copy(update={"what": "pooled"})
        run(pooled, pictures=root / "curated", base=root / "base", out=root / "pooled")
        yield root, records


def read(root: Path) -> Patches:
    return read_patches(root / "patches", identity_of(root / "base", FEATURES.model))


def pairs(records: list[Record]) -> list[tuple[str, str]]:
    return [(record.id, record.image.sha256) for record in records]


def test_each_picture_s_patches_are_the_tower_s_own(done: tuple[Path, list[Record]]) -> None:
    root, records = done
    tower = load_tower(root / "base", FEATURES.model, "cpu")
    fresh = patches_of(tower, [Image.open(io.BytesIO(picture(number))) for number in range(8)])
    assert fresh.shape == (8, PATCHES, VISION_WIDTH)
    kept = read(root).of(pairs(records))
    assert kept.dtype == np.float16
    np.testing.assert_allclose(kept, fresh, rtol=2e-3, atol=2e-3)
    assert sorted(path.name for path in (root / "patches").glob("*.safetensors")) == [
        f"patches-{number:05d}.safetensors" for number in range(3)
    ]
    assert read_manifest(root / "patches")["patches"] == PATCHES


def test_rows_are_found_by_digest_and_not_by_place(done: tuple[Path, list[Record]]) -> None:
    root, records = done
    found = read(root)
    mixed = [records[5], records[0], records[5], records[2]]
    np.testing.assert_array_equal(found.of(pairs(mixed)), found.of(pairs(records))[[5, 0, 5, 2]])
    lazy = found.rows(pairs(mixed))
    np.testing.assert_array_equal(lazy[[3, 0]], found.of(pairs([records[2], records[5]])))
    # the index is sorted by digest, which is not the records' order: reading by place would mix pictures up
    by_place = np.concatenate([found._shard(number) for number in range(3)])
    assert not np.array_equal(by_place, found.of(pairs(records)))
    assert list(found.place) == sorted(found.place)


def test_a_map_is_read_and_not_the_file(done: tuple[Path, list[Record]]) -> None:
    root, records = done
    found = read(root)
    assert not found._open
    found.of(pairs(records[:1]))
    assert len(found._open) == 1
    assert all(isinstance(one, np.memmap) and not one.flags.writeable for one in found._open.values())
    from safetensors.numpy import load_file

    for number in range(3):
        whole = load_file(root / "patches" / f"patches-{number:05d}.safetensors")["patches"]
        np.testing.assert_array_equal(found._shard(number), whole)


def test_pooled_features_are_what_they_were_and_neither_is_taken_for_the_other(
    done: tuple[Path, list[Record]],
) -> None:
    root, records = done
    identity = identity_of(root / "base", FEATURES.model)
    pooled = read_features(root / "pooled", identity).of(pairs(records))
    tower = load_tower(root / "base", FEATURES.model, "cpu")
    fresh = tower.pooled([Image.open(io.BytesIO(picture(number))) for number in range(8)])
    np.testing.assert_allclose(pooled, fresh, rtol=1e-5, atol=1e-5)
    assert sorted(path.name for path in (root / "pooled").iterdir()) == [
        "features.safetensors", "index.parquet", "manifest.json",
    ]  # fmt: skip
    assert "what" not in read_manifest(root / "pooled")
    with pytest.raises(UserError, match="what: patches"):
        read_patches(root / "pooled", identity)


def test_again_gives_the_same_bytes(done: tuple[Path, list[Record]], monkeypatch: pytest.MonkeyPatch) -> None:
    root, _ = done
    monkeypatch.chdir(root)
    monkeypatch.setattr(room, "SHARD_BYTES", THREE)
    run(FEATURES, pictures=root / "curated", base=root / "base", out=root / "again")
    for path in sorted((root / "patches").iterdir()):
        assert (root / "again" / path.name).read_bytes() == path.read_bytes(), path.name


def test_what_doesn_t_belong_is_refused(done: tuple[Path, list[Record]], tmp_path: Path) -> None:
    root, _ = done
    with pytest.raises(UserError, match="no patches for the picture of row strange"):
        read(root).of([("strange", sha256(b"strange"))])
    with pytest.raises(UserError, match="revision"):
        read_patches(root / "patches", Identity("tiny", "another", {}))
    with pytest.raises(UserError, match="holds no features"):
        read_patches(tmp_path / "none", TOWER)


def write(folder: Path, values: np.ndarray, digests: list[str]) -> None:
    folder.mkdir()
    writer = PatchWriter(folder)
    writer.add(digests, values)
    writer.close(TOWER, {"stage": "features"})


def test_what_float16_can_t_hold_is_refused(tmp_path: Path) -> None:
    values = np.ones((3, 2, 4), np.float32)
    write(tmp_path / "good", values * 6e4, ["a", "b", "c"])
    for bad in (7e4, np.nan, np.inf):
        values[1, 0, 0] = bad
        with pytest.raises(UserError, match="picture second"):
            write(tmp_path / f"bad{bad}", values, ["first", "second", "third"])


def test_a_damaged_shard_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SHARD_BYTES", 2 * 2 * 4 * 2)
    write(tmp_path / "x", np.ones((3, 2, 4), np.float32), ["a", "b", "c"])
    path = tmp_path / "x" / "patches-00001.safetensors"
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:40], whole.replace(b"F16", b"I16"), b""):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="patches-00001"):
            read_patches(tmp_path / "x", TOWER).of([("c", "c")])
    path.unlink()
    with pytest.raises(UserError, match="missing"):
        read_patches(tmp_path / "x", TOWER)
