"""What changed between two adapters: data, params, code, environment, base, and the metric with its paired interval.

A and B are each an adapter's folder, a recipe of this tree, or RECIPE@REV (REV:RECIPE) for a git revision, whose
seal in reports/seals says what it was made of.
"""

import argparse
import json
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="A", help="a folder, RECIPE, or RECIPE@REV")
    parser.add_argument("b", metavar="B", help="likewise; changes are told from A to B")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    parser.add_argument(
        "--replay",
        action="store_true",
        help="rebuild A with one factor of B at a time, in a worktree of its own, and tell what each does to the "
        "metric; retrains where the cache has nothing",
    )


def command(given: argparse.Namespace) -> int:
    """0, whatever differs; UserError for what is no adapter."""
    from stages.lineage.diff.compare import compare
    from stages.lineage.diff.sides import open_side
    from stages.lineage.diff.text import text_of

    project = Path.cwd()
    a, b = open_side(given.a, project), open_side(given.b, project)
    difference = compare(a, b)
    document = difference.document()
    if not given.json:
        print(text_of(difference), end="", flush=True)
    if given.replay and not difference.same:
        from flows.replay import replay
        from flows.replay_text import replay_text

        replayed = replay(a, b)
        document["replay"] = replayed.document()
        if not given.json:
            print(f"\n{replay_text(replayed)}", end="")
    if given.json:
        print(json.dumps(document, indent=1, ensure_ascii=False))
    return 0
