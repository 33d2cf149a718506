"""A recipe whose model answers in words: how rows are tokenized, QLoRA's numbers, and generation."""

from typing import Literal, Self

from pydantic import Field, model_validator

from stages.params import Device, Params
from stages.recipe import Model, QLoRA, Recipe


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


class Evaluate(Params):
    """Generation on the test rows, and the intervals around what it scores."""

    batch_size: int = Field(64, gt=0)
    max_new_tokens: int = Field(4, gt=0)
    bootstrap_samples: int = Field(2000, ge=100)
    seed: int = 1
    device: Device = "auto"


class AnswerRecipe(Recipe):
    """One row whose `objective` is `answers`."""

    objective: Literal["answers"]
    features: Literal["none"] = "none"
    parent: Literal["none"] = "none"
    task: Literal["letter"]
    model: Model
    tokenize: Tokenize
    train: QLoRA
    evaluate: Evaluate

    @property
    def models(self) -> tuple[Model, ...]:
        """What is downloaded, or lies in models/base."""
        return (self.model,)
