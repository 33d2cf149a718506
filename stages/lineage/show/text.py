"""The tree as text of at most 100 columns: what matters first, then the line from the adapter to its sources."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from stages.lineage.reading import plain
from stages.lineage.show.tree import Licence, Node, Told, most_first
from stages.seal.figures import Figure

WIDTH = 100
LABEL = 14  # columns of a headline's name
SHOWN = 8  # of a long list, hosts say
SHOWN_METRICS = 12
BY_LINE = ("seal", "licences", "on test rows")  # facts that have a line for each of theirs
GLUE = "\u00a0"  # a space that no line breaks at
DIGITS = 12  # of a digest


def text_of(told: Told, run: Mapping[str, Any] | None = None, width: int = WIDTH) -> str:
    """All that a person sees of an adapter; `run` is the record of the run that made it, where this machine has it."""
    lines = [*_headline(told, run, width), "", *_tree(told.tree, told, width)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _headline(told: Told, run: Mapping[str, Any] | None, width: int) -> Iterator[str]:
    lineage = told.lineage
    data, consumed = lineage.data, lineage.data.consumed
    yield f"{plain(lineage.recipe)}: {plain(lineage.objective)}, task {plain(lineage.task)}"
    facts: list[tuple[str, Iterable[str]]] = [
        ("digest", [lineage.adapter.digest]),
        ("seal", [lineage.seal, seal_said(told)]),
        (
            "trained on",
            [
                f"{sum(data.kinds.values()):,} rows of {plain(data.folder)}, as {consumed.distinct:,} samples, "
                f"{consumed.rows:,} times in all, in {consumed.steps:,} steps"
            ],
        ),
        ("pictures", [_pictures(data.pictures, data.kinds)]),
        ("licences", [_licence(one) for one in told.licences] or ["none"]),
        ("hosts", counted(data.hosts)),
        ("written by", counted(data.authors)),
        ("drawn by", counted({_seeded(name): count for name, count in data.generators.items()})),
        ("left out", [f"{sum(told.dropped.values()):,} rows; the reasons stand in the tree"] if told.dropped else []),
        ("started from", [base_of(told)]),
        ("parent", [parent_of(told)] if lineage.parent else []),
        ("ran on", [environment_of(told)]),
        ("made at", [_run(run)] if run else []),
        ("on test rows", metric_lines(told.metrics)),
    ]
    for name, values in facts:
        yield from _fact(name, values if name in BY_LINE else [", ".join(values)], width)


def _fact(name: str, values: Iterable[str], width: int) -> Iterator[str]:
    for value in values:
        if value:
            first = f"  {name:<{LABEL}}"
            yield from _wrapped(value, width, first, " " * len(first))
            name = ""


def _wrapped(text: str, width: int, first: str, below: str) -> Iterator[str]:
    lines = textwrap.wrap(text, width, initial_indent=first, subsequent_indent=below, break_on_hyphens=False)
    yield from (line.replace(GLUE, " ") for line in lines)


def _tree(node: Node, told: Told, width: int, lead: str = "", last: bool = True) -> Iterator[str]:
    """A node, its facts below it, and its inputs."""
    is_root = node is told.tree
    below = lead + ("" if is_root else "   " if last else "│  ")
    bar = below + ("│    " if node.inputs else "     ")
    yield from _wrapped(_title(node), width, f"{lead}{'' if is_root else '└─ ' if last else '├─ '}", bar)
    for fact in [*_facts(node), *_trained_on(node, told)]:
        yield from _wrapped(fact, width, bar, f"{bar}  ")
    for number, child in enumerate(node.inputs, start=1):
        yield from _tree(child, told, width, below, last=number == len(node.inputs))


def _title(node: Node) -> str:
    stage = f"  <- {plain(node.stage)}" if node.stage else ""
    digest = f"  {node.digest[:DIGITS]}" if node.digest else ""
    more = "  (see above)" if node.again else f"  {size_of(node)}{digest}"
    return f"{plain(node.path)}{stage}{more}"


def _facts(node: Node) -> Iterator[str]:
    if node.rows is not None:
        dropped = sum(node.rows.dropped.values())
        less = f", {dropped:,} left out" if dropped else ", none left out"
        yield f"{node.rows.rows_in:,} rows in, {node.rows.rows_out:,} out{less}"
        for reason, count in most_first(node.rows.dropped):
            yield f"  {count:>6,}  {plain(reason)}"
    if node.seeds:
        yield ", ".join(f"{plain(name)} = {plain(str(seed))}" for name, seed in sorted(node.seeds.items()))


def _trained_on(node: Node, told: Told) -> Iterator[str]:
    """At the folder whose rows were trained on: of how many kinds these are."""
    data = told.lineage.data
    if node.path == data.folder and not node.again:
        kinds = [("licence", data.licences), ("host", data.hosts), ("author", data.authors)]
        kinds += [("generator", data.generators)]
        found = [f"{len(counts):,} {name}{'' if len(counts) == 1 else 's'}" for name, counts in kinds if counts]
        yield f"{sum(data.kinds.values()):,} of its rows were trained on: {', '.join(found)}"


def seal_said(told: Told) -> str:
    """What can be said of the seal without reading all that it covers."""
    if not told.whole:
        return "DOES NOT FIT this document: one of them was changed"
    if not told.in_weights:
        return "fits this document, but is NOT THE ONE IN THE WEIGHTS"
    return "fits this document and stands in the weights; `plumbline lineage verify` checks the rest"


def metric_lines(metrics: Sequence[Figure]) -> list[str]:
    """One line each, and how many more there are."""
    lines = [_metric(one) for one in metrics[:SHOWN_METRICS]]
    return lines + ([f"and {len(metrics) - SHOWN_METRICS} more: --json"] if len(metrics) > SHOWN_METRICS else [])


def counted(counts: Mapping[str, int], most: int = SHOWN) -> list[str]:
    """ "name count" of the largest, and how many more there are."""
    ordered = most_first(counts)
    told = [f"{plain(name) or 'not named'} ({count:,})".replace(" ", GLUE) for name, count in ordered[:most]]
    if len(ordered) > most:
        told.append(f"and {len(ordered) - most:,} more ({sum(count for _, count in ordered[most:]):,})")
    return told


def size_of(node: Node) -> str:
    """ "3 files, 1.2 MB"."""
    amount, unit = float(node.bytes), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    size = f"{amount:.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"
    return size if node.files == 1 else f"{node.files:,} files, {size}"


def environment_of(told: Told) -> str:
    """Python, platform, device, threads and the packages that decide about numbers."""
    found = told.lineage.environment
    if found is None:
        return "not noted"
    device = found.device.kind if found.device.name is None else f"{found.device.kind} ({found.device.name})"
    names = [name for name in ("torch", "transformers", "peft", "bitsandbytes") if name in found.packages]
    packages = [f"{name} {found.packages[name]}" for name in names]
    packages += [f"and {len(found.packages) - len(names)} more packages"] if len(found.packages) > len(names) else []
    return plain(
        ", ".join([found.platform, device, f"{found.threads} threads", f"Python {found.python}", *packages]), 500
    )


def _pictures(pictures: str, kinds: Mapping[str, int]) -> str:
    return "none" if pictures == "none" else f"{pictures} (rows by kind of source: {', '.join(counted(kinds))})"


def base_of(told: Told) -> str:
    base = told.lineage.base
    pinned = f"revision {base.revision}" if base.revision else f"version {base.version}" if base.version else ""
    parts = [f"{name} {one.id} at {one.revision}" for name, one in sorted(base.parts.items()) if one.revision]
    return plain(", ".join(part for part in (base.id, pinned, *parts) if part))


def parent_of(told: Told) -> str:
    parent = told.lineage.parent
    return "" if parent is None else plain(f"{parent.recipe} ({parent.path}), digest {parent.digest}")


def _run(run: Mapping[str, Any]) -> str:
    """The commit and times of a run record; these are this machine's word, and no part of the seal."""
    changed = " with changes that are not committed" if run.get("dirty") else ""
    return plain(f"commit {run.get('commit')}{changed}, {run.get('started')} to {run.get('finished')} (not sealed)")


def _metric(one: Figure) -> str:
    before = "" if one.before is None else f"   base alone {rounded(one.before)}"
    return f"{plain(one.name)} {rounded(one.after)} [{rounded(one.low)}, {rounded(one.high)}]{before}"


def rounded(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:,.2f}"


def _licence(one: Licence) -> str:
    asks = f": {one.asks}" if one.asks else ""
    return f"{plain(one.name)} ({one.rows:,}){asks}"


def _seeded(generator: str) -> str:
    """ "name seed 7" of the seal's "name 7"."""
    name, _, seed = generator.rpartition(" ")
    return f"{name} seed {seed}" if name else generator
