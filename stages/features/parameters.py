"""Parameters of the frozen features: one row under `features:` in params.yaml."""

from typing import Literal

from pydantic import Field

from stages.params import Device, Params
from stages.recipe import Model


class FeatureParams(Params):
    """`source`, `dataset` and `base` only choose paths in dvc.yaml; `model` is the tower."""

    source: Literal["curate", "caption"]
    dataset: str
    base: str
    model: Model
    batch_size: int = Field(32, gt=0)
    device: Device = "auto"
