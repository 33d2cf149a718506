"""Parameters of `curate`: one row a curated set. A section that is not given changes nothing."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from stages.curate.decode import Limits
from stages.curate.licences import is_known
from stages.params import Params


class Pictures(Params):
    """What a picture must be like, and how large it may leave. Sizes are of the upright picture, in pixels."""

    longest_side: int | None = Field(default=None, ge=16)  # larger ones are scaled down to it
    smallest_side: int = Field(default=1, ge=1)
    largest_aspect: float | None = Field(default=None, ge=1)  # the longer side over the shorter
    least_sharpness: float = Field(default=0, ge=0)  # `Facts.sharpness`
    least_contrast: float = Field(default=0, ge=0)  # `Facts.contrast`: low where nearly everything has one brightness
    limits: Limits = Limits.model_validate({})


class NearDuplicates(Params):
    """Perceptual hashes of `bits`; pictures whose hashes differ in at most `radius` bits are copies of each other."""

    bits: Literal[64, 256]
    radius: int = Field(ge=0)
    oriented: bool = False  # find flipped, turned and cropped copies too

    @model_validator(mode="after")
    def _small(self) -> Self:
        if self.radius > self.bits // 4:  # unrelated pictures differ in about half of the bits
            raise ValueError(
                f"`radius` must be at most a quarter of `bits`, {self.bits // 4}: unrelated pictures match"
            )
        return self


class Texts(Params):
    """Lengths in words; a row without any text passes, since captions come later."""

    shortest: int = Field(default=0, ge=0)
    longest: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.longest is not None and self.longest < self.shortest:
            raise ValueError(f"`longest` = {self.longest} is less than `shortest` = {self.shortest}")
        return self


class PerClass(Params):
    """Rows a label. Which ones stay follows from the seed and each picture alone, not from the rows around it."""

    most: int | None = Field(default=None, ge=1)
    least: int = Field(default=0, ge=0)
    seed: int = 1

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.most is not None and self.most < self.least:
            raise ValueError(f"`most` = {self.most} is less than `least` = {self.least}")
        return self


class Curate(Params):
    """One row. `source`, `dataset` and `decisions` only choose paths in dvc.yaml.

    `split`: by words and fonts (circled letters), or by whole entities (anything else).
    """

    source: Literal["synthesize", "ingest", "scrape"]
    dataset: str = Field(min_length=1)
    decisions: str = Field(min_length=1)
    split: Literal["words_and_fonts", "entities"]
    test_share: float = Field(default=0.2, gt=0, lt=1)  # `entities` only
    licences: Literal["any", "known"] | tuple[str, ...] = "any"
    pictures: Pictures = Field(default_factory=Pictures)
    near_duplicates: NearDuplicates | None = None
    texts: Texts | None = None
    per_class: PerClass | None = None

    @field_validator("licences")
    @classmethod
    def _named(cls, licences: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(licences, str):
            return licences
        if not licences:
            raise ValueError("name at least one licence, or set `known` or `any`")
        if unknown := [licence for licence in licences if not is_known(licence)]:
            raise ValueError(f"{unknown[0]!r} is no licence; `any` lets pictures in whose licence nobody knows")
        return licences

    @property
    def asks_about_pictures(self) -> bool:
        """Whether our own PNGs, whose size is known, must be looked at too."""
        filtered = self.pictures.least_sharpness > 0 or self.pictures.least_contrast > 0
        return filtered or self.near_duplicates is not None
