"""What the base must never see, so that zero-shot is an honest "before".

It is tested on drawn sports. Its texts say none of these words, and its scenes keep clear of the
arrangements that make a sport of a person and a thing.
"""

import re

# Beginnings of words, for every form of them; where a word is a plain one otherwise, the forms are written out.
FORBIDDEN = (
    "sport", "athlet", "archer", "badminton", "basketball", "bobsled", "bobsleigh", "luge", "bowling", "bowler",
    "boxing", "boxer", "canoe", "kayak", "rowing", "rower", "oar", "cycl", "bicycl", "bike", "biking", "diving",
    "diver", "dive", "fencing", "fencer", "skat", "football", "soccer", "golf", "gymnast", "rings", "vault", "hockey",
    "puck", "judo", "wrestl", "log", "logs", "tug", "sail", "yacht", "skateboard", "ski", "skis", "skier", "skiing",
    "snowboard", "surf", "swim", "tennis", "pingpong", "pong", "volleyball", "weightlift", "barbell", "dumbbell",
    "racket", "racquet", "shuttlecock", "paddling", "rugby", "baseball", "cricket",
)  # fmt: skip
WHOLE_WORDS = {"oar", "ski", "skis", "log", "logs", "tug", "rings", "dive"}
_SPOKEN = re.compile(
    r"\b(?:" + "|".join(f"{word}\\b" if word in WHOLE_WORDS else word for word in FORBIDDEN) + r")|high jump", re.I
)

ON_IT = {  # thing below a person: surroundings in which that would be a sport
    "board": {"water", "snow", "road", "hall", "ice"},
    "table": {"hall"},
}
IN_HAND = {  # thing held: surroundings
    "stick": {"ice", "grass", "hall"},
    "pole": {"snow", "water"},
    "paddle": {"water", "hall", "road"},
    "board": {"water", "snow"},
    "ball": {"hall"},
}
OVERHEAD = {"bar"}  # held with raised arms
NEVER_BESIDE_PEOPLE = {"net", "boat", "sled", "gate", "hoop"}


def speaks_of_withheld(text: str) -> bool:
    """True where a text has one of the forbidden words, in any case and form."""
    return bool(_SPOKEN.search(text))


def is_arrangement(place: str, thing: str, relation: str, held: str, arms: str) -> bool:
    """True for a person's surroundings, a thing beside ("" for none), what is held ("" for nothing) that make a sport.

    `relation`: where the thing lies from the person; `arms`: how the holder's arms are.
    """
    return (
        thing in NEVER_BESIDE_PEOPLE
        or held in NEVER_BESIDE_PEOPLE
        or (relation == "below" and place in ON_IT.get(thing, ()))
        or place in IN_HAND.get(held, ())
        or (held in OVERHEAD and arms in ("up", "one up", "bent"))
        or (held == "paddle" and thing in ("ball", "table"))
        or (held == "rope" and thing == "rope")
    )
