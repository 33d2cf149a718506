"""A linear probe on frozen features: which caption words can be read off a picture's features without any training?

Held-out species can't be classes, so the labels are words: one logistic regression a word, with an L2 penalty that is
chosen on the training split alone. What the features hold for a linear map bounds what the trained maps can use.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stages.evaluate.captions import words
from stages.evaluate.grounding.retrieval import flat_intervals
from stages.evaluate.statistics import Interval

Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]

PENALTIES = (0.003, 0.01, 0.03, 0.1)
FOLDS = 3
RAREST, COMMONEST = 0.05, 0.95  # share of the training pictures that a probed word occurs with
STEEPEST = 1e-3  # slope at which a fit counts as converged; the loss is a mean over rows
FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be between by called for from has have in is it its known named of on or over some that "
        "the their there these this those to towards under was which while who with",
    )
)


@dataclass(frozen=True)
class Probe:
    """The fitted map: log-odds of word w = ((features - mean) / scale) @ weights[:, w] + bias[w]."""

    words: tuple[str, ...]
    mean: Floats
    scale: Floats
    weights: Floats  # (features, words)
    bias: Floats
    penalty: float

    def log_odds(self, features: ArrayLike) -> Floats:
        """(pictures, words) of `features` (pictures, width)."""
        return (np.asarray(features, float) - self.mean) / self.scale @ self.weights + self.bias


@dataclass(frozen=True)
class ProbeScores:
    """Means over words, with 95 % intervals by entity, beside what is known without looking."""

    words: int  # scored
    mean_ap: Interval
    mean_ap_chance: float  # of any constant score: the words' prevalence
    f1: Interval
    f1_chance: float  # of answering yes to every word
    penalty: float

    def flat(self) -> dict[str, float]:
        """probe_map, probe_map_low, probe_map_high, probe_map_chance, probe_f1, ..."""
        return {
            **flat_intervals("probe", {"map": self.mean_ap, "f1": self.f1}),
            "probe_map_chance": self.mean_ap_chance,
            "probe_f1_chance": self.f1_chance,
            "probe_words": self.words,
            "probe_penalty": self.penalty,
        }


def frequent_words(captions: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Content words that 5 to 95 % of the pictures have in a caption; `captions` holds each picture's own."""
    counts: dict[str, int] = {}
    for texts in captions:
        for word in {word for text in texts for word in words(text)} - FUNCTION_WORDS:
            counts[word] = counts.get(word, 0) + 1
    least, most = RAREST * len(captions), COMMONEST * len(captions)
    return tuple(sorted(word for word, count in counts.items() if least <= count <= most))


def word_labels(captions: Sequence[Sequence[str]], vocabulary: Sequence[str]) -> Labels:
    """(pictures, words): has any of the picture's captions the word?"""
    rows = [{word for text in texts for word in words(text)} for texts in captions]
    return np.array([[word in row for word in vocabulary] for row in rows], bool).reshape(len(rows), len(vocabulary))


def fit_probe(
    features: ArrayLike,
    captions: Sequence[Sequence[str]],
    entities: Sequence[str],
    penalties: Sequence[float] = PENALTIES,
) -> Probe:
    """Fit on the training split: `features` (pictures, width), every picture's captions and entity.

    The penalty with the highest mean average precision on held-out folds, which share no entity, is taken; of equal
    ones (easy words) that with the least log loss. ValueError when no word is frequent enough to be probed.
    """
    values, vocabulary = np.asarray(features, float), frequent_words(captions)
    if not vocabulary:
        raise ValueError(f"no content word occurs with 5 to 95 % of the {len(captions)} pictures")
    labels = word_labels(captions, vocabulary)
    best = max(penalties, key=lambda penalty: _held_out_scores(values, labels, entities, penalty))
    return Probe(vocabulary, *_fit(values, labels, best), penalty=best)


def _held_out_scores(features: Floats, labels: Labels, entities: Sequence[str], penalty: float) -> tuple[float, float]:
    """Mean average precision, and minus the log loss, on folds that the fit didn't see."""
    _, kinds = np.unique(np.asarray(entities), return_inverse=True)
    fold = kinds % FOLDS
    odds = np.zeros(labels.shape)
    for held_out in np.unique(fold):
        rest = fold != held_out
        if rest.any():
            mean, scale, weights, bias = _fit(features[rest], labels[rest], penalty)
            odds[~rest] = (features[~rest] - mean) / scale @ weights + bias
    precision = float(np.mean(average_precisions(odds, labels, np.ones((1, len(odds))))))
    return round(precision, 6), -float((np.logaddexp(0, odds) - labels * odds).mean())


def _fit(features: Floats, labels: Labels, penalty: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean, scale, weights and bias that minimise the mean log loss + penalty / 2 * |weights|^2 of every word."""
    from scipy.optimize import minimize
    from scipy.special import expit

    mean, spread = features.mean(0), features.std(0)
    scale = np.where(spread > 1e-12, spread, 1.0)
    # Features of a network are strongly correlated, which slows L-BFGS down. In the basis of the singular vectors, each
    # scaled by the loss's greatest curvature along it, the same minimum takes far fewer steps.
    left, singular, right = np.linalg.svd((features - mean) / scale, full_matrices=False)
    stretch = 1 / np.sqrt(singular**2 / (4 * len(features)) + penalty)
    inputs = np.column_stack([left * (singular * stretch), np.ones(len(features))])
    strength = np.append(penalty * stretch**2, 0.0)[:, None]  # the bias is free
    shape = (inputs.shape[1], labels.shape[1])

    def loss(flat: Floats) -> tuple[float, Floats]:
        inner = flat.reshape(shape)
        odds = inputs @ inner
        value = (np.logaddexp(0, odds) - labels * odds).sum() / len(inputs) + (strength * inner**2).sum() / 2
        slope = inputs.T @ (expit(odds) - labels) / len(inputs) + strength * inner
        return float(value), slope.ravel()

    found = minimize(loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    if np.abs(found.jac).max() > STEEPEST:
        raise RuntimeError(f"the probe did not converge: slope {np.abs(found.jac).max():.2g} after {found.nit} steps")
    inner = found.x.reshape(shape)
    return mean, scale, right.T @ (stretch[:, None] * inner[:-1]), inner[-1]


def average_precisions(scores: Floats, labels: Labels, weights: Floats) -> Floats:
    """Average precision of every word, (samples, words); `weights` (samples, rows) says how often each row counts.

    AP = sum over thresholds of (recall gained) * precision, where tied rows pass a threshold together: a constant
    score gets the prevalence. NaN where no row that counts has the word.
    """
    columns = []
    for score, label in zip(scores.T, labels.T, strict=True):
        order = np.argsort(-score, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)  # the last row of each tied block
        drawn = weights[:, order]
        passed, found = drawn.cumsum(1)[:, ends], (drawn * label[order]).cumsum(1)[:, ends]
        with np.errstate(invalid="ignore"):
            precision = np.where(passed > 0, found / np.maximum(passed, 1), 0.0)
            columns.append((np.diff(found, axis=1, prepend=0.0) * precision).sum(1) / found[:, -1])
    return np.stack(columns, axis=1)


def f1_scores(chosen: Labels, labels: Labels, weights: Floats) -> Floats:
    """F1 of every word, (samples, words); NaN where no row that counts has the word or is given it."""
    both, either = weights @ (chosen & labels), weights @ chosen.astype(float) + weights @ labels.astype(float)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * both / either)


def score_probe(
    probe: Probe, features: ArrayLike, captions: Sequence[Sequence[str]], entities: Sequence[str]
) -> ProbeScores:
    """Mean average precision and macro-F1 over words, on test pictures. A word counts as said at even odds or more.

    Scored are the words that pictures of two entities or more have, and some picture hasn't; ValueError without any.
    """
    labels, odds = word_labels(captions, probe.words), probe.log_odds(features)
    without_one = _without_each(entities)
    scored = (without_one @ labels > 0).all(0) & ~labels.all(0)
    if not scored.any():
        raise ValueError(f"none of {len(probe.words)} words tells the {len(labels)} test pictures apart")
    labels, odds = labels[:, scored], odds[:, scored]
    weights = np.vstack([np.ones(len(labels)), without_one])  # the first row: the set itself
    prevalence = labels.mean(0)
    return ProbeScores(
        words=int(scored.sum()),
        mean_ap=_interval(average_precisions(odds, labels, weights)),
        mean_ap_chance=float(prevalence.mean()),
        f1=_interval(f1_scores(odds >= 0, labels, weights)),
        f1_chance=float((2 * prevalence / (1 + prevalence)).mean()),
        penalty=probe.penalty,
    )


def _without_each(entities: Sequence[str]) -> Floats:
    """Weights (entities, rows) that leave out one entity at a time."""
    names, owner = np.unique(np.asarray(entities), return_inverse=True)
    return np.asarray(owner[None, :] != np.arange(len(names))[:, None], float)


def _interval(values: Floats) -> Interval:
    """Mean over words of the first row, with the jackknife's interval from the others (each without one entity).

    Jackknife (Efron and Stein 1981) with Student's t, not the bootstrap: rows drawn twice raise the average precision
    of a rare word, so that the bootstrap's percentiles lie above the value itself.
    """
    from scipy.stats import t

    whole, *rest = values.mean(1)
    count = len(rest)
    error = np.sqrt((count - 1) / count * ((np.array(rest) - np.mean(rest)) ** 2).sum())
    reach = float(t.ppf(0.975, count - 1) * error)
    return Interval(float(whole), float(whole) - reach, float(whole) + reach)


def pictures_by_text(probe: Probe, texts: Sequence[str], features: ArrayLike) -> Floats:
    """Similarity (texts, pictures): summed log-odds of the text's probed words; a text without any ties all."""
    asked = word_labels([[text] for text in texts], probe.words).astype(float)
    return np.asarray(np.round(asked @ probe.log_odds(features).T, 9))
