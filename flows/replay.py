"""Rebuilds A with one factor of B at a time, and tells how much of the metric's change each accounts for.

The cache answers for what was built before, the rest is trained here and now. Factors that act together, and the
environment, which can't be swapped, show as what is left over.
"""

import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

from flows.replay_tree import rebuild, scratch_worktree
from flows.worktree import Worktree
from stages.lineage.diff.factors import FACTORS, differing, lay_out
from stages.lineage.diff.facts import environment_changes, value_at
from stages.lineage.diff.headlines import Headline, Marked, headline_of
from stages.lineage.diff.scores import Paired, paired_score, predictions_of, read_marked, settings_of
from stages.lineage.diff.sides import Side
from stages.params import UserError


@dataclass(frozen=True)
class Variant:
    """A with `factors` of B, rebuilt. `metric` is None where it failed; `ran`: stages that weren't in the cache."""

    factors: tuple[str, ...]
    metric: float | None
    ran: tuple[str, ...] = ()
    failed: str = ""
    marked: Mapping[str, Marked] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Effect:
    """What one factor does to A. `differs` False: the factor is the same on both sides, and does nothing."""

    factor: str
    differs: bool
    metric: float | None = None
    change: float | None = None
    share: float | None = None  # of B - A; None where that is 0
    paired: Paired | None = None
    ran: tuple[str, ...] = ()
    failed: str = ""


@dataclass(frozen=True)
class Replayed:
    """`rest`: what B - A has beyond the single changes; None where a factor couldn't be built alone."""

    recipe: str
    name: str
    a: Variant
    b: Variant
    sealed_a: float | None
    sealed_b: float | None
    effects: tuple[Effect, ...]
    rest: float | None
    environment_differs: bool | None

    @property
    def change(self) -> float:
        return (self.b.metric or 0.0) - (self.a.metric or 0.0)

    def document(self) -> dict[str, Any]:
        """For --json."""
        sides = {
            name: {"metric": one.metric, "sealed": sealed, "ran": list(one.ran)}
            for name, one, sealed in (("a", self.a, self.sealed_a), ("b", self.b, self.sealed_b))
        }
        return {
            "recipe": self.recipe,
            "metric": self.name,
            **sides,
            "change": self.change,
            "effects": [asdict(effect) for effect in self.effects],
            "rest": self.rest,
            "environment": {"swapped": False, "differs": self.environment_differs},
        }


def replay(a: Side, b: Side) -> Replayed:
    """UserError when the sides are two recipes, a side's commit isn't known, or a side can't be rebuilt."""
    commit_a, commit_b, headline = _check(a, b)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _exit)
    different = differing(a.lineage, b.lineage)
    recipe = a.lineage.recipe
    with scratch_worktree(a.project, commit_a) as place:
        one = build_variant(place, commit_a, commit_a, (), recipe, headline, a.name)
        other = build_variant(place, commit_b, commit_b, (), recipe, headline, b.name)
        for side, variant in ((a, one), (b, other)):
            if variant.metric is None:
                raise UserError(f"{side.name} can't be rebuilt, so nothing can be replayed:\n{variant.failed}")
        swapped = {
            factor: build_variant(place, commit_a, commit_b, (factor,), recipe, headline, f"{a.name} with B's {factor}")
            for factor in different
        }
    return attributed(a, b, headline, one, other, swapped)


def attributed(
    a: Side, b: Side, headline: Headline, one: Variant, other: Variant, swapped: Mapping[str, Variant]
) -> Replayed:
    """What each factor in `swapped` (A with it) accounts for of the way from `one` (A rebuilt) to `other` (B)."""
    settings = settings_of(b.lineage)
    whole = (other.metric or 0.0) - (one.metric or 0.0)
    effects = tuple(
        _effect(headline, factor, one, swapped[factor], whole, settings)
        if factor in swapped
        else Effect(factor, differs=False)
        for factor in FACTORS
    )
    changes = [effect.change for effect in effects if effect.differs]
    found = [change for change in changes if change is not None]
    environment = environment_changes(a.lineage, b.lineage)
    return Replayed(
        recipe=a.lineage.recipe,
        name=headline.name,
        a=one,
        b=other,
        sealed_a=value_at(a.lineage.metrics, headline.name),
        sealed_b=value_at(b.lineage.metrics, headline.name),
        effects=effects,
        rest=whole - sum(found) if len(found) == len(changes) else None,
        environment_differs=None if environment is None else bool(environment),
    )


def _effect(
    headline: Headline, factor: str, a: Variant, swapped: Variant, whole: float, settings: tuple[int, int]
) -> Effect:
    if swapped.metric is None or a.metric is None:
        return Effect(factor, differs=True, ran=swapped.ran, failed=swapped.failed)
    change = swapped.metric - a.metric
    paired = None
    if a.marked and swapped.marked:
        paired = paired_score(headline, a.metric, swapped.metric, a.marked, swapped.marked, settings).paired
    share = change / whole if abs(whole) > 1e-9 else None
    return Effect(factor, True, swapped.metric, change, share, paired, swapped.ran)


def build_variant(
    place: Worktree, a: str, b: str, factors: tuple[str, ...], recipe: str, headline: Headline, name: str
) -> Variant:
    """Lay the variant out, rebuild it and read its metric; `name` is told on stderr."""
    print(f"replay: {name}", file=sys.stderr, flush=True)
    lay_out(place.root, a, b, factors)
    built = rebuild(place, f"evaluate@{recipe}")
    if built.failed:
        return Variant(factors, None, built.ran, built.failed)
    path = place.root / "reports" / "metrics" / f"{recipe}.json"
    metric = value_at(json.loads(path.read_text(encoding="utf-8")), headline.name)
    if metric is None:
        return Variant(factors, None, built.ran, f"its metrics file has no {headline.name}")
    predictions = place.root / predictions_of(recipe)
    marked = read_marked(predictions, headline) if predictions.is_file() else ""
    return Variant(factors, metric, built.ran, marked=marked if isinstance(marked, dict) else {})


def _check(a: Side, b: Side) -> tuple[str, str, Headline]:
    if a.lineage.recipe != b.lineage.recipe:
        raise UserError(
            f"--replay compares one recipe at two revisions, these are {a.lineage.recipe} and {b.lineage.recipe}: "
            "give RECIPE@REV twice."
        )
    for side in (a, b):
        if side.commit is None:
            raise UserError(
                f"{side.name} can't be replayed: {'; '.join(side.notes)}. Commit the tree "
                "that it was made from together with its seal, or give RECIPE@REV."
            )
    headline = headline_of(a.lineage.metrics)
    other = headline_of(b.lineage.metrics)
    if headline is None or other is None or headline.name != other.name:
        raise UserError("--replay needs one headline metric on both sides; these metrics files have none in common.")
    return str(a.commit), str(b.commit), headline


def _exit(number: int, _: object) -> NoReturn:
    """SIGTERM ends a replay as Ctrl+C does: dvc first, then the worktree."""
    raise SystemExit(128 + number)
