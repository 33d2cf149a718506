"""The parameters of the made-up creatures; params.yaml says in a comment what each one means."""

from typing import Literal

from pydantic import Field

from stages.params import Params


class Descriptions(Params):
    """One set of creatures. `translated` is the share of them with a German and a Korean description, each."""

    room: Literal["descriptions"]
    seed: int = Field(ge=0, lt=2**63)
    lines: int = Field(default=170, ge=20, le=600)  # evolution lines of 1 to 3 creatures
    descriptions: int = Field(default=3, ge=1, le=12)  # in English, a creature
    translated: float = Field(default=0.4, ge=0, le=1)
    dirt: float = Field(default=0.04, ge=0, le=0.5)  # extra rows that no one can learn from
