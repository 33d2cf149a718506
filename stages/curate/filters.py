"""Filters that look at one row alone: its picture's size and sharpness, the length of its texts."""

from stages.curate.decode import Facts
from stages.curate.parameters import Pictures, Texts
from stages.record import Text

TOO_SMALL = "too small"
TOO_LONG_AND_THIN = "too long and thin"
BLANK = "blank"
BLURRED = "blurred"
TEXT_LENGTH = "text length"

Flaw = tuple[str, str]  # one of the reasons above, and what was found


def picture_flaw(params: Pictures, size: tuple[int, int], facts: Facts | None) -> Flaw | None:
    """The first thing that is wrong with a picture of `size` (upright, in pixels), or None.

    A blank picture has nothing sharp either: it is called blank.
    """
    shorter, longer = sorted(size)
    if shorter < params.smallest_side:
        return TOO_SMALL, f"{size[0]} x {size[1]}, less than {params.smallest_side} pixels"
    if params.largest_aspect is not None and longer > params.largest_aspect * shorter:
        return TOO_LONG_AND_THIN, f"{size[0]} x {size[1]}, more than {params.largest_aspect:g} to 1"
    if facts is None:
        return None
    if facts.contrast < params.least_contrast:
        return BLANK, f"contrast {facts.contrast:.4g}, less than {params.least_contrast:g}"
    if facts.sharpness < params.least_sharpness:
        return BLURRED, f"sharpness {facts.sharpness:.4g}, less than {params.least_sharpness:g}"
    return None


def fitting(params: Texts, texts: tuple[Text, ...]) -> tuple[Text, ...]:
    """The texts whose number of words is allowed."""
    most = float("inf") if params.longest is None else params.longest
    return tuple(text for text in texts if params.shortest <= len(text.text.split()) <= most)
