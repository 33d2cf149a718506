"""The way out: the lines that data/blocklist.txt needs, and the commands that rebuild every adapter without them."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.blocklist import line_of, parse_line, read_blocklist
from stages.lineage.used.query import Answer
from stages.params import read_params

BLOCKLIST = Path("data/blocklist.txt")


@dataclass(frozen=True)
class Takedown:
    """`lines` still to be appended; recipes to rebuild, those of which nobody knows, and those that are gone."""

    lines: tuple[str, ...]
    blocked: tuple[str, ...]  # lines that stand there already
    recipes: tuple[str, ...]
    doubtful: tuple[str, ...]
    gone: tuple[str, ...]  # sealed, but no row of params.yaml any more

    @property
    def commands(self) -> tuple[str, ...]:
        """What to run in the project's root."""
        appending = [f"printf '%s\\n' {shlex.quote(line)} >> {BLOCKLIST}" for line in self.lines]
        rebuilding = [" ".join(["dvc repro", *(f"seal@{recipe}" for recipe in self.recipes)])] if self.recipes else []
        return (*appending, *rebuilding)


def takedown_of(answer: Answer, project: Path, why: str = "") -> Takedown:
    """What has to be done to be rid of X in every adapter of the tree."""
    current = answer.of(current=True)
    asked = answer.question
    values = dict.fromkeys(origin for use in current for origin in use.origins) or {asked.value: None}
    there = read_blocklist(project / BLOCKLIST)
    lines = [line_of(asked.kind, value, why) for value in values]
    new = [line for line in lines if parse_line(line, 0, "").name not in there.entries]
    rows = read_params(project / "params.yaml").get("recipes") or {}
    used = dict.fromkeys(use.seal.known.recipe for use in current if use.used)
    unknown = dict.fromkeys(use.seal.known.recipe for use in current if use.how == "unknown")
    return Takedown(
        tuple(new),
        tuple(line for line in lines if line not in new),
        tuple(recipe for recipe in used if recipe in rows),
        tuple(recipe for recipe in unknown if recipe not in used),
        tuple(recipe for recipe in used if recipe not in rows),
    )


def write_lines(lines: Sequence[str], path: Path) -> None:
    """Append to the blocklist, all of it or nothing."""
    from stages.cli.replacing import replacing

    text = path.read_text(encoding="utf-8")
    with replacing(path) as stream:
        stream.write(text + ("\n" if text and not text.endswith("\n") else "") + "".join(f"{line}\n" for line in lines))
