"""The parameters of the drawn scenes; params.yaml says in a comment what each one means."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.params import Params

Share = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=64, le=1024)]


class Scenes(Params):
    """One drawn set. Pictures are squares, their sides between `smallest_side` and `largest_side` pixels."""

    room: Literal["scenes"]
    seed: int = Field(ge=0, lt=2**63)
    pictures: int = Field(ge=2)  # before the planted dirt
    smallest_side: Side = 160
    largest_side: Side = 224
    silent: Share = 0.1  # pictures with captions only
    twice: Share = 0.2  # pictures with two conversations
    dirt: Share = 0.03  # planted entries, counted against the pictures

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.largest_side < self.smallest_side:
            raise ValueError(
                f"`largest_side` = {self.largest_side} is less than `smallest_side` = {self.smallest_side}"
            )
        if self.silent + self.twice > 1:
            raise ValueError("`silent` and `twice` are shares of the same pictures: together at most 1")
        return self
