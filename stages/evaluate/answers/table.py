"""The short table on stdout: ours beside what is published."""

from textwrap import wrap
from typing import Any

from stages.evaluate.answers.published import BENCHMARK, CHANCE, PUBLISHED, SEED_NOTEBOOK, SOURCE
from stages.evaluate.statistics import p_value

SHALLOW = {"majority": "most frequent letter", "blind": "tuned, without the picture", "thumbnail_knn": "thumbnail kNN"}


def side_by_side(metrics: dict[str, Any], rule: str, caveat: str) -> str:
    """A table of `metrics` by `rule`, in per cent, with the published figures and `caveat` below."""
    lines = [f"{metrics['rows']} test rows of {metrics['entities']} entities, per cent right ({rule}), 95 % interval"]
    lines.append(_line("chance", metrics["chance"]))
    if "chance_in_word" in metrics:
        lines.append(_line("chance, if the word is known", metrics["chance_in_word"]))
    lines += [_line(title, *_interval(metrics, key)) for key, title in SHALLOW.items()]
    lines.append(_line("zero-shot", *_interval(metrics["zero_shot"], rule)))
    lines.append(_line("tuned", *_interval(metrics["tuned"], rule)))
    lift, paired = metrics["lift"], metrics["mcnemar"]
    lines.append(_line("lift, in points", lift[rule], lift["low"], lift["high"], sign="+"))
    lines.append(f"  McNemar: {paired['c']} rows newly right, {paired['b']} newly wrong, {p_value(paired['p'])}")
    lines += _warnings(metrics, rule)
    lines.append(f"published, {BENCHMARK} ({SOURCE})")
    lines += [f"  {one.model:<30} {one.mean:6.2f}" for one in PUBLISHED]
    lines.append(f"  {'chance, if the word is known':<30} {CHANCE:6.2f}")
    return "\n".join([*lines, *wrap(caveat, 110), SEED_NOTEBOOK])


def too_shallow(metrics: dict[str, Any], rule: str) -> list[str]:
    """The baselines that reach more than half of what the tuned model scores."""
    return [title for key, title in SHALLOW.items() if metrics[key] > metrics["tuned"][rule] / 2]


def _warnings(metrics: dict[str, Any], rule: str) -> list[str]:
    return [
        f"  note: {title} reaches over half of tuned; what is tuned says little" for title in too_shallow(metrics, rule)
    ]


def _interval(scores: dict[str, float], key: str) -> tuple[float, float, float]:
    return scores[key], scores[f"{key}_low"], scores[f"{key}_high"]


def _line(title: str, share: float, low: float | None = None, high: float | None = None, sign: str = "") -> str:
    between = "" if low is None or high is None else f"  [{100 * low:{sign}.1f}, {100 * high:{sign}.1f}]"
    return f"  {title:<30} {100 * share:{sign}6.2f}{between}"
