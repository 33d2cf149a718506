"""The form of a lineage, digests of weights, the graph before an adapter, and names of places."""

import contextlib
import json
import os
import shutil
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file
from sealing import make_project

from stages.lineage import form
from stages.lineage.form import canonical, check_seal, parse_lineage, read_lineage, seal_of, text_of
from stages.lineage.graph import Node, read_graph, read_lock, read_yaml, upstream
from stages.lineage.locked import md5_of, moved_on
from stages.lineage.places import places_of
from stages.lineage.tensors import digest_of, read_header, write_sealed
from stages.params import UserError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("lineage"))


@pytest.fixture(scope="module")
def text(project: Path) -> str:
    return (project / "reports/seals/creatures.json").read_text(encoding="utf-8")


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(), JSON))
def test_one_document_has_one_spelling(document: dict[str, object]) -> None:
    again = json.loads(canonical(document))
    assert canonical(dict(reversed(again.items()))) == canonical(document)
    assert seal_of({**document, "seal": "any"}) == seal_of({**document, "seal": "other"})


def test_a_lineage_reads_back_as_it_was_written(text: str) -> None:
    assert text_of(parse_lineage(text.encode(), "x").document()) == text


def test_any_changed_letter_or_digit_breaks_the_seal_or_the_form(text: str) -> None:
    places = [place for place, letter in enumerate(text) if letter in string.ascii_lowercase + string.digits]
    for place in places[:: max(1, len(places) // 300)]:
        letter = "1" if text[place] == "0" else "0" if text[place].isdigit() else "a" if text[place] != "a" else "b"
        with contextlib.suppress(UserError):
            assert not check_seal(parse_lineage((text[:place] + letter + text[place + 1 :]).encode(), "x")), place


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("schema", "plumbline/lineage/9", "schema: Input should be 'plumbline/lineage/1'"),
        ("inputs", {"../../etc/passwd": {"sha256": "0" * 64, "bytes": 1}}, "must be a relative path"),
        ("inputs", {"/etc/passwd": {"sha256": "0" * 64, "bytes": 1}}, "must be a relative path"),
        ("inputs", {"a\\..\\b": {"sha256": "0" * 64, "bytes": 1}}, "must be a relative path"),
        ("seal", "<b>", "should match pattern"),
        ("more", 1, "Extra inputs are not permitted"),
    ],
)
def test_another_form_is_refused(text: str, key: str, value: object, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_lineage(json.dumps({**json.loads(text), key: value}).encode(), "x")


@settings(max_examples=40, deadline=None)
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_refused_with_a_word(content: bytes) -> None:
    with pytest.raises(UserError, match="is no plumbline/lineage/1 document"):
        parse_lineage(content, "x")


def test_huge_and_deep_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lineage.json"
    path.write_bytes(b"[" * 10_000 + b"]" * 10_000)
    with pytest.raises(UserError, match="recursion limit"):
        read_lineage(path)
    monkeypatch.setattr(form, "LARGEST", 1000)
    with pytest.raises(UserError, match="has 20000 bytes, allowed are 1000"):
        read_lineage(path)


def weights(folder: Path, metadata: dict[str, str] | None) -> Path:
    folder.mkdir()
    save_file({"b": np.arange(6, dtype=np.float32), "a": np.ones(3, np.int8)}, folder / "w.safetensors", metadata)
    return folder


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_every_changed_byte_of_sealed_weights_shows(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    trained = weights(tmp_path / "trained", metadata)
    sealed = tmp_path / "sealed"
    sealed.mkdir()
    path = sealed / "w.safetensors"
    write_sealed(trained / "w.safetensors", path, "f" * 64)
    digest, content = digest_of(trained), path.read_bytes()
    assert digest_of(sealed) == digest
    assert read_header(path).seal == "f" * 64
    assert read_header(path).as_sealed
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with contextlib.suppress(UserError):
            header = read_header(path)
            assert not header.as_sealed or header.seal != "f" * 64 or digest_of(sealed) != digest, place
    path.write_bytes(content + b"\0")
    assert digest_of(sealed) != digest


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda text: len(text).to_bytes(8, "little") + text))
def test_other_files_are_no_weights(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(content)
    with contextlib.suppress(UserError):  # any other error fails
        assert isinstance(read_header(path).content, dict)


def test_sealed_weights_load_in_peft(tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model

    from stages.adapter import attach

    class Tiny(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.q_proj = torch.nn.Linear(4, 4)
            self.device = torch.device("cpu")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.q_proj(x)

    torch.manual_seed(1)
    base = Tiny()
    tuned = get_peft_model(base, LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False))
    expected = tuned(torch.ones(1, 4))
    tuned.save_pretrained(tmp_path / "trained")
    config = json.loads((tmp_path / "trained/adapter_config.json").read_text())
    (tmp_path / "sealed").mkdir()
    plain = {**config, "auto_mapping": None}  # which peft writes for a class of no library, and `attach` refuses
    (tmp_path / "sealed/adapter_config.json").write_text(json.dumps(plain))
    name = "adapter_model.safetensors"
    write_sealed(tmp_path / "trained" / name, tmp_path / "sealed" / name, "f" * 64)
    again = Tiny()
    again.load_state_dict({key.replace(".base_layer", ""): value for key, value in base.state_dict().items()
                           if "lora" not in key})  # fmt: skip
    assert torch.equal(attach(again, tmp_path / "sealed")(torch.ones(1, 4)), expected)


def test_stages_come_after_what_they_need(project: Path) -> None:
    names = [node.name for node in upstream(read_graph(project), "evaluate@more")]
    assert names == [
        "synthesize@letters", "curate@letters", "foundation@tiny", "tokenize@more", "tokenize@letters",
        "train@letters", "train@more", "evaluate@more",
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"dvc\.lock has no stage evaluate@other"):
        upstream(read_graph(project), "evaluate@other")


def test_stages_that_dvc_yaml_no_longer_has_are_left_out(project: Path, tmp_path: Path) -> None:
    for name in ("dvc.yaml", "params.yaml", "dvc.lock"):
        shutil.copyfile(project / name, tmp_path / name)
    stale = "  foundation:\n    cmd: old\n    outs:\n    - path: models/base/tiny\n      md5: '0'\n"
    (tmp_path / "dvc.lock").write_text((tmp_path / "dvc.lock").read_text() + stale)
    assert "foundation" in read_lock(tmp_path / "dvc.lock")
    assert "foundation" not in read_graph(tmp_path)


def test_yaml_is_read_as_dvc_writes_it(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("a: no\nb: 1e-05\nc: 2026-11-21\nd: 1:30\n")
    assert read_yaml(tmp_path / "x.yaml") == {"a": "no", "b": 1e-05, "c": "2026-11-21", "d": "1:30"}


def test_digests_are_dvcs(tmp_path: Path, project: Path) -> None:
    for name, content in (("d/a/1.txt", "one\n"), ("d/2.txt", "two\n"), ("d/a.b", "b\n"), ("d/.gitignore", "x\n")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert md5_of(tmp_path / "d") == "49e93475505637a610d265c1b44c4cd5.dir"
    assert list(moved_on(read_graph(project).values(), project)) == []


def node(*deps: str) -> Node:
    return Node("ingest@x", "python --source " + " ".join(deps), {"folder": deps[0]}, dict.fromkeys(deps, ""), {})


def test_folders_outside_the_project_get_a_name_of_their_own(tmp_path: Path) -> None:
    one, two, inside = (str(tmp_path / name) for name in ("a/train", "b/train", "project/data/x"))
    places = places_of([node(one, two, inside)], tmp_path / "project")
    assert [places.name(path) for path in (one, two, inside)] == ["outside/train", "outside/train-2", "data/x"]
    assert places.find("outside/train-2/1.png") == tmp_path / "b/train/1.png"
    assert places.find("data/words") == tmp_path / "project/data/words"
    assert places.clean({"cmd": f"--source {one}/x"}) == {"cmd": "--source outside/train/x"}


@settings(deadline=None)
@given(st.sampled_from(["/home/ana", "/Users/ana", os.path.expanduser("~")]), st.sampled_from(["", "/x", " y", '"']))
def test_no_home_folder_is_left(home: str, after: str) -> None:
    cleaned = places_of([], Path("/project")).clean([f'--source "{home}{after}'])
    assert cleaned == [f'--source "~{after}']


@pytest.mark.parametrize("text", ["https://example.org/home/ana", "/srv/home/ana", "models/home/ana", "/homely/x/y"])
def test_other_paths_stay(text: str) -> None:
    assert places_of([], Path("/project")).clean(text) == text
