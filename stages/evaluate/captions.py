"""Captions against all references of their picture: what the objectives share.

BLEU-4 (sacrebleu), CIDEr-D and ROUGE-L (pycocoevalcap), and names that nobody else uses for the picture. Texts are
split into words here: COCO's own tokenizer is a Java program, and on plain captions `words` gives the same words.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.evaluate.statistics import Interval, mean_interval

WORD = re.compile(r"\w+(?:['’-]\w+)*")
SENTENCE_END = re.compile(r"[.!?…。！？\n]")
BEFORE_A_NAME = frozenset({"mr", "mrs", "ms", "dr", "st", "prof"})  # the full stop after these ends no sentence
POSSESSIVE = re.compile(r"['’]s$")
MEANS = ("cider", "rouge_l", "invented_names", "distinct", "words")  # scores that are means over rows


@dataclass(frozen=True)
class CaptionRows:
    """What each caption adds to a corpus score: whatever rows are drawn, their score follows exactly.

    `bleu` (rows, 10), int64: matched 1- to 4-grams, 1- to 4-grams in all, length, length of the nearest reference.
    All others are (rows,), and their mean is the corpus score: `cider` CIDEr-D, 0 to 10; `rouge_l` 0 to 1;
    `invented_names` 1 where the caption has one; `distinct` 1 / (rows with the same caption), whose mean is the share
    of different captions; `words` a caption's length. `signature` says how sacrebleu counted.
    """

    bleu: NDArray[np.int64]
    cider: NDArray[np.float64]
    rouge_l: NDArray[np.float64]
    invented_names: NDArray[np.float64]
    distinct: NDArray[np.float64]
    words: NDArray[np.float64]
    signature: str


@dataclass(frozen=True)
class CaptionScores:
    """Corpus scores with 95 % intervals: bleu4 (0 to 100) and those of `MEANS`; `each` is what they come from."""

    rows: int
    scores: Mapping[str, Interval]
    each: CaptionRows

    def flat(self) -> dict[str, float | str]:
        """Names for a metrics file: rows, bleu4, bleu4_low, bleu4_high, cider, ..., bleu4_signature."""
        return {"rows": self.rows, **flat_scores(self.scores), "bleu4_signature": self.each.signature}


def flat_scores(scores: Mapping[str, Interval]) -> dict[str, float]:
    """{name, name_low, name_high} of each interval."""
    flat: dict[str, float] = {}
    for name, interval in scores.items():
        flat |= {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}
    return flat


def caption_scores(
    said: Sequence[str],
    references: Sequence[Sequence[str]],
    entities: Sequence[str],
    bootstrap_samples: int,
    seed: int,
) -> CaptionScores:
    """Score one caption a row; the intervals come from resampling whole entities.

    ValueError as for `score_rows`.
    """
    each = score_rows(said, references)
    scores = {"bleu4": bleu_interval(each.bleu, entities, bootstrap_samples, seed)}
    for name in MEANS:
        scores[name] = mean_interval(getattr(each, name).tolist(), entities, bootstrap_samples, seed)
    return CaptionScores(len(said), scores, each)


def difference(
    one: CaptionRows, other: CaptionRows, entities: Sequence[str], samples: int, seed: int
) -> dict[str, Interval]:
    """`one` minus `other` on the same pictures, every score, with paired intervals by entity."""
    draws = row_draws(entities, samples, seed)  # both sides have the same entities
    pairs = zip(draws @ one.bleu, draws @ other.bleu, strict=True)
    low, high = np.percentile([corpus_bleu(mine) - corpus_bleu(theirs) for mine, theirs in pairs], [2.5, 97.5])
    apart = corpus_bleu(one.bleu.sum(0)) - corpus_bleu(other.bleu.sum(0))
    leads = {"bleu4": Interval(apart, float(low), float(high))}
    for name in MEANS:
        lead = getattr(one, name) - getattr(other, name)
        leads[name] = mean_interval(lead.tolist(), entities, samples, seed)
    return leads


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; a hyphenated word is one, as in the Penn Treebank tokens of COCO's scores.

    COCO's own tokenizer is a Java program; on plain captions this gives the same words.
    """
    return WORD.findall(text.lower())


def score_rows(captions: Sequence[str], references: Sequence[Sequence[str]]) -> CaptionRows:
    """Score each caption against all references of its picture.

    CIDEr-D's document frequencies come from the references given here, those of the evaluated set: scores of two sets
    of pictures don't compare, scores of two models on one set do. ValueError for fewer than two rows (every document
    frequency would be 1 of 1, and every score 0), an uneven count, a row without references, or no word in any.
    """
    if len(captions) < 2 or len(captions) != len(references) or not all(references):
        raise ValueError(
            f"{len(captions)} captions, {len(references)} sets of references: give two rows or more, none without"
        )
    if not any(words(text) for texts in references for text in texts):
        raise ValueError("no reference has a word: give references that say something")
    from pycocoevalcap.cider.cider import Cider  # type: ignore[import-untyped]
    from pycocoevalcap.rouge.rouge import Rouge  # type: ignore[import-untyped]

    wanted = {row: [" ".join(words(text)) for text in texts] for row, texts in enumerate(references)}
    said = {row: [" ".join(words(caption))] for row, caption in enumerate(captions)}
    statistics, signature = _bleu_rows(captions, references)
    plain = [caption.strip() for caption in captions]
    alike = Counter(plain)
    return CaptionRows(
        bleu=statistics,
        cider=np.asarray(Cider().compute_score(wanted, said)[1], float),
        rouge_l=np.asarray(Rouge().compute_score(wanted, said)[1], float),
        invented_names=np.array([bool(invented_names(*one)) for one in zip(captions, references, strict=True)], float),
        distinct=np.array([1 / alike[caption] for caption in plain]),
        words=np.array([len(words(caption)) for caption in plain], float),
        signature=signature,
    )


def _bleu_rows(captions: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], str]:
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(lowercase=True)
    most = max(map(len, references))
    streams: list[Any] = [[texts[at] if at < len(texts) else None for texts in references] for at in range(most)]
    bleu.corpus_score(list(captions), streams)  # only now does its signature know the number of references
    signature = str(bleu.get_signature())
    each = BLEU(lowercase=True, effective_order=True)  # of a single row; it changes no count
    rows = [each.sentence_score(caption, list(texts)) for caption, texts in zip(captions, references, strict=True)]
    return np.array([[*row.counts, *row.totals, row.sys_len, row.ref_len] for row in rows], np.int64), signature


def invented_names(caption: str, references: Sequence[str]) -> list[str]:
    """The caption's capitalised words that no reference has, in order.

    A word that starts a sentence has its capital from there, so a name that only stands there isn't found: the share
    of captions with one is a lower bound. `I` is no name; case and a possessive 's make no difference.
    """
    known = {_name(word) for text in references for word in WORD.findall(_composed(text))}
    caption, found, end = _composed(caption), [], 0
    before = ""
    for match in WORD.finditer(caption):
        starts = not before or _ends_sentence(before, caption[end : match.start()])
        before, end = match[0], match.end()
        if not starts and before[0] != before[0].lower() and not _is_pronoun(before) and _name(before) not in known:
            found.append(before)
    return found


def _composed(text: str) -> str:
    """One spelling for an accented letter, whichever way it was typed."""
    return unicodedata.normalize("NFC", text)


def _name(word: str) -> str:
    return POSSESSIVE.sub("", word.casefold())


def _is_pronoun(word: str) -> bool:
    return re.split("['’]", word)[0] == "I"


def _ends_sentence(word: str, gap: str) -> bool:
    """Whether the `gap` after `word` ends a sentence; a full stop after an initial or a title doesn't."""
    short = word.casefold() in BEFORE_A_NAME or (len(word) == 1 and word.isupper())
    return bool(SENTENCE_END.search(gap.removeprefix(".") if short else gap))


def corpus_bleu(summed: NDArray[np.int64]) -> float:
    """BLEU-4 of a corpus from the sum of its rows' statistics (10,): what sacrebleu gives for the whole corpus."""
    from sacrebleu.metrics.bleu import BLEU

    found, possible = summed[:4].tolist(), summed[4:8].tolist()
    lengths = int(summed[8]), int(summed[9])
    return float(BLEU.compute_bleu(found, possible, *lengths, smooth_method="exp").score)  # as corpus_score smooths


def bleu_interval(statistics: NDArray[np.int64], entities: Sequence[str], samples: int, seed: int) -> Interval:
    """Corpus BLEU-4 with the percentile interval of resampling whole entities (`mean_interval`'s bootstrap)."""
    drawn = row_draws(entities, samples, seed) @ statistics
    low, high = np.percentile([corpus_bleu(one) for one in drawn], [2.5, 97.5])
    return Interval(corpus_bleu(statistics.sum(0)), float(low), float(high))


def row_draws(entities: Sequence[str], samples: int, seed: int) -> NDArray[np.int64]:
    """How often each row comes in each resample of whole entities, (samples, rows): the cluster bootstrap as weights.

    For scores that are no mean over rows; `mean_interval` does those that are.
    """
    _, owner = np.unique(np.asarray(entities), return_inverse=True)
    count = int(owner.max()) + 1
    drawn = np.random.default_rng(seed).integers(count, size=(samples, count))
    times = np.zeros((samples, count), np.int64)
    np.add.at(times, (np.arange(samples)[:, None], drawn), 1)
    return times[:, owner]
