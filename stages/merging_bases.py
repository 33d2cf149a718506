"""How the models of each objective are loaded for a merge, and what they are asked to be compared.

An adapter says in plumbline.json what it was trained for. `naming` is a causal LM that is asked in its recipe's
prompt; `answers` and `interleaved` are given a picture with theirs.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from stages.params import UserError
from stages.recipe import Model

FACTS = "plumbline.json"
ASKED = (
    "it keeps a flame in its throat and sleeps on warm stones.",
    "A small blue fish with long fins; it swims against every stream.",
    "When it is angry, the leaves on its back stand up like knives.",
    "it is heavy, grey and slow. Nobody has seen it move by day!",
    "Es lebt im Eis und singt bei Nacht.",
    "등에 씨앗이 있고 햇빛을 좋아한다.",
    "x",
    "it " * 24,
)
NOISE = 2  # pictures of noise that a model with eyes is shown


class Family(Protocol):
    """Loads one kind of model in three ways, and makes the prompts on which they are compared."""

    def inputs(self) -> list[dict[str, Any]]:
        """The model's inputs, one prompt each: a batch of one row."""

    def quantised(self) -> Any:
        """The base as it was trained on."""

    def unquantised(self) -> Any:
        """The base as it is stored, in float32."""

    def read_back(self, folder: Path, dtype: str) -> Any:
        """The merged model, from what was written."""

    def save_words(self, folder: Path) -> None:
        """What a model needs beside its weights: tokenizer, processor, generation's end."""


@dataclass(frozen=True)
class Facts:
    """What plumbline.json says of the training."""

    objective: str
    quantisation: str
    double: bool
    dtype: str
    content: dict[str, Any]


@dataclass(frozen=True)
class Names:
    """Adapters of objective `naming`."""

    base: Path
    model: Model
    facts: Facts

    def inputs(self) -> list[dict[str, Any]]:
        import torch

        from stages.naming.model import load_tokenizer
        from stages.naming.recipe import Tokenize
        from stages.naming.templates import Templates
        from stages.params import check_params

        template = check_params(Tokenize, self.facts.content["tokenize"], "tokenize", Path(FACTS))
        prompts = Templates(load_tokenizer(self.base, self.model), template).prompts(ASKED)
        return [{"input_ids": torch.tensor([prompt])} for prompt in prompts]

    def quantised(self) -> Any:
        return self._load(self.facts.quantisation, self.facts.dtype)

    def unquantised(self) -> Any:
        return self._load("none", "float32")

    def read_back(self, folder: Path, dtype: str) -> Any:
        from stages.naming.model import load_in

        return load_in(folder, Model(id=folder.name), quantisation="none", double=False, dtype=dtype, device="cpu")

    def save_words(self, folder: Path) -> None:
        """Generation of other programs ends where this one's does: at the end of the turn, and of the sequence."""
        from stages.naming.model import load_tokenizer
        from stages.naming.templates import stop_ids

        tokenizer = load_tokenizer(self.base, self.model)
        tokenizer.save_pretrained(folder)
        path = folder / "generation_config.json"
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        config |= {"eos_token_id": list(stop_ids(tokenizer)), "pad_token_id": tokenizer.pad_token_id}
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def _load(self, quantisation: str, dtype: str) -> Any:
        from stages.naming.model import load_in

        return load_in(
            self.base, self.model, quantisation=quantisation, double=self.facts.double, dtype=dtype, device="cpu"
        )


@dataclass(frozen=True)
class Pictures:
    """Adapters of objectives `answers` and `interleaved`: a picture, and the recipe's prompt."""

    base: Path
    model: Model
    facts: Facts

    def inputs(self) -> list[dict[str, Any]]:
        import numpy as np

        from stages.bases import load_processor

        processor = load_processor(self.base, self.model)
        prompt = str(self.facts.content["tokenize"]["prompt"])
        found = []
        for seed in range(NOISE):
            picture = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), np.uint8)
            if self.facts.objective == "interleaved":
                given = processor(text=[[picture, prompt]], return_tensors="pt")
            else:
                given = processor(images=picture, text=f"<image>{prompt}", return_tensors="pt")
            found.append(dict(given))
        return found

    def quantised(self) -> Any:
        return self._load(self.base, self.model, self.facts.quantisation, self.facts.dtype)

    def unquantised(self) -> Any:
        return self._load(self.base, self.model, "none", "float32")

    def read_back(self, folder: Path, dtype: str) -> Any:
        return self._load(folder, Model(id=folder.name), "none", dtype)

    def save_words(self, folder: Path) -> None:
        from stages.bases import load_processor

        load_processor(self.base, self.model).save_pretrained(folder)

    def _load(self, folder: Path, model: Model, quantisation: str, dtype: str) -> Any:
        from stages.bases import load_model

        return load_model(
            folder, model, quantisation=quantisation, double=self.facts.double, compute_dtype=dtype, device="cpu"
        ).requires_grad_(False)


FAMILIES: dict[str, Any] = {"naming": Names, "answers": Pictures, "interleaved": Pictures}


def family_of(base: Path, model: Model, adapter: Path) -> Family:
    """The loading code of an adapter's objective; UserError for one that has nothing to merge into one model."""
    path = adapter / FACTS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        objective = content.get("objective", "answers")  # the first adapters didn't say
        facts = Facts(
            objective,
            content["quantisation"],
            bool(content["double_quantisation"]),
            content["compute_dtype"],
            content,
        )
    except FileNotFoundError:
        raise UserError(f"{path} is missing: name an adapter folder that `train` wrote.") from None
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise UserError(
            f"{path} is not what `train` writes ({error!r}): run `dvc checkout`, or train it anew."
        ) from error
    if objective not in FAMILIES:
        raise UserError(
            f"{adapter} is an adapter of objective {objective!r}, which has parts beside LoRA weights and can't become "
            f"one model; allowed: {', '.join(FAMILIES)}."
        )
    found: Family = FAMILIES[objective](base, model, facts)
    return found
