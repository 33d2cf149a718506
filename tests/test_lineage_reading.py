"""An adapter may be a stranger's: each thing that its folder must not hold is refused with a word; nothing runs."""

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealing import make_project

from stages.lineage import reading
from stages.lineage.reading import Opened, commands, header_of, open_adapter, plain, read_document
from stages.params import UserError

Spoil = Callable[[Path], None]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("reading"))


@pytest.fixture
def adapter(project: Path, tmp_path: Path) -> Path:
    """A sealed adapter that came alone, as from a stranger."""
    return Path(shutil.copytree(project / "models/adapters/letters", tmp_path / "letters"))


class Bomb:
    """Unpickled, it makes a folder."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def edit(path: Path, change: Callable[[Any], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def header(content: bytes, length: int | None = None) -> bytes:
    return (len(content) if length is None else length).to_bytes(8, "little") + content


def test_a_sealed_adapter_opens_by_its_folder_and_by_its_recipes_name(project: Path, adapter: Path) -> None:
    alone, named = open_adapter(adapter), open_adapter("letters", project)
    assert alone == Opened(adapter, named.lineage)
    assert named.folder == project / "models/adapters/letters"
    assert named.lineage.recipe == "letters"


def test_what_is_not_sealed_says_what_is_and_how_to_seal(project: Path) -> None:
    with pytest.raises(UserError, match="in models/adapters there is: creatures, letters, more"):
        open_adapter("leters", project)
    with pytest.raises(UserError, match="neither a folder"):
        open_adapter("../letters", project)
    with pytest.raises(UserError, match=r"no lineage.json.*dvc repro seal@letters"):
        open_adapter(project / "models/trained/letters")


def spoilt_by_pickle(name: str, protocol: int = 0) -> Spoil:
    """Protocol 0 is text that only its name gives away."""

    def spoil(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(pickle.dumps(Bomb(folder / "ran"), protocol))

    return spoil


def spoilt_by_zip(folder: Path) -> None:
    with zipfile.ZipFile(folder / "notes.txt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Bomb(folder / "ran")))


def spoilt_by_config(key: str, value: Any, file: str = "adapter_config.json") -> Spoil:
    def spoil(folder: Path) -> None:
        (folder / file).touch()
        (folder / file).write_text((folder / file).read_text() or "{}")
        edit(folder / file, lambda config: config.update({key: value}))

    return spoil


def spoilt_by_link(folder: Path) -> None:
    (folder / "notes.md").symlink_to("/etc/hostname")


def spoilt_by_escape(folder: Path) -> None:
    edit(folder / "lineage.json", lambda document: document.update(task="letter\x1b]0;owned\x07"))


def spoilt_by_direction(folder: Path) -> None:
    edit(folder / "lineage.json", lambda document: document["seeds"].update({"a\u202e": 1}))


def spoilt_by_name(folder: Path) -> None:
    (folder / "no\x1b[2Jtes.md").write_text("cleared")


NOTHING = lambda *_: None  # noqa: E731
REFUSED: list[tuple[str, Spoil, str, str, Any]] = [
    ("a pickle by its name", spoilt_by_pickle("pytorch_model.bin"), "is a pickle", "RUNS", {}),
    ("a pickle in a folder", spoilt_by_pickle("old/a.PT"), "is a pickle", "RUNS", {}),
    ("code", spoilt_by_pickle("modeling.py"), "is code", "RUNS", {}),
    ("a pickle by its content", spoilt_by_pickle("notes.md", 4), "whatever its name says", "BEGINS", {}),
    ("a zip of torch's", spoilt_by_zip, "a zip archive", "BEGINS", {}),
    ("auto_mapping", spoilt_by_config("auto_mapping", {"m": "os"}), "`auto_mapping`", "_check_plain_lora", NOTHING),
    ("another method", spoilt_by_config("peft_type", "IA3"), '"LORA"', "_check_plain_lora", NOTHING),
    ("computed start", spoilt_by_config("init_lora_weights", "eva"), "gaussian", "_check_plain_lora", NOTHING),
    ("a new key", spoilt_by_config("runs", ["os"]), "plain LoRA only", "_check_plain_lora", NOTHING),
    (
        "auto_map",
        spoilt_by_config("auto_map", {"A": "x.Y"}, "config.json"),
        "to import",
        "_check_imports_nothing",
        NOTHING,
    ),
    ("a link that leads out", spoilt_by_link, "is a link", "_is_cached", lambda *_: True),
    ("an escape in a text", spoilt_by_escape, r"control characters in `letter\\x1b", "_check_characters", NOTHING),
    ("a turned direction in a key", spoilt_by_direction, r"key `a\\u202e`", "_check_characters", NOTHING),
    ("an escape in a file's name", spoilt_by_name, "control characters in a file's name", "plain", str),
]


@pytest.mark.parametrize(
    ("spoil", "word", "defence", "off"), [case[1:] for case in REFUSED], ids=[c[0] for c in REFUSED]
)
def test_it_is_refused_with_a_word_and_taken_without_the_defence(
    adapter: Path, monkeypatch: pytest.MonkeyPatch, spoil: Spoil, word: str, defence: str, off: Any
) -> None:
    spoil(adapter)
    with pytest.raises(UserError, match=word) as refused:
        open_adapter(adapter)
    assert not commands(str(refused.value))
    assert not (adapter / "ran").exists()
    monkeypatch.setattr(reading, defence, off)
    assert open_adapter(adapter).lineage.recipe == "letters"
    assert not (adapter / "ran").exists()


def test_a_tar_and_a_pipe_are_refused(adapter: Path) -> None:
    with tarfile.open(adapter / "weights", "w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"), io.BytesIO())
    with pytest.raises(UserError, match="a tar archive"):
        open_adapter(adapter)
    (adapter / "weights").unlink()
    os.mkfifo(adapter / "weights")  # opening it would wait for ever
    with pytest.raises(UserError, match="no plain file"):
        open_adapter(adapter)


def test_a_link_into_dvcs_cache_is_dvcs_own(project: Path, adapter: Path, tmp_path: Path) -> None:
    """`cache.type = symlink` makes them; the cache may lie elsewhere, as the project's configuration says."""
    cache = tmp_path / "cache"
    (cache / "files/md5/ab").mkdir(parents=True)
    shutil.move(adapter / "README.md", cache / "files/md5/ab/cdef")
    (adapter / "README.md").symlink_to(cache / "files/md5/ab/cdef")
    with pytest.raises(UserError, match=r"README.md is a link"):
        open_adapter(adapter, tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(f"[core]\n    analytics = false\n[cache]\n    dir = {cache}\n")
    assert open_adapter(adapter, tmp_path).lineage.recipe == "letters"
    (adapter / "more").symlink_to("more")
    with pytest.raises(UserError, match="is a link"):
        open_adapter(adapter, tmp_path)


def test_a_lineage_of_a_gigabyte_is_not_read(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (adapter / "lineage.json").stat().st_size
    monkeypatch.setattr(reading, "LARGEST", size - 1)
    with pytest.raises(UserError, match=f"has {size} bytes"):
        open_adapter(adapter)
    monkeypatch.setattr(reading, "LARGEST", size)
    assert open_adapter(adapter)
    monkeypatch.undo()
    with (adapter / "lineage.json").open("r+b") as stream:
        stream.truncate(2**30)
    with pytest.raises(UserError, match="has 1073741824 bytes"):
        open_adapter(adapter)


@pytest.mark.parametrize("content", ["[" * 10_000 + "]" * 10_000, '{"a":' * 10_000 + "1" + "}" * 10_000])
@pytest.mark.parametrize("name", ["lineage.json", "adapter_config.json"])
def test_nesting_is_refused_that_pythons_own_parser_dies_of(adapter: Path, name: str, content: str) -> None:
    with pytest.raises(RecursionError):
        json.loads(content)
    (adapter / name).write_text(content)
    with pytest.raises(UserError, match="recursion limit"):
        open_adapter(adapter)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "data/../../x", "", "data\\..\\x"])
@pytest.mark.parametrize("place", ["outs", "inputs", "folder", "files"])
def test_paths_that_lead_out_are_refused(adapter: Path, place: str, path: str) -> None:
    def change(document: Any) -> None:
        if place == "folder":
            document["data"]["folder"] = path
        elif place == "files":
            document["adapter"]["files"][path] = {"sha256": "0" * 64, "bytes": 1}
        else:
            document[place][path] = next(iter(document[place].values()))

    edit(adapter / "lineage.json", change)
    with pytest.raises(UserError, match="must be a relative path"):
        open_adapter(adapter)


@pytest.mark.parametrize(
    ("key", "value"), [("schema", "plumbline/lineage/99"), ("seal", 3), ("stages", "none"), ("x", 1)]
)
def test_another_form_is_refused(adapter: Path, key: str, value: Any) -> None:
    edit(adapter / "lineage.json", lambda document: document.update({key: value}))
    with pytest.raises(UserError, match=f"is no plumbline/lineage/1 document: {key}"):
        open_adapter(adapter)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"12345678",
        header(b"{}", 2**63),
        header(b"{}", 2**30),
        header(b"[]"),
        header(b"{]"),
        header(b'{"\\u001b": 1}'),
    ],
)
def test_headers_that_are_none_are_refused(adapter: Path, content: bytes) -> None:
    (adapter / "adapter_model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="safetensors"):
        open_adapter(adapter)


def test_too_many_files_and_folders_are_refused(adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (adapter / "z/b/c").mkdir(parents=True)
    open_adapter(adapter)
    monkeypatch.setattr(reading, "DEEPEST", 2)
    with pytest.raises(UserError, match="more than 2 folders deep"):
        open_adapter(adapter)
    monkeypatch.undo()
    monkeypatch.setattr(reading, "MOST_FILES", 3)
    with pytest.raises(UserError, match="more than 3 files"):
        open_adapter(adapter)


@settings(max_examples=60, deadline=None)
@given(content=st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)))
def test_whatever_bytes_there_are_end_in_a_word(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "whatever"
    for written, read in ((content, read_document), (content, header_of), (header(content), header_of)):
        path.write_bytes(written)
        said = ""
        try:
            read(path)
        except UserError as error:
            said = str(error)
        assert not commands(said)


@settings(max_examples=60, deadline=None)
@given(text=st.text())
def test_plain_text_commands_nothing(text: str) -> None:
    told = plain(text, most=1000)
    assert not commands(told)
    assert plain(told, most=10_000) == told
    assert text == told or commands(text) or len(text) > 1000


def test_what_peft_writes_by_default_is_plain_lora(adapter: Path) -> None:
    from peft import LoraConfig

    config = LoraConfig(task_type="CAUSAL_LM", target_modules=["layer"]).to_dict()
    (adapter / "adapter_config.json").write_text(json.dumps(config, default=list))
    assert open_adapter(adapter)


def test_opening_brings_no_torch(adapter: Path) -> None:
    code = (
        "import sys; from stages.lineage.reading import open_adapter; open_adapter(sys.argv[1]); "
        "print([name for name in ('torch', 'peft', 'transformers', 'pandas', 'dvc') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(adapter)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
