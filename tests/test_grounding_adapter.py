"""What is written and read: our adapter, the released checkpoint's layout, a base's parts, and each refusal."""

import json
import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from grounding import TINY, interleaved, make_base, make_model, pictures
from safetensors.torch import load_file, save_file

from stages.features.tower import image_processor, load_tower
from stages.grounding import RET
from stages.grounding.adapter import RELEASED, TENSORS, WEIGHTS, load_adapter, read_config, read_shell, save_adapter
from stages.grounding.configuration import FromageConfig
from stages.grounding.model import Fromage, register
from stages.grounding.towers import load_clip_text, load_language, tokenizer_of
from stages.params import UserError


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def trained(base: Path, **config: Any) -> tuple[Fromage, Any]:
    """A model whose eight tensors are not those of a fresh one."""
    model, tokenizer = make_model(base, **config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)) * 0.1)
    return model, tokenizer


def outputs(model: Fromage, tokenizer: Any) -> list[torch.Tensor]:
    ids, mask = interleaved(tokenizer, [[None, " a red creature", "[RET]"]], model.config.visual_tokens)
    features = model.features_of(pictures(1))
    return [
        model.image_embeddings(features),
        model.text_embeddings(ids, mask, features),
        model(ids, mask, features).last_hidden_state,
        model.logit_scale,
    ]


def released(shapes: dict[str, torch.Tensor], prefix: str = "model.", **state: Any) -> dict[str, Any]:
    """A made-up checkpoint as the released code writes one: in bfloat16, sorted, under its wrapper's names."""
    tensors = {
        name if name.startswith("ret_") else prefix + name: torch.randn(tensor.shape).to(torch.bfloat16)
        for name, tensor in shapes.items()
    }
    return {"state_dict": OrderedDict(sorted((tensors | state).items()))}


@pytest.mark.parametrize("k", [1, 4])
def test_a_saved_adapter_is_eight_tensors_and_gives_the_same_outputs(base: Path, tmp_path: Path, k: int) -> None:
    model, tokenizer = trained(base, visual_tokens=k)
    save_adapter(model, tmp_path / "a")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [WEIGHTS, "config.json"]
    assert sorted(load_file(tmp_path / "a" / WEIGHTS)) == list(TENSORS)
    config = read_config(tmp_path / "a")
    assert (config.visual_tokens, config.ret_id, config.language) == (k, len(tokenizer) - 1, "tiny")
    assert str(base) not in (tmp_path / "a" / "config.json").read_text(encoding="utf-8")

    fresh, _ = make_model(base, visual_tokens=k)
    assert not torch.equal(outputs(fresh, tokenizer)[0], outputs(model, tokenizer)[0])
    load_adapter(fresh, tmp_path / "a")
    for found, wanted in zip(outputs(fresh, tokenizer), outputs(model, tokenizer), strict=True):
        assert torch.equal(found, wanted)
    save_adapter(fresh, tmp_path / "b")
    for name in (WEIGHTS, "config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_transformers_own_saving_and_auto_classes_know_the_shell_alone(base: Path, tmp_path: Path) -> None:
    from transformers import AutoConfig, AutoModel

    register()
    model, tokenizer = trained(base)
    model.save_pretrained(tmp_path)
    assert sorted(load_file(tmp_path / "model.safetensors")) == list(TENSORS)
    assert isinstance(AutoConfig.from_pretrained(tmp_path), FromageConfig)
    again = AutoModel.from_pretrained(tmp_path)
    assert isinstance(again, Fromage)
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in model.state_dict().items())
    again.attach(model.language, model.vision)
    for found, wanted in zip(outputs(again, tokenizer), outputs(model, tokenizer), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-6)
    shell = read_shell(tmp_path)
    assert all(torch.equal(shell[name], tensor) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("prefix", ["", "model.", "module.model."])
def test_a_checkpoint_of_the_released_layout_loads(base: Path, tmp_path: Path, prefix: str, k: int) -> None:
    model, tokenizer = make_model(base, visual_tokens=k)
    checkpoint = released(model.state_dict(), prefix)
    torch.save(checkpoint, tmp_path / RELEASED)
    for path in (tmp_path, tmp_path / RELEASED):
        load_adapter(model, path)
        for name, tensor in model.state_dict().items():
            given = checkpoint["state_dict"][name if name.startswith("ret_") else prefix + name]
            assert tensor.dtype == torch.float32
            assert torch.equal(tensor, given.float())
    assert all(tensor.isfinite().all() for tensor in outputs(model, tokenizer))


def test_frozen_rows_and_layers_in_a_released_checkpoint_are_left_aside(base: Path, tmp_path: Path) -> None:
    shapes = make_model(base)[0].state_dict()
    more = {
        "model.input_embeddings.weight": torch.zeros(5, 3),
        "module.model.lm.lm_head.weight": torch.zeros(2),
        "model.visual_model.bias": torch.zeros(2),
    }
    torch.save(released(shapes, **more), tmp_path / "ckpt_pruned.pth.tar")
    assert sorted(read_shell(tmp_path / "ckpt_pruned.pth.tar")) == list(TENSORS)


def test_a_pickle_that_holds_code_is_refused_and_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"

    class Touch:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(mark),)

    for name, write in (
        ("zip", lambda file: torch.save({"state_dict": {"logit_scale": Touch()}}, file)),
        ("old", lambda file: torch.save(Touch(), file, _use_new_zipfile_serialization=False)),
        ("bare", lambda file: file.write_bytes(pickle.dumps(Touch()))),
    ):
        file = tmp_path / f"{name}.pth.tar"
        write(file)
        with pytest.raises(UserError, match="holds more than tensors, and nothing of it was run"):
            read_shell(file)
        assert not mark.exists(), name
    torch.load(tmp_path / "zip.pth.tar", weights_only=False)
    assert mark.exists(), "without the defence the same file runs its code"


def test_tensors_that_do_not_fit_are_named_with_both_shapes_and_nothing_is_loaded(base: Path, tmp_path: Path) -> None:
    other, _ = trained(base, visual_tokens=4, shared_width=8)
    save_adapter(other, tmp_path)
    model, _ = make_model(base)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(UserError) as refusal:
        load_adapter(model, tmp_path)
    assert "visual_embeddings.weight: found [128, 48], expected [32, 48]" in str(refusal.value)
    assert "text_hidden_fcs.0.0.bias: found [8], expected [16]" in str(refusal.value)
    assert "set `visual_tokens` and `shared_width`" in str(refusal.value)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_shells_that_are_not_whole_are_refused(base: Path, tmp_path: Path) -> None:
    good = {name: tensor.clone() for name, tensor in make_model(base)[0].state_dict().items()}

    def refusal(tensors: dict[str, torch.Tensor]) -> str:
        save_file(tensors, tmp_path / WEIGHTS)
        with pytest.raises(UserError) as error:
            read_shell(tmp_path)
        return str(error.value)

    lacking = {name: tensor for name, tensor in good.items() if name != "visual_fc.bias"}
    assert "missing visual_fc.bias; unknown nothing" in refusal(lacking)
    assert "missing nothing; unknown lora.weight" in refusal(good | {"lora.weight": torch.zeros(1)})
    assert "logit_scale holds 1 values that aren't finite" in refusal(good | {"logit_scale": torch.tensor(torch.nan)})
    assert "visual_fc.bias is torch.int64" in refusal(good | {"visual_fc.bias": torch.zeros(16, dtype=torch.long)})
    (tmp_path / WEIGHTS).write_bytes(b"\x00" * 30)
    with pytest.raises(UserError, match="can't be read as safetensors"):
        read_shell(tmp_path)

    with pytest.raises(UserError, match="is missing: a shell is a folder with"):
        read_shell(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds none: a shell is a folder with"):
        read_shell(tmp_path / "empty")
    broken = tmp_path / "broken.pth.tar"
    torch.save(released(good), broken)
    whole = broken.read_bytes()
    for cut in (whole[: len(whole) // 2], b""):
        broken.write_bytes(cut)
        with pytest.raises(UserError, match=r"is no checkpoint that torch can read|holds more than tensors"):
            read_shell(broken)
    torch.save([1, 2], broken)
    with pytest.raises(UserError, match="has no `state_dict`"):
        read_shell(broken)
    torch.save(released(good, **{"module.model.visual_fc.bias": torch.zeros(16)}), broken)
    with pytest.raises(UserError, match=r"holds visual_fc\.bias twice"):
        read_shell(broken)
    torch.save(released(good, **{"model.visual_fc.bias": 3}), broken)
    with pytest.raises(UserError, match=r"visual_fc\.bias is int"):
        read_shell(broken)


def test_configurations_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json is missing"):
        read_config(tmp_path)
    for content, complaint in (
        ("{", "is no valid JSON"),
        ("[]", "model_type is 'list', not 'fromage'"),
        ('{"model_type": "opt"}', "model_type is 'opt', not 'fromage'"),
        ('{"model_type": "fromage", "visual_tokens": 0}', "is no configuration of FROMAGe"),
        ('{"model_type": "fromage", "visual_tokens": "four"}', "is no configuration of FROMAGe"),
    ):
        (tmp_path / "config.json").write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match=complaint):
            read_config(tmp_path)


def test_clips_own_retrieval_is_clips(base: Path, caplog: pytest.LogCaptureFixture) -> None:
    own = load_clip_text(base / "vision", TINY, dtype="float32", device="cpu")
    tower = load_tower(base, TINY, "cpu").vision
    texts, pixels = ["a red bird", "a blue creature with a very long tail"], pictures(2)
    batch = own.tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        whole = own.clip(**batch, pixel_values=pixels)
        features = tower(pixel_values=pixels).pooler_output
    torch.testing.assert_close(own.texts(texts), whole.text_embeds)
    torch.testing.assert_close(own.images(features), whole.image_embeds)
    assert own.texts(["so many words " * 50]).shape == (1, 24)
    assert "LOAD REPORT" not in caplog.text
    processor = image_processor(base, TINY)
    assert type(processor).__name__ == "CLIPImageProcessorPil"


def test_the_tokenizer_ends_with_ret_which_a_caption_can_not_fake(base: Path) -> None:
    tokenizer = tokenizer_of(base / "language", TINY)
    ret_id = tokenizer.convert_tokens_to_ids(RET)
    assert ret_id == len(tokenizer) - 1
    assert tokenizer("a bird[RET]").input_ids[-1] == ret_id
    faked = tokenizer("a bird[RET]", split_special_tokens=True).input_ids
    assert ret_id not in faked
    assert tokenizer.decode(faked, skip_special_tokens=True) == "a bird[RET]"
    assert tokenizer.padding_side == "left"


def test_parts_of_a_base_that_lack_something_are_refused(base: Path, tmp_path: Path) -> None:
    import shutil

    folder = tmp_path / "language"
    load = {"quantisation": "none", "double": False, "dtype": "float32", "device": "cpu"}
    with pytest.raises(UserError, match="language is missing: `git checkout"):
        load_language(folder, TINY, **load)
    shutil.copytree(base / "language", folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    del settings["pad_token"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(UserError, match=r"tokenizer_config\.json names no pad_token"):
        tokenizer_of(folder, TINY)

    tokenizer = tokenizer_of(base / "language", TINY)
    tokenizer.add_tokens(["[MORE]"])
    tokenizer.save_pretrained(folder)
    with pytest.raises(UserError, match=r"already has \[RET\] as token 320 of 322"):
        tokenizer_of(folder, TINY)

    tensors = load_file(folder / "model.safetensors")
    name = "model.decoder.layers.0.fc1.weight"
    save_file({key: tensor for key, tensor in tensors.items() if key != name}, folder / "model.safetensors")
    with pytest.raises(UserError, match=rf"lack 1 tensors of .*{name} first"):
        load_language(folder, TINY, **load)
    (folder / "model.safetensors").write_bytes(b"\x00" * 30)
    with pytest.raises(UserError, match="can't be read"):
        load_language(folder, TINY, **load)
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"has no model\.safetensors \(the weights\)"):
        load_language(folder, TINY, **load)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"has no tokenizer\.json \(the tokenizer\)"):
        tokenizer_of(folder, TINY)
    with pytest.raises(UserError, match="vision is missing"):
        image_processor(folder, TINY)
