"""The short tables on stdout: every method on the same pictures and questions."""

from collections.abc import Mapping
from typing import Any

from stages.evaluate.chat.said import ASKED, CAPTIONED
from stages.evaluate.statistics import p_value

Metrics = Mapping[str, Any]

ENOUGH_ENDED, MOST_LOOPING = 0.99, 0.01  # shares that the page and the table take for a model that stops


def summary(metrics: Metrics) -> str:
    """All that a step's evaluation found."""
    lines = _captions(metrics["captions"]) if metrics["captions"] else []
    if metrics["questions"]:
        lines += ["", *_questions(metrics["questions"])] if lines else _questions(metrics["questions"])
    lines += [""] + [
        f"  {what + ': ' + ASKED[name]:<40}{100 * found['ended']:6.1f} % ended{100 * found['looping']:8.1f} % in a loop"
        for what, methods in metrics["stopping"].items()
        for name, found in methods.items()
    ]
    return "\n".join([*lines, *(f"  note: {text}" for text in warnings(metrics))])


def warnings(metrics: Metrics) -> list[str]:
    """What makes the figures say little, or the model hard to use."""
    found = []
    for what, methods in metrics["stopping"].items():
        stops = methods.get("trained")
        if stops and (stops["ended"] < ENOUGH_ENDED or stops["looping"] > MOST_LOOPING):
            found.append(
                f"trained ends {100 * stops['ended']:.1f} % of its {what} by itself, and "
                f"{100 * stops['looping']:.1f} % are stuck in a loop"
            )
    captions, questions = metrics["captions"], metrics["questions"]
    if captions:
        found += [f"by CIDEr, trained is not surely better than {title}" for title in _close(captions, "cider")]
    if questions and questions["closed"]:
        found += [f"on closed questions, trained is not surely better than {t}" for t in _close(questions, "exact")]
    return found


def _close(part: Metrics, measure: str) -> list[str]:
    titles = {"before": "before", "withheld": "without the picture", "usual": "the usual answer"}
    titles |= {"nearest": "the nearest picture's caption", "central": "one caption for all"}
    return [
        title
        for name, title in titles.items()
        if name in part["leads"] and part["leads"][name].get(f"{measure}_low", 1) <= 0
    ]


def _captions(found: Metrics) -> list[str]:
    lines = [
        f"{found['pictures']} test pictures, {found['references']} references; 95 % interval of CIDEr",
        f"  {'':<40}{'CIDEr':>24}{'BLEU-4':>8}{'ROUGE-L':>9}",
    ]
    for name, title in CAPTIONED.items():
        if name in found["methods"]:
            one = found["methods"][name]
            between = f"{one['cider']:.2f} [{one['cider_low']:.2f}, {one['cider_high']:.2f}]"
            lines.append(f"  {title:<40}{between:>24}{one['bleu4']:8.1f}{one['rouge_l']:9.3f}")
    for name, lead in found["leads"].items():
        between = f"{lead['cider']:+.2f} [{lead['cider_low']:+.2f}, {lead['cider_high']:+.2f}]"
        lines.append(f"  {_less(CAPTIONED[name]):<40}{between:>24}")
    return lines


def _questions(found: Metrics) -> list[str]:
    lines = [
        f"{found['closed']} closed and {found['open']} open questions about {found['pictures']} test pictures; "
        "per cent, 95 % interval",
        f"  {'':<40}{'exact':>24}{'token F1':>24}{'open: ROUGE-L':>24}",
    ]
    lines += [_row(ASKED[name], one) for name, one in found["methods"].items()]
    lines += [_row(_less(ASKED[name]), one, "+") for name, one in found["leads"].items()]
    for name, one in found["mcnemar"].items():
        rival = ASKED[name].removeprefix("trained, ")
        counted = f"{one['c']} newly right, {one['b']} newly wrong, {p_value(one['p'])}"
        lines.append(f"  McNemar against {rival}: {counted}")
    for heading, groups in (("by kind", found["by_kind"]), ("by turn", found["by_turn"])):
        lines.append(
            f"  closed questions {heading + ':':<13}{'rows':>6}" + "".join(f"{n:>13}" for n in found["methods"])
        )
        for group, one in groups.items():
            shares = "".join(f"{100 * one[name]:13.1f}" for name in found["methods"])
            lines.append(f"    {group:<28}{one['rows']:6d}{shares}")
    return lines


def _less(title: str) -> str:
    return f"trained minus {title.removeprefix('trained, ')}"


def _row(title: str, found: Metrics, sign: str = "") -> str:
    cells = []
    for measure in ("exact", "f1", "rouge_l"):
        if measure in found:
            mean, low, high = (100 * found[f"{measure}{end}"] for end in ("", "_low", "_high"))
            cells.append(f"{mean:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]")
        else:
            cells.append("–")
    return f"  {title:<40}" + "".join(f"{cell:>24}" for cell in cells)
