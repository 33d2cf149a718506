"""BlindTest's published figures on circled letters, to stand beside ours.

Source: Rahmanzadehgervi et al. 2024, "Vision language models are blind" (arXiv:2407.06581); per cent
right on 1,248 pictures (three words, two fonts), each asked with two prompts.
"""

from dataclasses import dataclass

BENCHMARK = "BlindTest, circled letters"
SOURCE = "Rahmanzadehgervi et al. 2024, arXiv:2407.06581"
WORDS = ("Acknowledgement", "Subdermatoglyphic", "tHyUiKaRbNqWeOpXcZvM")
CHANCE = 5.77  # per cent: naming any letter of the word that is shown
SEED_NOTEBOOK = "The PaliGemma 2 notebook that this recipe rebuilds reported no accuracy, only its loss."


@dataclass(frozen=True)
class Published:
    """Per cent right: the mean over the words, and by word in the order of `WORDS`."""

    model: str
    mean: float
    by_word: tuple[float, float, float]


PUBLISHED = (
    Published("GPT-4o", 70.18, (69.03, 63.60, 77.92)),
    Published("Gemini-1.5-Pro", 92.81, (97.50, 91.05, 89.90)),
    Published("Sonnet-3", 73.34, (82.64, 71.45, 65.94)),
    Published("Sonnet-3.5", 89.22, (91.11, 94.49, 82.08)),
)


def held_out(split: object) -> str:
    """What training has not seen of the test rows, by the curated set's `split`."""
    return "words and fonts" if split == "words_and_fonts" else "entities"


def not_the_same_rows(pictures: str, withheld: str) -> str:
    """What must be said wherever our number stands beside a published one."""
    return (
        f"The tuned model is a specialist: trained on {pictures} pictures, scored on {pictures} pictures of {withheld} "
        "held out from training. The published models are generalists, asked zero-shot about other pictures (three "
        "words, two fonts). These are not the same rows: read them side by side, not as a ranking."
    )
