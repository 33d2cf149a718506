"""A recipe that joins a frozen language model and a frozen CLIP tower: FROMAGe (Koh et al. 2023, arXiv:2301.13823)."""

from typing import Literal

from pydantic import Field, field_validator

from stages.params import Device, Params
from stages.recipe import Model, Recipe, Training


class Parts(Params):
    """The two frozen models: hub models with their commits, or both the one embedded base."""

    language: Model
    vision: Model


class Tokenize(Params):
    """`max_length` counts the text's tokens, [RET] and the end included; visual tokens come on top."""

    max_length: int = Field(48, ge=8)
    longest_dialogue: int = Field(160, ge=16)


class Weights(Params):
    """What each loss counts. 0 leaves it out, and its forward pass too where it has one of its own."""

    caption: float = Field(1.0, ge=0)  # cross-entropy of the caption after its picture
    retrieval_text: float = Field(1.0, ge=0)  # cross-entropy of the caption without picture, [RET] included
    image_to_text: float = Field(0.5, ge=0)  # InfoNCE: which caption is this picture's?
    text_to_image: float = Field(0.5, ge=0)  # InfoNCE: which picture is this caption's?
    dialogue: float = Field(0.0, ge=0)  # cross-entropy of the answers in a dialogue about a picture


class Train(Training):
    """What is trained beside Trainer's own numbers: the width of the maps, and what the losses weigh."""

    visual_tokens: int = Field(1, ge=1, le=16)
    shared_width: int = Field(256, ge=8)
    interleaved: float = Field(0.5, ge=0, le=1)
    renormalise_ret: bool = False  # after every step scale [RET]'s row to the others' mean length
    weights: Weights = Weights.model_validate({})


class Evaluate(Params):
    """Retrieval both ways, captions and dialogues on the test rows, with intervals over entities."""

    batch_size: int = Field(64, gt=0)
    max_new_tokens: int = Field(32, gt=0)
    bootstrap_samples: int = Field(2000, ge=100)
    seed: int = 1
    device: Device = "auto"


class GroundingRecipe(Recipe):
    """One row whose `objective` is `grounding`."""

    objective: Literal["grounding"]
    features: str = Field(min_length=1)
    task: Literal["retrieval"]
    model: Parts
    tokenize: Tokenize
    train: Train
    evaluate: Evaluate

    @property
    def models(self) -> tuple[Model, ...]:
        """What is downloaded, or lies in models/base."""
        return (self.model.language, self.model.vision)

    @field_validator("features")
    @classmethod
    def _cached(cls, name: str) -> str:
        if name == "none":
            raise ValueError("this objective reads frozen features: name a row under `features:`")
        return name
