"""An adapter merged into its base in float32, written as a model of its own, and measured against what was trained.

QLoRA trains its adapter beside NF4 weights, whose error it learns to make up for in part. Added to the original
weights the adapter meets another base; added to the weights that NF4 stands for ("dequantised") it is the model that
was trained. The second is therefore the default; a report has the difference of both.

What is compared: logits in nats at every place of the same prompts, of base + adapter (bitsandbytes' own 4-bit layers
and peft's LoRA, the weights as in training, computing in float32) and of the merged model as it is read back.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stages.adapter import attach, check_adapter
from stages.merging_bases import Family, family_of
from stages.params import UserError
from stages.recipe import Model
from stages.whole import whole

if TYPE_CHECKING:
    from torch import Tensor

Onto = Literal["dequantised", "original"]
Dtype = Literal["float32", "bfloat16"]
TOLERANCES = {"float32": 0.001, "bfloat16": 0.5}  # nats; a bfloat16 has 8 bits of mantissa
REPORT = "merge.json"


@dataclass(frozen=True)
class Difference:
    """Of two models' logits: the largest absolute one, and the share of places with the same likeliest token."""

    largest: float
    agree: float


@dataclass(frozen=True)
class MergeReport:
    """What was merged onto what, and how far the model on disk is from base + adapter; `other_base`: the choice not
    taken, merged in float32."""

    onto: Onto
    dtype: Dtype
    tolerance: float
    prompts: int
    places: int
    merged: Difference
    other_base: Difference


def merge(
    base: Path,
    model: Model,
    adapter: Path,
    out: Path,
    *,
    dtype: Dtype = "float32",
    tolerance: float | None = None,
    onto: Onto = "dequantised",
) -> MergeReport:
    """Write the merged model (weights, configuration, tokenizer, merge.json) to `out`, whole or not at all.

    UserError when its logits differ from those of base + adapter by more than `tolerance`, or when the adapter is
    another base's.
    """
    allowed = TOLERANCES[dtype] if tolerance is None else tolerance
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists and isn't an empty folder: remove it, or choose another name.")
    check_adapter(adapter)
    _require_its_base(adapter, model)
    family = family_of(base, model, adapter)
    inputs = family.inputs()

    trained = family.quantised()
    as_float32(trained, family.unquantised())
    weights = dequantised(trained)
    expected = logits(attach(trained, adapter), inputs)
    del trained

    other: Onto = "original" if onto == "dequantised" else "dequantised"
    beside = compared(expected, logits(_merged(family, adapter, weights, other), inputs))
    with whole(out) as partial:
        partial.mkdir()
        _save(_merged(family, adapter, weights, onto), family, partial, dtype)
        del weights
        measured = compared(expected, logits(family.read_back(partial, dtype), inputs))
        report = MergeReport(onto, dtype, allowed, len(inputs), sum(len(one) for one in expected), measured, beside)
        if not measured.largest <= allowed:  # not a number is too far, too
            raise UserError(_refusal(report, adapter, out))
        about = {"adapter": adapter.name, "model": model.model_dump(), **asdict(report)}
        (partial / REPORT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return report


def dequantised(trained: Any) -> "dict[str, Tensor]":
    """{name: float32 weights} of what a quantised model computes with: what each 4-bit matrix stands for."""
    import bitsandbytes as bnb

    found = {}
    for name, weight in trained.named_parameters(remove_duplicate=False):
        if isinstance(weight, bnb.nn.Params4bit):
            found[name] = bnb.functional.dequantize_4bit(weight.data, weight.quant_state).detach().float().cpu()
        else:
            found[name] = weight.detach().float().cpu()
    return found


def as_float32(trained: Any, stored: Any) -> None:
    """Let a quantised model compute in float32, its 4-bit weights as they are.

    Constants that aren't saved (Gemma's factor on embeddings, say) were rounded to the dtype of training: they are
    those of the `stored` base, which every float32 model of it has.
    """
    import bitsandbytes as bnb
    import torch

    for module in trained.modules():
        if isinstance(module, bnb.nn.Linear4bit):
            module.compute_dtype = torch.float32
            module.compute_type_is_set = True
            if module.weight.quant_state is not None:
                module.weight.quant_state.dtype = torch.float32  # else dequantised values are rounded to 8 bits
    for weight in trained.parameters():
        if weight.is_floating_point() and not isinstance(weight, bnb.nn.Params4bit):
            weight.data = weight.data.float()
    exact = dict(stored.named_buffers())
    for name, constant in trained.named_buffers():
        if constant.is_floating_point() and name in exact:
            constant.data = exact[name].data.clone()


def logits(model: Any, inputs: Sequence[dict[str, Any]]) -> "list[Tensor]":
    """(length, vocabulary) float32, one a prompt."""
    import torch

    from stages.bases import compute_as_in_training

    model.eval()
    compute_as_in_training(model)
    kind = next(weight.dtype for weight in model.parameters() if weight.is_floating_point())
    found = []
    with torch.inference_mode():
        for given in inputs:
            placed = {name: value.to(model.device) for name, value in given.items()}
            typed = {name: value.to(kind) if value.is_floating_point() else value for name, value in placed.items()}
            found.append(model(**typed, use_cache=False).logits[0].float().cpu())
    return found


def compared(expected: "Sequence[Tensor]", found: "Sequence[Tensor]") -> Difference:
    """Over all places of all prompts."""
    import torch

    largest = max(float((one - other).abs().max()) for one, other in zip(expected, found, strict=True))
    same = torch.cat([one.argmax(-1) == other.argmax(-1) for one, other in zip(expected, found, strict=True)])
    return Difference(round(largest, 6), round(float(same.float().mean()), 6))


def _merged(family: Family, adapter: Path, weights: "dict[str, Tensor]", onto: Onto) -> Any:
    """The base in float32 with the adapter added to its weights."""
    import torch

    model = family.unquantised()
    if onto == "dequantised":
        with torch.no_grad():
            for name, weight in model.named_parameters(remove_duplicate=False):
                weight.copy_(weights[name].reshape(weight.shape))
    return attach(model, adapter).merge_and_unload(safe_merge=True)


def _save(model: Any, family: Family, folder: Path, dtype: Dtype) -> None:
    import torch

    kind = getattr(torch, dtype)
    model.to(kind).save_pretrained(folder)
    family.save_words(folder)


def _require_its_base(adapter: Path, model: Model) -> None:
    """UserError when peft's own file names another base."""
    named = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    base, revision = named.get("base_model_name_or_path"), named.get("revision")
    if base != model.id or revision != model.revision:
        raise UserError(
            f"{adapter} was trained on {base} (revision {revision}), not on {model.id} (revision {model.revision}): "
            "merge it into its own base."
        )


def _refusal(report: MergeReport, adapter: Path, out: Path) -> str:
    remedy = (
        "check that base and adapter are those of the training (`dvc checkout`)"
        if report.dtype == "float32" and report.onto == "dequantised"
        else "merge with --dtype float32 --onto dequantised, which is what was trained, or raise --tolerance"
    )
    return (
        f"{adapter} merged onto the {report.onto} base as {report.dtype} differs from base + adapter: a logit by up to "
        f"{report.merged.largest} (tolerance {report.tolerance}), the likeliest token is the same in "
        f"{report.merged.agree:.2%} of {report.places} places. Nothing is written to {out}: {remedy}."
    )
