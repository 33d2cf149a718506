"""The parameters of one drawn data set; params.yaml says in a comment what each one means."""

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from stages.params import Params


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    if not pair[0] <= pair[1]:
        raise ValueError(f"it must be [low, high] with low <= high, found {list(pair)}")
    return pair


def _between(low: float, high: float) -> AfterValidator:
    def check(pair: tuple[float, float]) -> tuple[float, float]:
        if not low <= min(pair) <= max(pair) <= high:
            raise ValueError(f"both numbers must lie in {low:g}..{high:g}, found {list(pair)}")
        return pair

    return AfterValidator(check)


Pair = Annotated[tuple[float, float], AfterValidator(_ascending)]
Share = Annotated[float, Field(ge=0, le=1)]


class Words(Params):
    """Which words are drawn: a list's, random letters, and random letters in mixed case."""

    source: Literal["common", "nltk"]
    folder: str | None = None
    listed: Share
    random: Share
    mixed_case: Share
    shortest: int = Field(ge=3, le=20)
    longest: int = Field(ge=3, le=20)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        total = self.listed + self.random + self.mixed_case
        if not math.isclose(total, 1, abs_tol=1e-6):
            raise ValueError(f"`listed`, `random` and `mixed_case` are shares and must add up to 1, not to {total:g}")
        if self.shortest > self.longest:
            raise ValueError(f"`shortest` ({self.shortest}) must not be above `longest` ({self.longest})")
        if self.folder is not None and self.source != "nltk":
            raise ValueError(f"`folder` is for `source: nltk` only; set it to null for `source: {self.source}`")
        return self


class Synthesize(Params):
    """One drawn data set of circled letters."""

    seed: int = Field(ge=0, lt=2**63)
    train_images: int = Field(ge=0)
    test_images: int = Field(ge=0)
    image_size: int = Field(ge=64, le=4096)
    words: Words
    families: list[str] = Field(min_length=1)
    font_sources: list[str] = Field(min_length=1)
    font_size: Annotated[Pair, _between(4, 1000)]
    largest: float = Field(gt=0, le=0.5)
    padding: Annotated[Pair, _between(0, 2000)]
    thickness: Annotated[Pair, _between(1, 30)]
    ellipse_scale: Annotated[Pair, _between(1, 3)]
    offset: float = Field(ge=0, le=0.25)
    stretch: Annotated[Pair, _between(0.25, 4)]
    weight: Annotated[Pair, _between(0.1, 5)]
    blur: Share
    tinted: Share
    other_colours: Share
    slanted: Share = 0.0

    @model_validator(mode="after")
    def _something_to_draw(self) -> Self:
        if not self.train_images + self.test_images:
            raise ValueError("`train_images` and `test_images` must not both be 0")
        return self
