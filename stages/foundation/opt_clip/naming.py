"""Made-up names, which no text has: to be read and said again."""

import numpy as np

from stages.foundation.opt_clip.scene import pick
from stages.foundation.opt_clip.withheld import is_withheld_name

ONSETS = (
    "b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z",
    "br", "cl", "dr", "fl", "gr", "kl", "pl", "pr", "sh", "sk", "sl", "sp", "st", "tr", "th", "qu",
)  # fmt: skip
VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "oo", "ou", "y")
CODAS = ("", "", "l", "n", "m", "r", "s", "t", "x", "p", "k", "ng", "ff")


def made_up_name(rng: np.random.Generator) -> str:
    """Two or three syllables, capitalised; never a withheld name."""
    while True:
        count = int(rng.integers(2, 4))
        name = "".join(pick(rng, ONSETS) + pick(rng, VOWELS) + pick(rng, CODAS) for _ in range(count))
        if len(name) <= 12 and not is_withheld_name(name):
            return name.capitalize()
