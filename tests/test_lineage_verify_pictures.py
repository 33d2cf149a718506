import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealing import picture

from stages.lineage.locked import md5_of
from stages.lineage.verify import pictures
from stages.lineage.verify.hashing import hash_files
from stages.lineage.verify.pictures import Picture, first_misfit
from stages.lineage.verify.settings import ABSENT, _made_with, differences
from stages.shards import sha256, sha256_of_file, write_shard

MEMBERS = [(f"row-{number}.png", picture(number)) for number in range(5)]
PICTURES = [Picture(name[:-4], "0.tar", name, sha256(data)) for name, data in MEMBERS]


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    path = tmp_path_factory.mktemp("shard") / "0.tar"
    write_shard(path, MEMBERS)
    return path


def regions():
    """(row, from, to) of each member's header, bytes and padding in the shard."""
    end = 0
    for name, data in MEMBERS:
        start, end = end, end + 512 + len(data) + -len(data) % 512
        yield name[:-4], start, end


def test_an_intact_shard_fits_its_rows(shard):
    assert first_misfit(shard, PICTURES) is None


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_a_shard_is_noticed_and_names_its_row(shard, tmp_path_factory, data):
    content = bytearray(shard.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    changed = shard.with_name("changed.tar")
    changed.write_bytes(content)
    found = first_misfit(changed, PICTURES)
    row = next((row for row, start, end in regions() if start <= place < end), "")
    assert found is not None
    assert found.row == row


def test_headers_are_compared_as_they_were_written(shard, monkeypatch):
    """A header may be changed so that any tar reader still reads it: only its spelling gives it away."""
    content = bytearray(shard.read_bytes())
    content[155] ^= ord(" ") ^ ord("\0")  # the last byte of the first header's checksum, which no reader needs
    changed = shard.with_name("changed.tar")
    changed.write_bytes(content)
    found = first_misfit(changed, PICTURES)
    assert found is not None
    assert "the picture is whole" in found.what
    header = bytes(content[:512])
    real = pictures._header
    monkeypatch.setattr(pictures, "_header", lambda name, size: header if name == "row-0.png" else real(name, size))
    assert first_misfit(changed, PICTURES) is None


@pytest.mark.parametrize("cut", [1, 600, 1500])
def test_a_shard_that_was_cut_off_names_the_first_row_it_lacks(shard, cut):
    changed = shard.with_name("changed.tar")
    changed.write_bytes(shard.read_bytes()[:cut])
    found = first_misfit(changed, PICTURES)
    assert found is not None
    assert found.row == next(row for row, _start, end in regions() if cut < end)


def test_a_picture_of_no_row_and_a_row_without_picture(shard):
    assert first_misfit(shard, PICTURES[:2] + PICTURES[3:]).what == "row-2.png is no row's picture"
    more = [*PICTURES, Picture("row-9", "0.tar", "row-9.png", "0" * 64)]
    assert first_misfit(shard, more).row == "row-9"


def test_files_are_read_once_whatever_the_links_and_threads(tmp_path):
    (tmp_path / "large").write_bytes(bytes(3 << 20))
    (tmp_path / "empty").write_bytes(b"")
    os.link(tmp_path / "large", tmp_path / "linked")
    paths = [tmp_path / name for name in ("large", "linked", "empty", "none")]
    expected = {path: sha256_of_file(path) for path in paths[:3]} | {paths[3]: None}
    for threads in (1, 2, 7):
        hashed = hash_files(paths, threads)
        assert (hashed.digests, hashed.files, hashed.bytes) == (expected, 2, 3 << 20)


def test_the_folder_digest_is_dvc_s(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/b/one", "a/b.txt", "two"):
        (tmp_path / name).write_text(name)
    (tmp_path / ".gitignore").write_text("/two\n")
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.tree import Tree

    tree = Tree()
    for name in ("a/b/one", "a/b.txt", "two"):
        tree.add(tuple(name.split("/")), None, HashInfo("md5", md5_of(tmp_path / name)))
    tree.digest()
    assert tree.hash_info.value == md5_of(tmp_path)
    shutil.copyfile(tmp_path / "two", tmp_path / "three")
    assert md5_of(tmp_path) != tree.hash_info.value


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(was=values, now=values)
def test_differences_are_none_only_for_the_same_values(was, now):
    assert list(differences("x", was, was)) == []
    found = list(differences("x", was, now))
    assert bool(found) == (was != now or isinstance(was, bool) != isinstance(now, bool))
    assert all(key.split(".")[0] == "x" for key, _, _ in found)


def test_differences_name_the_innermost_key():
    was, now = {"a": {"b": 1, "c": [1]}}, {"a": {"b": 2}, "d": None}
    assert list(differences("x", was, now)) == [("x.a.b", 1, 2), ("x.a.c", [1], ABSENT), ("x.d", ABSENT, None)]
    assert list(differences("x", 1, 1.0)) == []
    assert list(differences("x", 1, True)) == [("x", 1, True)]


def test_a_command_gives_back_what_it_was_made_with():
    template = "python -m s --raw data/${item.source}/${item.dataset} --out data/${key} --again ${item.source}"
    made = _made_with(template, "python -m s --raw data/scrape/cats --out data/pets --again scrape")
    assert made == {"item.source": "scrape", "item.dataset": "cats", "key": "pets"}
    assert _made_with(template, "python -m other") is None
