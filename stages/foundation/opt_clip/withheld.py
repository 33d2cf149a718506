"""What the base must never see, so that zero-shot is an honest "before".

The pictures that it is tested on show drawn creatures whose names are made of these syllables (first,
last). The base draws names of its own; none of them may be such a name, nor may its texts speak of a creature.
"""

FIRST = ("kar", "ton", "sol", "ver", "tel", "zar", "vin", "ros", "mun", "gal", "nel", "dor")
LAST = ("dun", "rix", "puf", "tak", "ven", "fyr", "lop", "gan", "vol", "drak", "zim", "flin")
NEVER_WORDS = ("creature",)


def is_withheld_name(name: str) -> bool:
    """True for every name that begins with one of the first syllables and ends with one of the last (any case)."""
    folded = name.casefold()
    return folded.startswith(FIRST) and folded.endswith(LAST)


def speaks_of_withheld(text: str) -> bool:
    """True where a text says one of the words that only the tested pictures' captions use."""
    folded = text.casefold()
    return any(word in folded for word in NEVER_WORDS)
