"""Tables and pictures of the interleaved page, each by itself."""

import pytest

from stages.report.interleaved import charts, labels
from stages.report.interleaved.tables import Scored


def test_classes_that_got_worse_come_first() -> None:
    names = [f"class {number:02d}" for number in range(30)]
    by_label = {name: {"rows": 4, "zero_shot": 0.5, "tuned": at / 30} for at, name in enumerate(names)}
    left, right = labels.classes({"by_label": by_label, "worse": ["class 07", "class 03"]})
    assert [one.label for one in left[:4]] == ["class 07", "class 03", "class 00", "class 01"]
    assert (len(left), len(right), right[-1].label, left[0].worse, left[2].worse) == (15, 15, "class 29", True, False)


def test_confused_pairs_leave_out_what_is_right() -> None:
    tuned = {"luge": {"luge": 5, "bobsled": 2, "something else": 1}, "golf": {"golf": 3}}
    base = {"luge": {"luge": 1, "golf": 7}, "golf": {"bobsled": 3}}
    found = labels.pairs({"confusion": {"tuned": tuned, "zero_shot": base}})
    assert [(one.label, one.answer, one.rows, one.zero_shot, one.tuned) for one in found] == [
        ("luge", "bobsled", 8, 0, 2),
        ("luge", "something else", 8, 0, 1),
        ("luge", "golf", 8, 7, 0),
        ("golf", "bobsled", 3, 3, 0),
    ]


@pytest.mark.parametrize("classes", [2, 32, 100])
def test_a_heat_table_has_its_diagonal_and_fits(classes: int) -> None:
    names = [f"sport {number:03d} {'x' * (number % 40)}" for number in range(classes)]
    confusion = {name: {name: 3, names[at - 1]: 1, "something else": 1} for at, name in enumerate(names[1:], start=1)}
    heat = charts.heat_table(confusion)
    assert [text for _, text in heat.columns][-1] == "something else"
    assert charts.SMALLEST <= heat.side <= charts.LARGEST
    right = [cell for cell in heat.cells if cell.kind == "after"]
    assert all(cell.x == pytest.approx(cell.y + heat.side, abs=0.2) for cell in right)  # the first is never shown
    assert all(cell.share == pytest.approx(0.6) for cell in right)
    assert len(right) == len(heat.rows) == classes - 1
    assert max(len(text) for _, text in heat.rows) <= charts.LONGEST
    assert heat.numbers == (classes < 100)


def scores(share: float, **more: object) -> dict[str, object]:
    return {"exact": share, "exact_low": share - 0.1, "exact_high": share + 0.1, **more}


def test_bars_stand_in_the_plot_beside_their_whiskers() -> None:
    chart = charts.bar_chart([Scored("a", "few", scores(0.25)), Scored("b", "after", scores(0.5))], "exact", 100, 0.1)
    assert [bar.score for bar in chart.bars] == [25, 50]
    assert chart.bars[1].end == pytest.approx(2 * chart.bars[0].end, abs=0.2)
    assert chart.chance is not None
    assert all(0 <= bar.low < bar.end < bar.high <= charts.PLOT for bar in chart.bars)
    assert chart.chance < chart.bars[0].low


def test_lines_go_by_number_of_examples_and_leave_out_tuned() -> None:
    few = {"16": scores(0.6, exact_by_seed=[0.5, 0.7]), "2": scores(0.4, exact_by_seed=[0.4, 0.4])}
    metrics = {"zero_shot": scores(0.2), "few_shot": few, "tuned": scores(0.9), "chance": 0.1}
    chart = charts.line_chart(metrics, {"exact": "exact match"})
    (line,) = chart.lines
    assert [text for _, text in chart.x_ticks] == ["0", "2", "16", "tuned"]
    assert len(line.points.split()) == 3
    assert [dot[1] for dot in line.dots] == pytest.approx(
        [charts.HEIGHT * (1 - share) for share in (0.2, 0.4, 0.6, 0.9)]
    )
    assert [y for _, y in line.seeds] == pytest.approx([charts.HEIGHT * (1 - share) for share in (0.4, 0.4, 0.5, 0.7)])
    assert line.dots[-2][0] < chart.wall < line.dots[-1][0]
