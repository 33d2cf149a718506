"""Parameters of `caption`: one row a captioned set."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from stages.caption.log import KINDS, Kind
from stages.params import Params


class CaptionParams(Params):
    """Whose captions count, and how many a row needs. `dataset`, `log` and `dialogues` are names that
    dvc.yaml uses.

    Of one picture only the captions of the best kind of author count: a person's over imported ones, these over a
    generator's, and these over a model's draft.
    """

    dataset: str = Field(min_length=1)
    log: str = Field(min_length=1)
    dialogues: str = Field("none", min_length=1)  # a file in data/dialogues; `none` is an empty one
    authors: tuple[Kind, ...] = Field(("person", "import", "generator"), min_length=1)
    least: int = Field(1, ge=1)  # captions a row needs
    most: int | None = Field(None, ge=1)  # captions a row gets, the first ones; null = all
    shortest: int = Field(3, ge=1)  # words of a caption
    longest: int = Field(60, ge=1)
    keep_existing: bool = False  # texts that the curated row has already (an import's labels, say)

    @field_validator("authors")
    @classmethod
    def _each_once(cls, authors: tuple[Kind, ...]) -> tuple[Kind, ...]:
        if len(set(authors)) < len(authors):
            raise ValueError(f"name each kind once, of {', '.join(KINDS)}")
        return authors

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.most is not None and self.most < self.least:
            raise ValueError(f"`most` = {self.most} is below `least` = {self.least}")
        if self.longest < self.shortest:
            raise ValueError(f"`longest` = {self.longest} is below `shortest` = {self.shortest}")
        return self
