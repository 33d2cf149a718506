"""Put a mask in the place of a name, wherever and however a text spells it.

Text and names are compared folded: no case, accents, width or invisible characters, and up to three characters of
punctuation or space where the name itself has some ("Mr. Mime" is "mr mime" and "MrMime"). Only the name is replaced;
an ending or a particle after it stays ("Pikachu's" -> "it's", "피카츄는" -> "it는").

A long name is masked inside words too ("Superpikachus"), one in Katakana also where it is in Hiragana. A short one may
be part of an unrelated word, so it must stand alone: up to 4 letters (3 Kana, 2 Hangul syllables, 1 Han character),
with nothing after it but a plural s, a possessive or a particle: "Mew's" and "Mews" are masked, "mewing" is not.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from stages.describe.folding import Folded, fold, folded, in_hiragana, is_han, is_hangul, is_kana, words_of

SEPARATOR = r"[\W_]{0,3}?"
SIGNS = "♀♂"
HANGUL, HIRAGANA, KATAKANA, HAN = "가-힣", "\u3041-\u309f", "\u30a1-\u30fa\u30fc-\u30ff", "\u3400-\u9fff"
LONGEST_SHORT = {"letters": 4, "hangul": 2, "kana": 3, "han": 1}  # characters up to which a name must stand alone
ROUNDS = 4  # a mask between two halves of a name can make the name anew
HANGUL_PARTICLES = (
    "은|는|이|가|을|를|의|에|에게|에게서|에서|께|과|와|랑|이랑|하고|도|만|로|으로|보다|처럼|같이|부터|까지|마다|조차|라|라는|"
    "라고|란|이라|이라는|이라고|이란|이다|이며|이고|야|아|들|들은|들이|들을|들의|들도|들과|들에게"
)


@dataclass(frozen=True)
class Name:
    """A name as it is looked for."""

    parts: tuple[str, ...]  # runs of letters, runs of digits, signs; folded

    @cached_property
    def core(self) -> str:
        """Its letters and digits in one."""
        return "".join(part for part in self.parts if part not in SIGNS)

    @cached_property
    def script(self) -> str:
        for script, belongs in (("hangul", is_hangul), ("kana", is_kana), ("han", is_han)):
            if any(map(belongs, self.core)):
                return script
        return "letters"

    @property
    def is_short(self) -> bool:
        return len(self.core) <= LONGEST_SHORT[self.script]

    @cached_property
    def pattern(self) -> str:
        """A regular expression that finds it in a folded text."""
        found = self._spelt(self.parts)
        if not self.is_short:
            other = self._spelt(tuple(map(in_hiragana, self.parts))) if self.script == "kana" else found
            return found if other == found else f"{found}|{other}"
        if self.script == "letters":
            return rf"(?<!{_LETTER}){found}(?=(?:e?s|'s)?(?!{_LETTER}))"
        if self.script == "hangul":
            return rf"(?<![{HANGUL}]){found}(?=(?:{HANGUL_PARTICLES}){{0,2}}(?![{HANGUL}]))"
        if self.script == "kana":  # particles are in Hiragana, which ends a word in Katakana
            own = HIRAGANA if in_hiragana(self.core) == self.core else KATAKANA
            return rf"(?<![{own}]){found}(?![{own}])"
        return rf"(?<![{HAN}]){found}(?![{HAN}])"

    def _spelt(self, parts: tuple[str, ...]) -> str:
        signed = f"(?:{SEPARATOR}[{SIGNS}])?" if set(self.parts) & set(SIGNS) else ""
        return SEPARATOR.join(map(re.escape, (part for part in parts if part not in SIGNS))) + signed


@lru_cache(maxsize=1 << 12)
def name_of(text: str) -> Name | None:
    """The name in parts; None when it has neither letters nor digits to look for."""
    parts = re.findall(rf"\d+|[^\W\d_]+|[{SIGNS}]", folded(text))
    name = Name(tuple(parts))
    return name if name.core else None


@dataclass(frozen=True)
class Masked:
    """A text with the mask in it: how often a name was replaced, and how often it was a relative's.

    `left`: a name is still there, as each round of masking makes one anew.
    """

    text: str
    count: int
    relatives: int
    left: bool = False


class Masker:
    """Masks the names of one line: its members' names in all languages."""

    def __init__(self, names: Iterable[str], mask: str) -> None:
        found = {name for text in names if (name := name_of(text)) is not None}
        self.names = sorted(found, key=lambda name: (-len(name.core), name.parts))  # the longest one first
        self.mask = mask

    @property
    def in_the_mask(self) -> bool:
        """Whether the mask itself says a name: then nothing can be masked."""
        return self.finds(self.mask)

    def __call__(self, text: str, own: Sequence[str] = ()) -> Masked:
        """`text` (in NFC) without the names; `own` are those that are not a relative's."""
        mine = {in_hiragana(name.core) for one in own if (name := name_of(one)) is not None}
        count = relatives = 0
        for _ in range(ROUNDS):
            seen = fold(text)
            found = self._found(seen.text)
            if not found:
                break
            count += len(found)
            relatives += sum(in_hiragana(_core(match[0])) not in mine for match in found)
            text = _replaced(text, seen, found, self.mask)
        else:
            return Masked(text, count, relatives, self.finds(text))
        return Masked(text, count, relatives)

    def finds(self, text: str) -> bool:
        """Whether a name is still to be found."""
        return bool(self._found(folded(text)))

    def _found(self, seen: str) -> list[re.Match[str]]:
        if not any(start in seen for start in self._starts):  # most texts say none: no pattern is needed
            return []
        return list(self._search.finditer(seen))

    @cached_property
    def _starts(self) -> set[str]:
        """What a text must hold to hold a name: a quick test, since most texts say none."""
        starts = {name.parts[0] if name.parts[0] not in SIGNS else name.core[0] for name in self.names}
        return starts | set(map(in_hiragana, starts))

    @cached_property
    def _search(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{name.pattern})" for name in self.names) or r"(?!)")


def _replaced(text: str, seen: Folded, found: Sequence[re.Match[str]], mask: str) -> str:
    pieces, end = [], 0
    for match in found:
        start, last = seen.at[match.start()], match.end()
        if start < end:  # one character folded to several, of which the name before took the first
            continue
        pieces += [text[end:start], mask]
        following = seen.at[last] if last < len(seen.at) else len(text)  # past accents and invisible characters
        end = max(following, seen.at[last - 1] + 1)
    return "".join([*pieces, text[end:]])


def _core(found: str) -> str:
    return "".join(words_of(found))


_LETTER = rf"[^\W_{HANGUL}{HIRAGANA}{KATAKANA}{HAN}]"  # of a script with spaces; a particle may follow a Latin name
