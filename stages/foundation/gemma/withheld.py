"""What the base must never see, so that "before" is an honest measure.

It is tested on naming beings from what is told of them. So no text of it speaks of such beings, and what it
learns to name are things and places alone: no animal, no person, nothing that lives is ever named after a description.
"""

NEVER_WORDS = ("creature", "pokemon", "pokémon", "monster", "evol", "kreatur", "포켓몬", "생물", "진화")
NAMED_GROUPS = ("things", "places")  # groups of `describing` that may be named after a description


def speaks_of_withheld(text: str) -> bool:
    """True where a text says one of the words, in any case and form."""
    folded = text.casefold()
    return any(word in folded for word in NEVER_WORDS)
