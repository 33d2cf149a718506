"""Figures before and after training, with their intervals, out of any metrics file.

Metrics files have one habit: what a model scored stands under its name (`zero_shot` or `before`; `tuned` or `trained`),
and beside a figure the ends of its 95 % interval, `NAME_low` and `NAME_high`; or a figure is `mean`, `low` and `high`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

AFTER = ("tuned", "trained")
BEFORE = ("before", "zero_shot")
PASSED_OVER = "methods"  # a level of names only


@dataclass(frozen=True)
class Figure:
    """One figure of the tuned model with its 95 % interval, and the same figure before training (None: not taken)."""

    name: str
    before: float | None
    after: float
    low: float
    high: float


def figures(metrics: dict[str, Any]) -> list[Figure]:
    """Every figure of the tuned model that has an interval, in the order of the file."""
    return list(_walk(metrics, ()))


def _walk(node: Any, place: tuple[str, ...]) -> Iterator[Figure]:
    if not isinstance(node, dict):
        return
    after = next((node[name] for name in AFTER if isinstance(node.get(name), dict)), None)
    if after is not None:
        before: dict[str, Any] = next((node[name] for name in BEFORE if isinstance(node.get(name), dict)), {})
        yield from _figures(after, before, place)
    for name, inner in node.items():
        if name not in AFTER and name not in BEFORE:
            yield from _walk(inner, place if name == PASSED_OVER else (*place, name))


def _figures(after: dict[str, Any], before: dict[str, Any], place: tuple[str, ...]) -> Iterator[Figure]:
    for name, value in after.items():
        if isinstance(value, dict):
            inner = before.get(name)
            inner = inner if isinstance(inner, dict) else {}
            if {"mean", "low", "high"} <= value.keys():
                yield Figure(".".join((*place, name)), inner.get("mean"), value["mean"], value["low"], value["high"])
            else:
                yield from _figures(value, inner, (*place, name))
        elif _number(value) and _number(after.get(f"{name}_low")) and _number(after.get(f"{name}_high")):
            first = before.get(name)
            yield Figure(
                ".".join((*place, name)),
                first if _number(first) else None,
                value,
                after[f"{name}_low"],
                after[f"{name}_high"],
            )


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
