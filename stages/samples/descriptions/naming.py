"""Names from attributes, and the same names in Hangul.

element + link + body + feature + stage: fire, cat, horn -> "Pyrofelor", "Pyrofelora", "Pyrofelorus".
"""

from stages.samples.descriptions.attributes import BODIES, ELEMENTS, FEATURES, STAGES

VOWELS = "aeiouy"
LINK = "o"  # between two consonants
INITIALS = dict(zip("gndrmbsjhktpqlfvcz", (0, 2, 3, 5, 6, 7, 9, 12, 18, 15, 16, 17, 15, 5, 17, 7, 15, 12), strict=True))
SILENT = 11  # the initial of a syllable that begins with a vowel
MEDIALS = {"a": 0, "e": 5, "i": 20, "o": 8, "u": 13, "y": 20}
FILLER = 18  # the vowel of a consonant that has none
FINALS = {"": 0, "k": 1, "n": 4, "l": 8, "r": 8, "m": 16, "b": 17, "p": 17}
FIRST = 0xAC00


def stem(element: str, body: str, irregular: tuple[bool, bool]) -> str:
    """What all members of a line share; `irregular` says where a second syllable is used, if there is one."""
    first, second = (
        (one.other or one.syllable) if odd else one.syllable
        for one, odd in zip((ELEMENTS[element], BODIES[body]), irregular, strict=True)
    )
    return first + second if second[0] in VOWELS else f"{first}{LINK}{second}"


def name(stem: str, feature: str, stage: int) -> str:
    """The name, with a capital."""
    root = stem[:-1] if stem[-1] in VOWELS else stem  # every feature begins with a vowel
    return (root + FEATURES[feature].syllable + STAGES[stage].syllable).capitalize()


def in_hangul(name: str) -> str:
    """The name letter by letter: consonant + vowel (+ k, n, l, r, m, b or p before another consonant or the end)."""
    letters = name.lower().replace("x", "ks").replace("w", "u")
    syllables, place = [], 0
    while place < len(letters):
        initial = SILENT
        if letters[place] not in VOWELS:
            initial = INITIALS[letters[place]]
            place += 1
        medial, final = FILLER, ""
        if place < len(letters) and letters[place] in VOWELS:
            medial = MEDIALS[letters[place]]
            place += 1
            after = letters[place + 1 : place + 2]
            if letters[place : place + 1] in FINALS and (not after or after not in VOWELS):
                final = letters[place : place + 1]
                place += len(final)
        syllables.append(chr(FIRST + (initial * 21 + medial) * 28 + FINALS[final]))
    return "".join(syllables)
