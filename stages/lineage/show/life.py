"""A row's life as text, one stage below the other."""

import textwrap
from collections.abc import Iterator

from stages.lineage.reading import plain
from stages.lineage.show.row import Life, Step
from stages.lineage.show.text import WIDTH

LABEL = 18  # columns of a fact's name
LONGEST = 2000  # characters of a fact


def lives_text(lives: list[Life], width: int = WIDTH) -> str:
    """All that a person sees of the rows that were asked for."""
    return "\n".join("\n".join(line.rstrip() for line in _lines(life, width)) for life in lives) + "\n"


def _lines(life: Life, width: int) -> Iterator[str]:
    yield plain(life.id)
    for number, step in enumerate(life.steps, start=1):
        yield from _step(step, width, last=number == len(life.steps))
    for remark in life.remarks:
        yield from textwrap.wrap(f"note: {plain(remark)}", width, subsequent_indent="      ")


def _step(step: Step, width: int, last: bool) -> Iterator[str]:
    yield f"{'└─' if last else '├─'} {plain(step.stage)}: {plain(step.fate)}  ({plain(step.folder)})"
    bar = "     " if last else "│    "
    column = max([LABEL, *(len(plain(name)) for name, _ in step.facts)]) if step.facts else LABEL
    column = min(column, width // 2)
    before = ""
    for name, value in step.facts:
        first = f"{bar}{'' if name == before else plain(name):<{column}}  "
        below = f"{bar}{'':<{column}}  "
        yield from textwrap.wrap(
            plain(value, LONGEST), width, initial_indent=first, subsequent_indent=below, break_on_hyphens=False
        )
        before = name
