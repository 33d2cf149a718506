"""FROMAGe's configuration: the shapes of what is trained, and the names of the two frozen parts."""

import math

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

from stages.grounding import RET


@strict
class FromageConfig(PreTrainedConfig):  # type: ignore[misc]
    """Shapes and names (Koh et al. 2023, arXiv:2301.13823).

    `visual_tokens` is the paper's k, `shared_width` its q. The frozen parts stand here as a hub id and a
    commit, or as an embedded base's name, never as a machine's path: a saved model is the same file anywhere.
    `ret_id` is the number of tokens that the language model's tokenizer had before `[RET]` was added.
    """

    model_type = "fromage"

    visual_tokens: int = 1
    shared_width: int = 256
    language_width: int = 4096
    vision_width: int = 1024
    language: str = ""
    language_revision: str | None = None
    vision: str = ""
    vision_revision: str | None = None
    ret_token: str = RET
    ret_id: int = 50265
    logit_scale: float = math.log(1 / 0.07)

    def __post_init__(self, **kwargs: object) -> None:
        for name in ("visual_tokens", "shared_width", "language_width", "vision_width", "ret_id"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` = {getattr(self, name)} must be 1 or more")
        super().__post_init__(**kwargs)
