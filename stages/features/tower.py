"""A CLIP vision tower and its image processor: from `vision/` of an embedded base, or a pinned hub model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.bases import CONFIG, PICTURES, WEIGHTS, explained, load_part, part_location, without_known_noise
from stages.recipe import Model
from stages.shards import sha256_of_file

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

FOLDER = "vision"


@dataclass(frozen=True)
class Identity:
    """What a feature depends on beside the picture. Features of one identity can be mixed, others can't."""

    id: str
    revision: str  # the hub's commit, or the sha256 of an embedded tower's weights
    preprocessing: dict[str, Any]  # the image processor's own settings


@dataclass(frozen=True)
class Tower:
    """The frozen tower, in float32, with the processor that fits pictures to it."""

    identity: Identity
    processor: Any
    vision: Any  # transformers' CLIPVisionModel
    device: str

    @property
    def width(self) -> int:
        return int(self.vision.config.hidden_size)

    def pixels(self, pictures: "list[Image.Image]") -> Any:
        """(n, 3, height, width), fitted and normalised as the tower was trained."""
        return self.processor([one.convert("RGB") for one in pictures], return_tensors="pt")["pixel_values"]

    def pooled(self, pictures: "list[Image.Image]") -> "np.ndarray":
        """(n, width) float32: the class token after the last layer's norm (transformers' `pooler_output`)."""
        import torch

        with torch.inference_mode():
            out = self.vision(pixel_values=self.pixels(pictures).to(self.device))
        return out.pooler_output.float().cpu().numpy()  # type: ignore[no-any-return]


def identity_of(base: Path, model: Model) -> Identity:
    """The tower's identity, without loading its weights."""
    where, revision = part_location(base / FOLDER, model, CONFIG | WEIGHTS)
    settings = image_processor(base, model).to_dict()
    known = {key: value for key, value in settings.items() if key.startswith(("do_", "image_", "size", "crop", "resc"))}
    known["resample"] = int(settings["resample"])
    digest = revision or sha256_of_file(Path(where) / "model.safetensors")
    return Identity(model.id, digest, {key: _plain(known[key]) for key in sorted(known)})


def load_tower(base: Path, model: Model, device: str) -> Tower:
    """The tower alone, in float32: of a whole CLIP only the vision half is kept."""
    import torch
    from transformers import CLIPVisionModel

    vision = load_part(CLIPVisionModel, base / FOLDER, model, torch.float32, device, {})
    return Tower(identity_of(base, model), image_processor(base, model), vision, device)


def image_processor(base: Path, model: Model) -> Any:
    """CLIP's own preparation of a picture, on Pillow (no torchvision needed)."""
    with without_known_noise():
        from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    where, revision = part_location(base / FOLDER, model, PICTURES)
    with explained(model):
        return CLIPImageProcessorPil.from_pretrained(where, revision=revision)


def _plain(value: Any) -> Any:
    """Lists and numbers as JSON has them, so that an identity that was written and read stays equal."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in sorted(value.items())}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value
