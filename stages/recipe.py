"""What every recipe has: a model to start from, and the numbers of a training run.

A recipe is one row under `recipes:` in params.yaml; its `objective` names the room that has the rest:
`stages/answers/recipe.py` for models that answer in words, `stages/grounding/recipe.py` for FROMAGe,
`stages/naming/recipe.py` for language models alone, `stages/chat/recipe.py` for a tower and one of these joined.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from stages.params import Device, Params


class Model(Params):
    """What to fine-tune: an embedded base (no revision), or a hub model pinned to a commit."""

    id: str = Field(min_length=1)
    revision: str | None = None

    @property
    def on_hub(self) -> bool:
        return "/" in self.id

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if self.on_hub and not self.revision:
            raise ValueError(
                f"{self.id} needs a pinned revision: take the commit from its page's Files tab "
                f"(https://huggingface.co/{self.id}/commits/main) and put it in `revision`"
            )
        return self


class Training(Params):
    """The numbers of a run of transformers.Trainer on a frozen, quantised base."""

    seed: int
    quantisation: Literal["nf4", "none"] = "nf4"
    double_quantisation: bool = True
    compute_dtype: Literal["bfloat16", "float32"] = "bfloat16"
    learning_rate: float = Field(gt=0, lt=1)
    warmup_steps: int = Field(0, ge=0)
    weight_decay: float = Field(0.0, ge=0)
    num_train_epochs: int | None = Field(None, gt=0)
    max_steps: int | None = Field(None, gt=0)
    per_device_train_batch_size: int = Field(gt=0)
    gradient_accumulation_steps: int = Field(1, gt=0)
    optim: str = "adamw_torch"
    device: Device = "auto"

    @property
    def rows_a_step(self) -> int:
        return self.per_device_train_batch_size * self.gradient_accumulation_steps

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.max_steps is None) == (self.num_train_epochs is None):
            raise ValueError("give either `num_train_epochs` or `max_steps` and set the other to null")
        return self


class QLoRA(Training):
    """QLoRA (Dettmers et al. 2023, arXiv:2305.14314) through bitsandbytes, peft and Trainer."""

    lora_rank: int = Field(gt=0, le=512)
    lora_alpha: int = Field(gt=0)
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    target_modules: tuple[str, ...] = Field(min_length=1)


class Recipe(Params):
    """One row. All but `objective` only choose paths in dvc.yaml: data/curate/letters, say.

    `source: caption` reads the curated rows with the texts that the caption log gives them, `describe` rows
    without pictures. `features` names a row under `features:`, `parent` an adapter below models/ to start from;
    `none` is neither.
    """

    objective: str
    source: Literal["curate", "caption", "describe"]
    dataset: str
    base: str
    features: str = "none"
    parent: str = "none"
