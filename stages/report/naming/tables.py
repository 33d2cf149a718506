"""The page's figures and tables, as text, from the metrics file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stages.evaluate.naming.table import BASELINES, TITLES, VARIANTS
from stages.evaluate.statistics import p_value
from stages.record import Record

Metrics = Mapping[str, Any]
Text = Callable[[float], str]
COLOURS = {"zero_shot": "before", "tuned": "after", "blind": "few", "chance": ""}
ASKED = ("zero_shot", "blind", "tuned")  # the models
INVENTED = {
    "new": "new",
    "pronounceable": "pronounceable",
    "usual_length": "usual length",
    "valid": "valid",
    "new_and_valid": "new and valid",
}


@dataclass(frozen=True)
class Cell:
    """A value as text and its 95 % interval as text; "" where there is none."""

    value: str
    interval: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a table; `kind` is its colour."""

    title: str
    kind: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Card:
    """One figure of the page's head."""

    title: str
    kind: str
    value: str
    below: str


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def points(share: float) -> str:
    """A difference of two shares."""
    return f"{100 * share:+.1f}"


def kind_of(method: str) -> str:
    """Which colour a method has."""
    return COLOURS.get(method, "shallow")


def cards(metrics: Metrics) -> list[Card]:
    """R@k of tuned, zero-shot and the best baseline, what tuned leads it by, and how often it gives one name."""
    name, methods = main_of(metrics), metrics["ranking"]["methods"]
    best = best_baseline(metrics)
    found = [
        Card(
            f"{title}, true name in the {cut(metrics)}",
            kind,
            f"{percent(methods[method][name])} %",
            _reach(methods[method], name),
        )
        for method, title, kind in (
            ("tuned", "tuned", "tuned"),
            ("zero_shot", "zero-shot", "zero"),
            (best, TITLES[best], "shallow"),
        )
    ]
    lead, single = metrics["tuned_over"][best], metrics["answers"]["tuned"]
    low, high = points(lead[f"{name}_low"]), points(lead[f"{name}_high"])
    found.append(
        Card(f"tuned over {TITLES[best]}, points", "rival", points(lead[name]), f"paired 95 % interval {low} to {high}")
    )
    before = percent(metrics["answers"]["zero_shot"]["one_name"])
    below = f"zero-shot {before} %; ended by itself {percent(single['ended'])} %"
    return [*found, Card("tuned, exactly one name", "tuned", f"{percent(single['one_name'])} %", below)]


def main_of(metrics: Metrics) -> str:
    """The measure of the head: R@k at the largest k that the recipe asks for."""
    return f"r_at_{metrics['at'][-1]}"


def cut(metrics: Metrics) -> str:
    """Where that measure cuts the list of names, as people say it."""
    return f"top {metrics['at'][-1]}"


def best_baseline(metrics: Metrics) -> str:
    """Of those that aren't the base itself, the one with the highest R@k."""
    methods, name = metrics["ranking"]["methods"], main_of(metrics)
    return max((one for one in BASELINES if one not in ("zero_shot", "chance")), key=lambda one: methods[one][name])


def headings(metrics: Metrics) -> list[str]:
    return [*(f"R@{k}, %" for k in metrics["at"]), "MRR", "median rank", "exact, %"]


def methods(metrics: Metrics) -> list[Row]:
    """Every method on the same rows; what ranks by another reading of the likelihoods has no answers of its own."""
    rows = []
    for method in (*BASELINES, "tuned", *VARIANTS):
        found, said = metrics["ranking"]["methods"][method], metrics["answers"].get(method)
        cells = [_cell(found, f"r_at_{k}", percent) for k in metrics["at"]]
        cells += [_cell(found, "mrr", "{:.3f}".format), Cell(f"{found['median_rank']:g}")]
        cells.append(_cell(said, "exact", percent) if said else Cell("–"))
        rows.append(Row(TITLES[method], "" if method in VARIANTS else kind_of(method), tuple(cells)))
    return rows


def leads(metrics: Metrics) -> list[Row]:
    """What tuned has over each baseline, paired, and McNemar's test on exact match."""
    rows = []
    for method, lead in metrics["tuned_over"].items():
        cells = [_cell(lead, f"r_at_{k}", points, " to ") for k in metrics["at"]]
        cells += [_cell(lead, "mrr", "{:+.3f}".format, " to "), _cell(lead, "exact", points, " to ")]
        test = lead.get("mcnemar")
        cells.append(
            Cell(p_value(test["p"]), f"{test['c']} newly right, {test['b']} newly wrong") if test else Cell("–")
        )
        rows.append(Row(f"over {TITLES[method]}", kind_of(method), tuple(cells)))
    order = {f"over {TITLES[method]}": place for place, method in enumerate(BASELINES)}
    return sorted(rows, key=lambda row: order[row.title])  # a metrics file sorts its keys


def lead_headings(metrics: Metrics) -> list[str]:
    return [*(f"R@{k}, points" for k in metrics["at"]), "MRR", "exact, points", "McNemar, exact"]


def answers(metrics: Metrics) -> list[Row]:
    """What the models write."""
    rows = []
    for method in ASKED:
        said = metrics["answers"][method]
        cells = [_cell(said, name, percent) for name in ("one_name", "ended", "exact")]
        cells += [_cell(said, "edit_similarity", "{:.3f}".format), Cell(percent(said["distinct"]))]
        rows.append(Row(TITLES[method], kind_of(method), tuple(cells)))
    return rows


def invented(metrics: Metrics) -> list[Row]:
    """Shares of the answers that aren't the true name; a model without such answers has none."""
    rows = []
    for method in ("zero_shot", "tuned"):
        found = metrics["invented"][method]
        cells = [Cell(str(found["rows"]))]
        cells += [_cell(found, name, percent) if found["rows"] else Cell("–") for name in INVENTED]
        cells.append(Cell(percent(found["distinct"]) if found["rows"] else "–"))
        rows.append(Row(TITLES[method], kind_of(method), tuple(cells)))
    return rows


def rules(metrics: Metrics) -> list[tuple[str, ...]]:
    """(script, training names, held-out names, least log-likelihood a letter, lengths, shuffled names that pass)"""
    return [
        (
            script.capitalize() or "no letters",
            str(rule["names"]),
            str(rule["held_out"]),
            f"{rule['least']:.2f}",
            f"{rule['shortest']} to {rule['longest']}",
            f"{percent(rule['passed'])} %",
            f"{percent(rule['shuffled'])} %",
        )
        for script, rule in metrics["rules"].items()
    ]


def languages(metrics: Metrics) -> list[tuple[str, ...]]:
    """(language, rows, names, exact, R@k...) of tuned; – where no row of the language was ranked."""
    names = [f"r_at_{k}" for k in metrics["at"]]
    return [
        (
            language or "(not said)",
            str(found["rows"]),
            str(found["names"]),
            percent(found["exact"]),
            *(percent(found[name]) if name in found else "–" for name in names),
        )
        for language, found in metrics["by_language"].items()
    ]


def among_new(metrics: Metrics) -> list[Row]:
    """R@k when only names without a training row are ranked."""
    found = metrics["ranking"]["among_new"].get("methods", {})
    order = [method for method in (*BASELINES, "tuned", *VARIANTS) if method in found]
    return [
        Row(
            TITLES[one],
            "" if one in VARIANTS else kind_of(one),
            tuple(Cell(percent(found[one][f"r_at_{k}"])) for k in metrics["at"]),
        )
        for one in order
    ]


def splits(records: Sequence[Record]) -> list[tuple[str, int, int, int, int]]:
    """(split, descriptions, entities, names, places where a name was masked)"""
    by_split: dict[str, list[Record]] = {}
    for record in records:
        by_split.setdefault(record.split or "(none)", []).append(record)
    return [
        (
            split,
            len(rows),
            len({row.entity for row in rows}),
            len({row.label for row in rows}),
            sum(int(row.source.drawn.get("masked", 0)) for row in rows),
        )
        for split, rows in sorted(by_split.items(), reverse=True)
    ]


def _cell(found: Metrics, name: str, text: Text, between: str = "–") -> Cell:
    if f"{name}_low" not in found:
        return Cell(text(found[name]))
    low, high = (text(found[f"{name}_{end}"]) for end in ("low", "high"))
    return Cell(text(found[name]), f"{low}{between}{high}")


def _reach(found: Metrics, name: str) -> str:
    return f"95 % interval {percent(found[f'{name}_low'])} to {percent(found[f'{name}_high'])} %"
