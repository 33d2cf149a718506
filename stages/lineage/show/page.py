"""One offline page about an adapter: the graph, whose material it learned from, what was left out, pictures."""

import json
from pathlib import Path

from stages.lineage.reading import Opened, plain
from stages.lineage.show.drawing import BOX, drawing_of
from stages.lineage.show.pictures import thumbnails
from stages.lineage.show.runs import run_of
from stages.lineage.show.text import base_of, environment_of, parent_of, rounded, seal_said, size_of
from stages.lineage.show.tree import Told, most_first, told_of
from stages.report.page import render

TEMPLATE = Path(__file__).with_name("page.html")
LISTED = 40  # rows of a table; the rest is summed up


def page_of(opened: Opened, project: Path = Path()) -> str:
    """The page's HTML. Every text of the lineage and of the rows is shown as text: the template escapes it all."""
    told = told_of(opened)
    lineage = told.lineage
    pictures, remarks = thumbnails(opened, project)
    return render(
        TEMPLATE,
        told=told,
        lineage=lineage,
        plain=plain,
        rows=sum(lineage.data.kinds.values()),
        left_out=sum(told.dropped.values()),
        seal=seal_said(told).replace("`", ""),
        drawing=drawing_of(told.tree),
        box=BOX,
        counts=_counts(told),
        licences=[(one.name, one.rows, one.asks) for one in told.licences],
        drops=[(one.folder, why, n) for one in lineage.data.drops for why, n in most_first(one.dropped)],
        metrics=[
            (one.name, rounded(one.after), f"{rounded(one.low)} to {rounded(one.high)}", _before(one.before))
            for one in told.metrics
        ],
        pictures=pictures,
        remarks=remarks,
        facts=_facts(told, project),
        seeds=sorted((name, str(seed)) for name, seed in lineage.seeds.items()),
        stages=[
            (stage, json.dumps(stage.params, indent=1, sort_keys=True, ensure_ascii=False)) for stage in lineage.stages
        ],
        files=[(node.path, size_of(node), node.digest or "") for node in told.tree.walk() if not node.again],
    )


def _counts(told: Told) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """(heading, what is counted, the largest first) of hosts, authors and generators, where there are any."""
    data = told.lineage.data
    found = [("Hosts", "host", data.hosts), ("Authors of texts", "author", data.authors)]
    found += [("Generators", "generator and seed", data.generators), ("Kinds of source", "kind", data.kinds)]
    return [(title, what, _largest(counts)) for title, what, counts in found if counts]


def _largest(counts: dict[str, int]) -> list[tuple[str, int]]:
    ordered = most_first(counts)
    rest = sum(n for _, n in ordered[LISTED:])
    return ordered[:LISTED] + ([(f"{len(ordered) - LISTED} more", rest)] if rest else [])


def _facts(told: Told, project: Path) -> list[tuple[str, str]]:
    """What there is to say of base, parent, machine and run."""
    lineage, run = told.lineage, run_of(told.lineage.adapter.digest, project)
    made = (
        f"commit {run.get('commit')}{' with uncommitted changes' if run.get('dirty') else ''} (not sealed)"
        if run
        else ""
    )
    found = [
        ("adapter's digest", lineage.adapter.digest),
        ("seal", lineage.seal),
        ("started from", base_of(told)),
        ("parent", parent_of(told)),
        ("trained on", environment_of(told)),
        ("made at", plain(made)),
        ("consumed rows' digest", lineage.data.consumed.digest),
    ]
    return [(name, value) for name, value in found if value]


def _before(value: float | None) -> str:
    return "" if value is None else rounded(value)
