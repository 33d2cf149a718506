"""A recipe whose model reads pictures and text interleaved (IDEFICS): rows, QLoRA, few-shot evaluation.

The numbers in the comments are those of the notebooks that `sport_label` and `sport_caption` rebuild.
"""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from stages.params import Device, Params
from stages.recipe import Model, QLoRA, Recipe

FIELDS = {"label": "label", "caption": "text"}  # what a task's answer template is filled with
MOST_SHOTS = 16


class Tokenize(Params):
    """The template and how a picture becomes a view. `answer` is filled with `{label}` or `{text}`.

    A row reads picture, prompt, space, answer; `separator` stands behind an example, before the next picture.
    """

    prompt: str = Field(min_length=1)
    answer: str
    separator: str = "\n"
    fit: Literal["squeeze", "pad", "crop"] = "squeeze"
    max_length: int = Field(128, ge=16)  # of a row alone; examples come on top

    @field_validator("prompt")
    @classmethod
    def _prompt(cls, prompt: str) -> str:
        if "<image>" in prompt or "<fake_token_around_image>" in prompt:
            raise ValueError("`prompt` must not hold <image>; the picture is put before it")
        if prompt != prompt.strip(" "):
            raise ValueError("`prompt` must not begin or end with a space: IDEFICS's processor strips it")
        return prompt

    @field_validator("separator")
    @classmethod
    def _separator(cls, separator: str) -> str:
        if separator.strip() or separator != separator.strip(" "):
            raise ValueError(
                '`separator` is "" or line ends ("\\n"): IDEFICS\'s processor strips a space before a picture, '
                "so that it would change nothing"
            )
        return separator


class Train(QLoRA):
    """QLoRA on single rows, or on rows behind `context_examples` others of the training split."""

    per_class: int | None = Field(None, gt=0)  # 10 in the text of the original, 50 in its notebook
    context_examples: int = Field(0, ge=0, le=4)


class Evaluate(Params):
    """Zero-shot, few-shot and tuned on the same rows.

    `synonyms` names a CSV of names that count as a label (its path stands in dvc.yaml).
    """

    batch_size: int = Field(64, gt=0)
    max_new_tokens: int = Field(10, gt=0)  # 10 zero-shot, 15 tuned, 40 for captions
    shots: tuple[int, ...] = Field((0, 1, 2, 4, 8), min_length=1)
    context_seeds: tuple[int, ...] = Field((1, 2, 3), min_length=1)
    choose: Literal["fixed", "random", "nearest"] = "fixed"
    synonyms: str = "none"
    scoring: Literal["generation", "closed", "both"] = "both"
    bootstrap_samples: int = Field(2000, ge=100)
    seed: int = 1
    device: Device = "auto"

    @field_validator("shots", "context_seeds")
    @classmethod
    def _distinct(cls, numbers: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(numbers)) != len(numbers) or min(numbers) < 0:
            raise ValueError("give each number once, none below 0")
        return numbers

    @field_validator("shots")
    @classmethod
    def _few(cls, shots: tuple[int, ...]) -> tuple[int, ...]:
        if max(shots) > MOST_SHOTS:
            raise ValueError(f"at most {MOST_SHOTS} examples before a question")
        return shots


class InterleavedRecipe(Recipe):
    """One row whose `objective` is `interleaved`."""

    objective: Literal["interleaved"]
    parent: Literal["none"] = "none"
    task: Literal["label", "caption"]
    model: Model
    tokenize: Tokenize
    train: Train
    evaluate: Evaluate

    @property
    def models(self) -> tuple[Model, ...]:
        """What is downloaded, or lies in models/base."""
        return (self.model,)

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        field = FIELDS[self.task]
        try:
            answered = self.tokenize.answer.format(**{field: "k"})
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"`tokenize.answer` of task `{self.task}` may use {{{field}}} only (and {{{{ }}}} for braces): "
                f"{error!r}"
            ) from None
        if "k" not in answered or f"{{{field}}}" not in self.tokenize.answer:
            raise ValueError(f"`tokenize.answer` of task `{self.task}` must contain {{{field}}}")
        if answered != answered.strip():
            raise ValueError("`tokenize.answer` must not begin or end with white space; use `separator`")
        if self.task == "caption" and self.train.per_class is not None:
            raise ValueError("`train.per_class` counts rows a label; for captions set it to null")
        if self.task == "caption" and self.evaluate.synonyms != "none":
            raise ValueError('`evaluate.synonyms` is about labels; for captions set it to "none"')
        if self.evaluate.choose == "nearest" and self.features == "none":
            raise ValueError("`evaluate.choose: nearest` compares features: name a row under `features:`")
        return self
