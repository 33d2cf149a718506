"""Species: combinations of attributes, named by syllables that stand for what one sees.

A name is colour + body + ending. The ending tells the wings; a creature without wings has its
tail's. So a name follows from a description, also for a combination that was never seen.
"""

from dataclasses import dataclass

from stages.creatures.chance import Chance, Deck

MOST = 400  # species; (colour, body, ending) has 1440 combinations, and most are left for others to ask for

COLOURS = {
    "red": "kar", "orange": "ton", "yellow": "sol", "green": "ver", "teal": "tel", "blue": "zar",
    "purple": "vin", "pink": "ros", "brown": "mun", "grey": "gal", "white": "nel", "black": "dor",
}  # fmt: skip
BODIES = {
    "round": "bo", "tall": "la", "serpentine": "si", "four-legged": "pa", "bird-like": "ki",
    "beetle-like": "ze", "fish-like": "mu", "ghost-like": "hu", "turtle-like": "de", "snail-like": "ny",
}  # fmt: skip
WINGS = {"feathered": "vol", "bat": "drak", "insect": "zim", "butterfly": "flin"}
TAILS = {
    "none": "dun", "curly": "rix", "bushy": "puf", "spiked": "tak",
    "forked": "ven", "flame": "fyr", "leaf": "lop", "fan": "gan",
}  # fmt: skip
PATTERNS = ("plain", "spots", "stripes", "belly", "zigzags", "stars")
EARS = ("none", "pointed", "round", "long", "floppy")
HORNS = ("none", "none", "none", "one", "two", "antennae", "crest")
EYES = ("round", "large", "sleepy", "fierce", "single", "beady")

# second colours that would not stand out from the first
CLOSE = {
    "red": ("orange", "pink", "brown"), "orange": ("red", "yellow", "brown"), "yellow": ("orange", "white"),
    "green": ("teal",), "teal": ("green", "blue"), "blue": ("teal", "purple"), "purple": ("blue", "brown"),
    "pink": ("red", "white"), "brown": ("red", "orange", "black", "purple"), "grey": ("white", "teal"),
    "white": ("grey", "yellow", "pink"), "black": ("brown", "purple", "blue"),
}  # fmt: skip


@dataclass(frozen=True)
class Species:
    """One species. Every value is a word of the tables above; "none" = it lacks the part."""

    name: str
    body: str
    colour: str
    second_colour: str
    pattern: str
    ears: str
    horns: str
    tail: str
    wings: str
    eyes: str


def name_of(colour: str, body: str, tail: str, wings: str) -> str:
    """The name that goes with what one sees; 8 or 9 letters."""
    return COLOURS[colour] + BODIES[body] + (TAILS[tail] if wings == "none" else WINGS[wings])


def species_of(seed: int, count: int) -> list[Species]:
    """`count` distinct species; fewer are the beginning of more. ValueError outside 0..MOST.

    Each attribute's values come up about equally often, in combinations left to chance, so a split
    by species holds out combinations of values that others show.
    """
    if not 0 <= count <= MOST:
        raise ValueError(f"the number of species must be in 0..{MOST}, found {count}")
    dealt = _Decks(seed)
    return [dealt.next_species() for _ in range(count)]


class _Decks:
    """One deck an attribute, and the names that are taken."""

    def __init__(self, seed: int) -> None:
        def deck(attribute: str, values: tuple[str, ...]) -> Deck:
            return Deck(values, Chance(seed, "species", attribute))

        self._colours = deck("colour", tuple(COLOURS))
        self._seconds = deck("second colour", tuple(COLOURS))
        self._bodies = deck("body", tuple(BODIES))
        self._endings = deck("ending", (*TAILS.values(), *WINGS.values()))
        self._tails = deck("tail", tuple(TAILS))
        self._patterns = deck("pattern", PATTERNS)
        self._ears = deck("ears", EARS)
        self._horns = deck("horns", HORNS)
        self._eyes = deck("eyes", EYES)
        self._names: set[str] = set()

    def next_species(self) -> Species:
        colour, body = self._colours.deal(), self._bodies.deal()
        ending = self._endings.deal(lambda card: COLOURS[colour] + BODIES[body] + card not in self._names)
        wings = next((wings for wings, syllable in WINGS.items() if syllable == ending), "none")
        tail = next((tail for tail, syllable in TAILS.items() if syllable == ending), "")
        species = Species(
            name=COLOURS[colour] + BODIES[body] + ending,
            body=body,
            colour=colour,
            second_colour=self._seconds.deal(lambda card: card != colour and card not in CLOSE[colour]),
            pattern=self._patterns.deal(),
            ears=self._ears.deal(),
            horns=self._horns.deal(),
            tail=tail or self._tails.deal(),
            wings=wings,
            eyes=self._eyes.deal(),
        )
        self._names.add(species.name)
        return species
