"""A naming recipe's base: the numbers for one on the hub, and whether an embedded one is one."""

import json
from typing import Any

from stages.cli.parameters import BASES
from stages.params import UserError

ARCHITECTURE = "gemma"
HUB_NUMBERS: dict[str, dict[str, Any]] = {
    "tokenize": {"max_length": 512},
    "train": {
        "quantisation": "nf4",
        "double_quantisation": True,
        "compute_dtype": "bfloat16",
        "lora_rank": 6,
        "lora_alpha": 8,
        "lora_dropout": 0.05,
        "target_modules": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        "learning_rate": 2e-4,
        "num_train_epochs": None,
        "max_steps": 3000,
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": 4,
        "optim": "paged_adamw_8bit",
    },
    "evaluate": {"batch_size": 8, "max_new_tokens": 24},
}
HUB_REASON = (
    "these are the numbers with which the published notebook tuned gemma-2b-it on 833 descriptions (bfloat16 for its "
    "float16; of its 8 epochs and 3000 steps the steps, which are what it ran); evaluate's are for a larger model"
)


def is_language(base: str) -> bool:
    """Whether the embedded base `base` says of itself that it is a Gemma."""
    path = BASES / base / "config.json"
    if not path.is_file():
        return False
    try:
        found = json.loads(path.read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise UserError(f"{path} is no JSON object: restore it with `git checkout {path.parent}`.") from error
    return str(found).startswith(ARCHITECTURE)
