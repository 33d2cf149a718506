"""The words that are drawn: a list's (through NLTK's reader), random letters, and mixed case."""

import re
import string
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.entry import require
from stages.foundation.paligemma2.withheld import is_test_word
from stages.params import UserError
from stages.shards import sha256
from stages.synthesize.parameters import Words

LONG = 13  # half of the random words have this many letters or more, as the BlindTest's have 15 to 20
LETTERS = np.array(list(string.ascii_lowercase))
CASES = (str.lower, str.capitalize, str.upper)


@dataclass(frozen=True)
class WordList:
    """A list's usable words (lower case, sorted, each once), and which file they come from."""

    name: str
    sha256: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Vocabulary:
    """What one side (train or test) may draw: its listed words, and never the withheld ones."""

    params: Words
    test: bool
    listed: tuple[str, ...]
    withheld: frozenset[str]

    def draw(self, rng: np.random.Generator) -> tuple[str, str]:
        """A word of this side and its kind: "listed", "random" or "mixed_case"."""
        choice = rng.random()
        if choice < self.params.listed:
            return CASES[rng.integers(3)](self.listed[rng.integers(len(self.listed))]), "listed"
        kind = "random" if choice < self.params.listed + self.params.random else "mixed_case"
        while True:
            word = "".join(LETTERS[rng.integers(26, size=self._length(rng))])
            if is_test_word(word) == self.test and word not in self.withheld:
                return (CASES[rng.integers(3)](word) if kind == "random" else _mix_case(word, rng)), kind

    def _length(self, rng: np.random.Generator) -> int:
        shortest, longest = self.params.shortest, self.params.longest
        if shortest < LONG <= longest:
            shortest, longest = (LONG, longest) if rng.random() < 0.5 else (shortest, LONG - 1)
        return int(rng.integers(shortest, longest + 1))


def _mix_case(word: str, rng: np.random.Generator) -> str:
    """Lower and upper case in turn (tHyUiKaR...), or as a coin falls."""
    upper = np.arange(len(word)) % 2 == rng.integers(2) if rng.random() < 0.5 else rng.random(len(word)) < 0.5
    return "".join(x.upper() if up else x for x, up in zip(word, upper, strict=True))


def read_withheld(words: Path) -> frozenset[str]:
    """The benchmark's own words, case-folded."""
    path = require(words / "withheld.txt", "restore it with git: it names the words that must never be drawn.")
    return frozenset(path.read_text(encoding="utf-8").casefold().split())


def read_word_list(params: Words, words: Path) -> WordList:
    """The list that `params.source` names, cut down to words of a-z and of the lengths asked for.

    Raises UserError when the list is not there, or when nothing of it is left.
    """
    if params.source == "common":
        require(words / "common.txt", "restore it with git, or set `words.source` to nltk.")
        name, (content, listed) = "common.txt", _read_with_nltk(words, ".", "common.txt")
    else:
        name, (content, listed) = "nltk words/en", _read_corpus(params.folder)
    fits = re.compile(rf"[A-Za-z]{{{params.shortest},{params.longest}}}")
    usable = sorted({word.lower() for word in listed if fits.fullmatch(word)})
    if not usable:
        raise UserError(
            f"the word list {name} has no word of a-z, A-Z with {params.shortest} to {params.longest} letters: "
            "widen `words.shortest` and `words.longest`, or choose another `words.source`."
        )
    return WordList(name, sha256(content), tuple(usable))


def _read_corpus(folder: str | None) -> tuple[bytes, list[str]]:
    """NLTK's corpus `words`, from `folder` (which holds words.zip, words/en or en) or where NLTK looks."""
    place = None if folder is None else Path(folder)
    names = (".", "words", "words.zip/words/") if place else ("corpora/words", "corpora/words.zip/words/")
    complaint: Exception | None = None
    for corpus in names:
        try:
            return _read_with_nltk(place, corpus, "en")
        except (LookupError, OSError) as error:  # NLTK's words for "not there"; try the next place
            complaint = error
    where = "where NLTK looks" if folder is None else f"in `words.folder` = {folder!r}"
    raise UserError(
        f"NLTK's corpus `words` is not {where}: run `python -c \"import nltk; nltk.download('words')\"`, or set "
        "`words.folder` to the folder that holds words.zip or its file `en`, or `words.source` to common."
    ) from complaint


def _read_with_nltk(folder: Path | None, corpus: str, file: str) -> tuple[bytes, list[str]]:
    """A word file's bytes and its words. NLTK opens files only below the folders on its data path."""
    import nltk.data
    from nltk.corpus.reader import WordListCorpusReader

    registered = [] if folder is None else [str(folder.resolve())]
    before = list(nltk.data.path)
    nltk.data.path.extend(registered)
    try:
        root = registered[0] if corpus == "." else nltk.data.find(corpus, registered or None)
        reader = WordListCorpusReader(root, [file])
        with reader.abspath(file).open() as stream:
            content: bytes = stream.read()
        return content, list(reader.words())
    finally:
        nltk.data.path[:] = before


def vocabulary_of(word_list: WordList, withheld: frozenset[str], params: Words, test: bool) -> Vocabulary:
    """One side's share of the list; UserError when listed words are wanted and there are none."""
    listed = tuple(word for word in word_list.words if is_test_word(word) == test and word not in withheld)
    if params.listed and not listed:
        side = "test" if test else "training"
        raise UserError(
            f"none of the {len(word_list.words)} usable words in {word_list.name} is a {side} word (a hash of the word "
            "decides, 1 in 5 is a test word): use a longer list, widen `words.shortest` and `words.longest`, or set "
            "`words.listed` to 0."
        )
    return Vocabulary(params, test, listed, withheld)
