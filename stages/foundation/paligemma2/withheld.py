"""What the embedded base must never see, so that zero-shot is an honest "before".

A word belongs to the test side by a hash of itself, not by a draw: so the base (which draws its
own words) and `curate` (which splits somebody else's) agree without reading each other's output.
"""

import hashlib

TEST_SHARE = 0.2
TEST_FONT_FAMILIES = ("Caladea", "Hanken Grotesk", "STIXGeneral")


def is_test_word(word: str) -> bool:
    """True for the fifth of all words (case-folded) that only a test split may contain."""
    digest = hashlib.sha256(b"plumbline-word:" + word.casefold().encode()).digest()
    return int.from_bytes(digest[:8], "big") < TEST_SHARE * 2**64


def is_test_family(family: str) -> bool:
    """True for a font family that only a test split may contain (its own name, any case)."""
    return family.casefold() in {name.casefold() for name in TEST_FONT_FAMILIES}
