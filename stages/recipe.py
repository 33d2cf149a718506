"""A recipe: one row under `recipes:` in params.yaml, typed section by section."""

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


class Tokenize(Params):
    """How a row becomes what the model sees. `answer` is a template over the row's `{label}`."""

    prompt: str = Field(min_length=1)
    answer: str = "{label}"
    trim: bool = True
    trim_margin: int = Field(3, ge=0, le=256)
    trim_aspect: float = Field(8, gt=0, le=64)
    max_length: int = Field(128, ge=16)

    @model_validator(mode="after")
    def _templates(self) -> Self:
        if "<image>" in self.prompt:
            raise ValueError("`prompt` must not hold <image>; the processor puts the image tokens first")
        try:
            answered = self.answer.format(label="k")
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"`answer` may use {{label}} only (and {{{{ }}}} for braces): {error!r}") from None
        if "k" not in answered:
            raise ValueError("`answer` must contain {label}")
        return self


class Train(Params):
    """QLoRA (Dettmers et al. 2023, arXiv:2305.14314) through bitsandbytes, peft and Trainer."""

    seed: int
    quantisation: Literal["nf4", "none"] = "nf4"
    double_quantisation: bool = True
    compute_dtype: Literal["bfloat16", "float32"] = "bfloat16"
    lora_rank: int = Field(gt=0, le=512)
    lora_alpha: int = Field(gt=0)
    lora_dropout: float = Field(0.0, ge=0, lt=1)
    target_modules: tuple[str, ...] = Field(min_length=1)
    learning_rate: float = Field(gt=0, lt=1)
    warmup_steps: int = Field(0, ge=0)
    weight_decay: float = Field(0.0, ge=0)
    num_train_epochs: int | None = Field(None, gt=0)
    max_steps: int | None = Field(None, gt=0)
    per_device_train_batch_size: int = Field(gt=0)
    gradient_accumulation_steps: int = Field(1, gt=0)
    optim: str = "adamw_torch"
    device: Device = "auto"

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.max_steps is None) == (self.num_train_epochs is None):
            raise ValueError("give either `num_train_epochs` or `max_steps` and set the other to null")
        return self


class Evaluate(Params):
    """Generation on the test rows, and the intervals around what it scores."""

    batch_size: int = Field(64, gt=0)
    max_new_tokens: int = Field(4, gt=0)
    bootstrap_samples: int = Field(2000, ge=100)
    seed: int = 1
    device: Device = "auto"


class Recipe(Params):
    """One row. `source`, `dataset` and `base` only choose paths in dvc.yaml: data/curate/letters, say.

    `source: caption` reads the curated rows with the texts that the caption log gives them.
    """

    source: Literal["curate", "caption"]
    dataset: str
    base: str
    task: Literal["letter"]
    model: Model
    tokenize: Tokenize
    train: Train
    evaluate: Evaluate
