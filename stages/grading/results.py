"""What the graded captions say of each mode: counts, shares with intervals, and modes compared on the same rows."""

import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from math import sqrt
from pathlib import Path
from typing import Any

from stages.evaluate.statistics import Interval, McNemar, mcnemar
from stages.grading.items import read_predictions
from stages.grading.log import VERDICTS, Verdict, digest_of, read_log

NOBODY = "nobody graded these captions"
WORST_FIRST: tuple[Verdict, ...] = ("wrong", "partly", "right")


@dataclass(frozen=True)
class Share:
    """Graded rows of one mode, and the share that is right (0 to 1, Wilson's 95 % interval); None without rows."""

    right: int
    partly: int
    wrong: int
    share: Interval | None

    @property
    def rows(self) -> int:
        return self.right + self.partly + self.wrong


@dataclass(frozen=True)
class Lead:
    """Share right of one mode minus another's on the rows graded for both, with Newcombe's 95 % interval."""

    rows: int
    lead: Interval
    mcnemar: McNemar  # b: the other alone is right, c: this one alone


@dataclass(frozen=True)
class Grades:
    """What the log says of today's predictions. Rows are taken as independent, as the intervals do.

    `leads` has (mode, other mode). `outdated` verdicts are about texts that aren't in the predictions any more; they
    don't count. `agreement` is the share of captions, of those that several people graded, with one verdict.
    """

    modes: Mapping[str, Share]
    leads: Mapping[tuple[str, str], Lead]
    authors: tuple[str, ...]
    captions: int
    outdated: int
    agreement: float | None

    def content(self) -> dict[str, Any]:
        """For a metrics file."""
        return {
            "modes": {mode: asdict(share) for mode, share in self.modes.items()},
            "leads": {f"{one}_over_{other}": asdict(lead) for (one, other), lead in self.leads.items()},
            "authors": list(self.authors),
            "captions": self.captions,
            "outdated": self.outdated,
            "agreement": self.agreement,
        }

    def table(self) -> str:
        """For people, modes in the order of the predictions."""
        if not self.captions:
            return NOBODY
        lines = [f"{'':<12}{'right':>7}{'partly':>8}{'wrong':>7}   share right"]
        for mode, one in self.modes.items():
            lines.append(f"{mode:<12}{one.right:>7}{one.partly:>8}{one.wrong:>7}   {_percent(one.share)}")
        for (mode, other), lead in self.leads.items():
            shown = _percent(lead.lead, "+")
            lines.append(f"{mode} over {other}: {shown}, {lead.rows} rows, p = {lead.mcnemar.p:.3f}")
        return "\n".join(lines)


def read_grades(log: Path, predictions: Path) -> Grades:
    """Count the verdicts of `log` (it may be missing) on the captions that `predictions` has now.

    Of one author's verdicts on one text the last counts; of several people's the middle one, the worse of two.
    """
    lines, torn = read_log(log)
    if torn:
        print(f"{log}: its last line is incomplete and was never acknowledged; it does not count", file=sys.stderr)
    rows = read_predictions(predictions)
    last = {(line.id, line.caption, line.author): line.verdict for line in lines}
    texts = {(row.id, digest_of(text)) for row in rows for text in row.said.values()}
    given: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for (row_id, caption, _), verdict in last.items():
        if (row_id, caption) in texts:
            given[row_id, caption].append(verdict)
    by_mode = {
        mode: {row.id: _middle(given[key]) for row in rows if (key := (row.id, digest_of(row.said[mode]))) in given}
        for mode in rows[0].said
    }
    several = [len(set(verdicts)) == 1 for verdicts in given.values() if len(verdicts) > 1]
    return Grades(
        modes={mode: _share(list(verdicts.values())) for mode, verdicts in by_mode.items()},
        leads={
            (one, other): _lead(by_mode[one], by_mode[other])
            for other, one in combinations(by_mode, 2)
            if by_mode[one].keys() & by_mode[other].keys()
        },
        authors=tuple(sorted({author for row_id, caption, author in last if (row_id, caption) in texts})),
        captions=len(given),
        outdated=sum((row_id, caption) not in texts for row_id, caption, _ in last),
        agreement=sum(several) / len(several) if several else None,
    )


def _middle(verdicts: Sequence[Verdict]) -> Verdict:
    """The median, the worse one of the two in the middle."""
    return sorted(verdicts, key=WORST_FIRST.index)[(len(verdicts) - 1) // 2]


def _share(verdicts: Sequence[Verdict]) -> Share:
    counts = Counter(verdicts)
    right, partly, wrong = (counts[verdict] for verdict in VERDICTS)
    return Share(right, partly, wrong, wilson(right, len(verdicts)) if verdicts else None)


def wilson(right: int, rows: int) -> Interval:
    """A share and its 95 % score interval (Wilson 1927)."""
    from scipy.stats import binomtest

    found = binomtest(right, rows).proportion_ci(0.95, method="wilson")
    return Interval(right / rows, float(found.low), float(found.high))


def _lead(one: Mapping[str, Verdict], other: Mapping[str, Verdict]) -> Lead:
    both = sorted(one.keys() & other.keys())
    mine, theirs = ([verdicts[row] == "right" for row in both] for verdicts in (one, other))
    return Lead(len(both), paired_interval(mine, theirs), mcnemar(theirs, mine))


def paired_interval(one: Sequence[bool], other: Sequence[bool]) -> Interval:
    """Difference of two shares of the same rows with its 95 % interval: Newcombe 1998, Statistics in Medicine 17,
    2635-2650, method 10. Unlike a bootstrap's it has a width when no row differs.
    """
    rows = len(one)
    pairs = Counter(zip(one, other, strict=True))
    both, neither = pairs[True, True], pairs[False, False]
    mine, theirs = pairs[True, False], pairs[False, True]
    margins = (both + mine) * (theirs + neither) * (both + theirs) * (mine + neither)
    apart = float(both * neither - mine * theirs)
    if apart > 0:
        apart = max(apart - rows / 2, 0.0)
    correlation = apart / sqrt(margins) if margins else 0.0
    first, second = wilson(both + mine, rows), wilson(both + theirs, rows)

    def reach(up: float, down: float) -> float:
        return sqrt(max(up**2 - 2 * correlation * up * down + down**2, 0.0))

    lead = (mine - theirs) / rows
    low = lead - reach(first.mean - first.low, second.high - second.mean)
    high = lead + reach(first.high - first.mean, second.mean - second.low)
    return Interval(lead, low, high)


def _percent(interval: Interval | None, sign: str = "") -> str:
    if interval is None:
        return "-"
    mean, low, high = (100 * value for value in (interval.mean, interval.low, interval.high))
    return f"{mean:{sign}.0f} % [{low:{sign}.0f}, {high:{sign}.0f}]"
