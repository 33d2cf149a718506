"""Which of the training rows are trained on, and may stand as examples: so many of each label."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from stages.tokenize.interleaved.rows import TokenizedRow


def choose_rows(rows: Sequence[TokenizedRow], per_class: int | None, seed: int) -> list[TokenizedRow]:
    """`per_class` rows of each label, drawn by seed, in the order of `rows`; a smaller label gives all it has."""
    if per_class is None:
        return list(rows)
    chosen: list[int] = []
    for number, label in enumerate(sorted({row.label for row in rows})):
        places = [place for place, row in enumerate(rows) if row.label == label]
        drawn = np.random.default_rng([seed, number]).permutation(places)
        chosen += drawn[:per_class].tolist()
    return [rows[place] for place in sorted(chosen)]


def short_labels(rows: Sequence[TokenizedRow], per_class: int | None) -> dict[str, int]:
    """{label: rows} of the labels that have fewer rows than `per_class`."""
    counts = Counter(row.label for row in rows)
    return {label: count for label, count in sorted(counts.items()) if count < (per_class or 0)}
