"""A recipe whose model reads a description and answers with one name (Gemma): rows, QLoRA, evaluation.

The numbers in the comments are those of the notebook that `pokemon_name` rebuilds.
"""

import re
from typing import Literal

from pydantic import Field, field_validator

from stages.params import Device, Params
from stages.recipe import Model, QLoRA, Recipe

ENGLISH = "Invent one name for the creature with these traits. Answer with the name alone.\n{description}"
KOREAN = "다음 특성을 살린 포켓몬식 이름을 지어줘:\n{description}"  # the notebook's own: "name it in Pokémon style"
FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")  # what str.format reads


class Tokenize(Params):
    """The user's turn, the model's turn, and which rows. The marks around turns are the tokenizer's own template's.

    `languages` (codes as in the rows, "en" say) leaves other rows out by name; null takes all.
    """

    prompt: str = ENGLISH
    answer: str = "{name}"
    max_length: int = Field(512, ge=16)  # of prompt and answer together; a longer row is left out, never cut
    languages: tuple[str, ...] | None = Field(None, min_length=1)

    @field_validator("prompt")
    @classmethod
    def _prompt(cls, prompt: str) -> str:
        return _checked("prompt", "description", prompt)

    @field_validator("answer")
    @classmethod
    def _answer(cls, answer: str) -> str:
        return _checked("answer", "name", answer)


class Evaluate(Params):
    """Zero-shot and tuned on the same held-out rows; `at` are the k of R@k, the true name's rank among all names.

    `ranked_rows`: how many rows that rank is taken of, spread over entities, since it reads every name; null for all.
    """

    batch_size: int = Field(32, gt=0)
    max_new_tokens: int = Field(24, gt=0)
    at: tuple[int, ...] = Field((1, 10), min_length=1)
    ranked_rows: int | None = Field(160, gt=0)
    bootstrap_samples: int = Field(2000, ge=100)
    seed: int = 1
    device: Device = "auto"

    @field_validator("at")
    @classmethod
    def _ranks(cls, at: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(at)) != len(at) or min(at) < 1:
            raise ValueError("give each rank once, none below 1")
        return tuple(sorted(at))


class NamingRecipe(Recipe):
    """One row whose `objective` is `naming`. It reads the rows of `describe`, and no features."""

    objective: Literal["naming"]
    source: Literal["describe"]
    features: Literal["none"] = "none"
    parent: Literal["none"] = "none"
    task: Literal["name"] = "name"
    model: Model
    tokenize: Tokenize
    train: QLoRA
    evaluate: Evaluate

    @property
    def models(self) -> tuple[Model, ...]:
        """What is downloaded, or lies in models/base."""
        return (self.model,)


def _checked(key: str, field: str, template: str) -> str:
    """`template`, which uses {field} once and nothing else; a template that str.format reads otherwise is refused."""
    found = [match for match in FIELD.finditer(template) if match[0] not in ("{{", "}}")]
    if [match[0] for match in found] != [f"{{{field}}}"]:
        raise ValueError(f"`{key}` must contain {{{field}}} once, and no other braces (write {{{{ and }}}} for those)")
    if template != template.strip():
        raise ValueError(f"`{key}` must not begin or end with white space: the chat template strips it")
    return template
