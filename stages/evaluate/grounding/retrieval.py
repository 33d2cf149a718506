"""Retrieval of pictures by text and of texts by picture: R@1/5/10, MRR and NDCG.

Tied scores are ranked by nobody's choice: every measure is its expected value over all orders of the tied items
(McSherry and Najork 2008, "Computing information retrieval performance measures efficiently in the presence of tied
scores"). So a score that knows nothing, a constant, gets exactly the chance level, and the order of rows never helps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stages.evaluate.statistics import Interval, mean_interval

Floats = NDArray[np.float64]

OWN, SAME_ENTITY = 2.0, 1.0
CUTS = (1, 5, 10)
MEASURES = ("r1", "r5", "r10", "mrr", "ndcg")


@dataclass(frozen=True)
class Ranks:
    """One value a query: the expected rank, from 1, of the best item of its own, and what follows from the order."""

    rank: Floats
    r1: Floats
    r5: Floats
    r10: Floats
    mrr: Floats
    ndcg: Floats


@dataclass(frozen=True)
class Retrieval:
    """Means over the queries with 95 % intervals by entity, beside what a random order of this gallery gets."""

    direction: str  # t2i: pictures by text; i2t: texts by picture
    queries: int
    gallery: int
    measures: Mapping[str, Interval]
    chance: Mapping[str, float]
    median_rank: float

    def flat(self) -> dict[str, float]:
        """Flat names for a metrics file: t2i_r1, t2i_r1_low, t2i_r1_high, t2i_r1_chance, ..."""
        values = flat_intervals(self.direction, self.measures)
        values |= {f"{self.direction}_{name}_chance": level for name, level in self.chance.items()}
        counts = {"queries": self.queries, "gallery": self.gallery, "median_rank": self.median_rank}
        return values | {f"{self.direction}_{name}": count for name, count in counts.items()}


def flat_intervals(prefix: str, intervals: Mapping[str, Interval]) -> dict[str, float]:
    """{prefix_name, prefix_name_low, prefix_name_high} of each interval."""
    values: dict[str, float] = {}
    for name, interval in intervals.items():
        key = f"{prefix}_{name}"
        values |= {key: interval.mean, f"{key}_low": interval.low, f"{key}_high": interval.high}
    return values


def graded_gains(query_pictures: ArrayLike, item_pictures: ArrayLike, entities: Sequence[str]) -> Floats:
    """How relevant each item is to each query, (queries, items): 2 own picture, 1 another of its entity, else 0.

    `query_pictures` and `item_pictures` say by number which picture a query or an item is, or belongs to (a caption);
    `entities` is the entity of each picture. Text to picture: (owners of the captions, range of the pictures);
    picture to text: the two swapped.
    """
    asked, offered = np.asarray(query_pictures), np.asarray(item_pictures)
    _, kinds = np.unique(np.asarray(entities), return_inverse=True)
    own = asked[:, None] == offered[None, :]
    same = kinds[asked][:, None] == kinds[offered][None, :]
    return np.where(own, OWN, np.where(same, SAME_ENTITY, 0.0))


def rank_queries(similarity: ArrayLike, gains: ArrayLike) -> Ranks:
    """Every measure of every query from `similarity` and `gains`, both (queries, items); higher is nearer.

    R@k and MRR look at the best placed item of the query's own (gain 2). NDCG is graded (Järvelin and Kekäläinen
    2002, linear gains): DCG = sum over ranks i = 1..n of gain_i / log2(1 + i), over the DCG of the ideal order, with
    no cut. (Their paper starts to discount at rank 2; the form with 1 + i is the one in common use.)
    ValueError for shapes that differ, scores that aren't finite, and a query without an item of its own.
    """
    scores, worth = np.asarray(similarity, float), np.asarray(gains, float)
    if scores.shape != worth.shape or scores.ndim != 2 or not scores.size:
        raise ValueError(f"similarity {scores.shape} and gains {worth.shape} must be one (queries, items) shape")
    if not np.isfinite(scores).all():
        raise ValueError("similarity holds values that are not finite")
    if not (worth == OWN).any(1).all():
        raise ValueError(f"query {int(np.argmin((worth == OWN).any(1)))} has no item of its own in the gallery")
    discounts = 1 / np.log2(np.arange(2, scores.shape[1] + 2))
    rows = [_measures(one, gain, discounts) for one, gain in zip(scores, worth, strict=True)]
    return Ranks(*np.array(rows).T)


def _measures(scores: Floats, gains: Floats, discounts: Floats) -> tuple[float, ...]:
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))  # where each block of tied items begins
    ends = np.append(starts[1:], len(scores))

    summed = np.append(0.0, np.cumsum(discounts))
    block_discount = (summed[ends] - summed[starts]) / (ends - starts)
    gained = float(np.add.reduceat(gains[order], starts) @ block_discount)
    ndcg = gained / float(np.sort(gains)[::-1] @ discounts)

    own_in_block = np.add.reduceat((gains[order] == OWN).astype(int), starts)
    block = int(np.argmax(own_in_block > 0))
    before, tied, own = int(starts[block]), int(ends[block] - starts[block]), int(own_in_block[block])
    place = before + 1 + np.arange(tied - own + 1)  # where the best own item may come to lie, and how probably
    chance = _first_of(tied, own)
    hits = [float(chance[place <= cut].sum()) for cut in CUTS]
    return float(place @ chance), *hits, float((1 / place) @ chance), ndcg


def _first_of(tied: int, own: int) -> Floats:
    """Probability that, of `tied` items in random order, the first of the `own` ones is at place 1, 2, ..."""
    if tied == own:
        return np.ones(1)
    drawn = np.arange(tied - own)
    beyond = np.append(
        1.0, np.cumprod((tied - own - drawn) / (tied - drawn))
    )  # P(the first own one is not among these)
    return beyond * own / (tied - np.arange(tied - own + 1))


def chance_levels(gains: ArrayLike) -> dict[str, float]:
    """The expected mean of each measure when every query's gallery is in random order: exact, not simulated."""
    ranks = rank_queries(np.zeros(np.shape(gains)), gains)
    return {name: float(getattr(ranks, name).mean()) for name in MEASURES}


def summarise(
    direction: str, ranks: Ranks, gains: ArrayLike, entities: Sequence[str], samples: int, seed: int
) -> Retrieval:
    """Means, intervals and chance of `ranks`; `entities` is the entity of each query."""
    measures = {name: mean_interval(getattr(ranks, name).tolist(), entities, samples, seed) for name in MEASURES}
    queries, gallery = np.shape(gains)
    return Retrieval(direction, queries, gallery, measures, chance_levels(gains), float(np.median(ranks.rank)))


def difference(one: Ranks, other: Ranks, entities: Sequence[str], samples: int, seed: int) -> dict[str, Interval]:
    """`one` minus `other` on the same queries, each measure with the paired interval by entity."""
    if len(one.rank) != len(other.rank):
        raise ValueError(f"{len(one.rank)} and {len(other.rank)} queries can't be paired")
    return {
        name: mean_interval((getattr(one, name) - getattr(other, name)).tolist(), entities, samples, seed)
        for name in MEASURES
    }
