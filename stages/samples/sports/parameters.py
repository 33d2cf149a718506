"""The parameters of the drawn sports; params.yaml says in a comment what each one means."""

from typing import Annotated, Literal

from pydantic import Field

from stages.params import Params

Share = Annotated[float, Field(ge=0, le=0.5)]


class Sports(Params):
    """One drawn set. The three shares are extra files, counted against all drawn class pictures."""

    room: Literal["sports"]
    seed: int = Field(ge=0, lt=2**63)
    pictures: int = Field(ge=2)  # a class, before the planted dirt
    captioned: int = Field(ge=0)  # pictures with five captions each
    image_size: int = Field(default=224, ge=64, le=1024)
    duplicates: Share = 0.04
    contradictory: Share = 0.01
    broken: Share = 0.01
