"""Captions against all references of their picture: BLEU-4 (sacrebleu) and CIDEr-D (pycocoevalcap)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.evaluate.grounding.retrieval import flat_intervals
from stages.evaluate.statistics import Interval, mean_interval

WORD = re.compile(r"\w+(?:['’-]\w+)*")


@dataclass(frozen=True)
class CaptionRows:
    """What each caption adds to a corpus score: whatever rows are drawn, their score follows exactly.

    `bleu` (rows, 10), int64: matched 1- to 4-grams, 1- to 4-grams in all, length, length of the nearest reference.
    `cider` (rows,): CIDEr-D, whose corpus score is the mean. `signature` says how sacrebleu counted.
    """

    bleu: NDArray[np.int64]
    cider: NDArray[np.float64]
    signature: str


@dataclass(frozen=True)
class Captions:
    """Scores of a set of captions. BLEU is from 0 to 100, CIDEr from 0 to 10 (papers often print it times 100)."""

    rows: int
    scores: Mapping[str, Interval]  # bleu4, cider
    distinct: float  # share of different captions: 1 when no two are equal
    mean_words: float
    repeated: float  # share that is, to the letter, a caption of the training split
    signature: str

    def flat(self) -> dict[str, float | str]:
        """Flat names for a metrics file: bleu4, bleu4_low, bleu4_high, cider, ..., caption_distinct, ..."""
        scores = {key.removeprefix("_"): value for key, value in flat_intervals("", self.scores).items()}
        return {
            **scores,
            "caption_rows": self.rows,
            "caption_distinct": self.distinct,
            "caption_mean_words": self.mean_words,
            "caption_repeated": self.repeated,
            "bleu4_signature": self.signature,
        }


def words(text: str) -> list[str]:
    """Lower-case words without punctuation; a hyphenated word is one, as in the Penn Treebank tokens of COCO's scores.

    COCO's own tokenizer is a Java program; on plain captions this gives the same words.
    """
    return WORD.findall(text.lower())


def score_rows(captions: Sequence[str], references: Sequence[Sequence[str]]) -> CaptionRows:
    """Score each caption against all references of its picture.

    CIDEr-D's document frequencies come from the references given here, those of the evaluated set: scores of two sets
    of pictures don't compare, scores of two models on one set do. ValueError for fewer than two rows (every document
    frequency would be 1 of 1, and every score 0), an uneven count, or a row without references.
    """
    if len(captions) < 2 or len(captions) != len(references) or not all(references):
        raise ValueError(
            f"{len(captions)} captions, {len(references)} sets of references: give two rows or more, none without"
        )
    from pycocoevalcap.cider.cider import Cider  # type: ignore[import-untyped]

    _, cider = Cider().compute_score(
        {row: [" ".join(words(text)) for text in texts] for row, texts in enumerate(references)},
        {row: [" ".join(words(caption))] for row, caption in enumerate(captions)},
    )
    statistics, signature = _bleu_rows(captions, references)
    return CaptionRows(statistics, np.asarray(cider, float), signature)


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


def corpus_bleu(summed: NDArray[np.int64]) -> float:
    """BLEU-4 of a corpus from the sum of its rows' statistics (10,): what sacrebleu gives for the whole corpus."""
    from sacrebleu.metrics.bleu import BLEU

    found, possible = summed[:4].tolist(), summed[4:8].tolist()
    lengths = int(summed[8]), int(summed[9])
    return float(BLEU.compute_bleu(found, possible, *lengths, smooth_method="exp").score)  # as corpus_score smooths


def summarise(
    captions: Sequence[str],
    rows: CaptionRows,
    entities: Sequence[str],
    training: Sequence[str],
    samples: int,
    seed: int,
) -> Captions:
    """Corpus scores of `rows` with 95 % intervals by entity, and how varied the captions are.

    `training` is every caption of the training split: a model that only recites them is seen by `repeated`.
    """
    known = {text.strip() for text in training}
    plain = [caption.strip() for caption in captions]
    return Captions(
        rows=len(captions),
        scores={
            "bleu4": bleu_interval(rows.bleu, entities, samples, seed),
            "cider": mean_interval(rows.cider.tolist(), entities, samples, seed),
        },
        distinct=len(set(plain)) / len(plain),
        mean_words=float(np.mean([len(words(caption)) for caption in plain])),
        repeated=float(np.mean([caption in known for caption in plain])),
        signature=rows.signature,
    )


def bleu_interval(statistics: NDArray[np.int64], entities: Sequence[str], samples: int, seed: int) -> Interval:
    """Corpus BLEU-4 with the percentile interval of resampling whole entities (`mean_interval`'s bootstrap)."""
    drawn = row_draws(entities, samples, seed) @ statistics
    low, high = np.percentile([corpus_bleu(one) for one in drawn], [2.5, 97.5])
    return Interval(corpus_bleu(statistics.sum(0)), float(low), float(high))


def difference(
    one: CaptionRows, other: CaptionRows, entities: Sequence[str], samples: int, seed: int
) -> dict[str, Interval]:
    """`one` minus `other` on the same pictures, with paired intervals by entity."""
    draws = row_draws(entities, samples, seed)  # both sides have the same entities
    pairs = zip(draws @ one.bleu, draws @ other.bleu, strict=True)
    low, high = np.percentile([corpus_bleu(mine) - corpus_bleu(theirs) for mine, theirs in pairs], [2.5, 97.5])
    apart = corpus_bleu(one.bleu.sum(0)) - corpus_bleu(other.bleu.sum(0))
    return {
        "bleu4": Interval(apart, float(low), float(high)),
        "cider": mean_interval((one.cider - other.cider).tolist(), entities, samples, seed),
    }


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
