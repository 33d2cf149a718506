"""Parameters of the frozen features: one row under `features:` in params.yaml."""

from typing import Literal

from pydantic import Field

from stages.params import Device, Params
from stages.recipe import Model


class FeatureParams(Params):
    """`source`, `dataset` and `base` only choose paths in dvc.yaml; `model` is the tower.

    `what`: one vector a picture (`pooled`), or one a patch, as LLaVA reads them (`patches`).
    """

    source: Literal["curate", "caption"]
    dataset: str
    base: str
    model: Model
    what: Literal["pooled", "patches"] = "pooled"
    batch_size: int = Field(32, gt=0)
    device: Device = "auto"
