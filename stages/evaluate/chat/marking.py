"""How an answer is marked: equal, shared words, a stuck loop."""

import re
import string
from collections import Counter

CLOSED_WORDS = 3  # an answer of at most as many words is a closed one, which is right or wrong
TIMES = 3  # what is said as often without anything between is a loop: "a a a"
MARKS = re.compile(r"([^\w\s])(\s*\1){3}")
QUESTION_WORDS = frozenset({"how", "what", "which", "who", "where", "when", "why"})  # say little alone: "how many"
VERBS = frozenset({"is", "are", "was", "were", "do", "does", "can"})  # add little to them: "what is left"
ARTICLE = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation + "…’‘“”", " "))


def plain(text: str) -> str:
    """Lower case without articles, punctuation and spare space, as SQuAD marks answers (Rajpurkar et al. 2016).

    A text that is nothing else ("A.", say) keeps its words: nothing would equal anything.
    """
    bare = text.casefold().translate(PUNCTUATION)
    return " ".join(ARTICLE.sub(" ", bare).split()) or " ".join(bare.split())


def same(said: str, answer: str) -> bool:
    return plain(said) == plain(answer)


def token_f1(said: str, answer: str) -> float:
    """F1 of the words that both have, 0 to 1; two empty texts are equal."""
    mine, wanted = plain(said).split(), plain(answer).split()
    if not mine or not wanted:
        return float(mine == wanted)
    shared = sum((Counter(mine) & Counter(wanted)).values())
    return 2 * shared / (len(mine) + len(wanted))


def rouge_l(said: str, answer: str) -> float:
    """ROUGE-L of one answer, 0 to 1, with pycocoevalcap's weights (beta 1.2)."""
    from pycocoevalcap.rouge.rouge import Rouge  # type: ignore[import-untyped]

    if not plain(said) or not plain(answer):
        return 0.0
    return float(Rouge().calc_score([" ".join(_words(said))], [" ".join(_words(answer))]))


def is_closed(answer: str) -> bool:
    """Whether the true answer is so short that it is right or wrong: at most `CLOSED_WORDS` words."""
    return 0 < len(_words(answer)) <= CLOSED_WORDS


def loops(text: str) -> bool:
    """Whether words, one or several together, come `TIMES` times with nothing between, or a mark four times.

    "a a a", "the cat the cat the cat", a sentence three times over, "......". Three dots are an ellipsis.
    """
    said = _words(text)
    return bool(MARKS.search(text)) or any(_loops(said, size) for size in range(1, len(said) // TIMES + 1))


def _loops(said: list[str], size: int) -> bool:
    run = 0  # words in a row that equal the word `size` before them
    for before, now in zip(said, said[size:], strict=False):
        run = run + 1 if before == now else 0
        if run == size * (TIMES - 1):
            return True
    return False


def about(question: str) -> str:
    """What kind of question it is: its first word, or more where that says little ("what colour", "what is in")."""
    first = plain(question).split()[:3]
    if not first:
        return "(nothing)"
    if first[0] not in QUESTION_WORDS:
        return first[0]
    return " ".join(first[: 3 if first[1:2] and first[1] in VERBS else 2])


def _words(text: str) -> list[str]:
    return text.casefold().translate(PUNCTUATION).split()
