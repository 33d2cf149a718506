"""The answer as a person reads it, and as another program does."""

from typing import Any

from stages.lineage.reading import plain
from stages.lineage.used.query import Answer, Use
from stages.lineage.used.takedown import BLOCKLIST, Takedown

MOST_STEPS = 8  # of one row that are written out
KEPT = "what was collected stays in data/scrape or data/ingest, in DVC's cache and in remotes, as do old adapters"


def text_of(answer: Answer, takedown: Takedown) -> str:
    """The whole answer, a line break at its end."""
    asked = answer.question
    said = f" ({plain(asked.said)})" if asked.said and asked.said != asked.value else ""
    lines = [f"{asked.kind} {plain(asked.value)}{said}", ""]
    lines += _part("adapters of this tree", answer.of(current=True))
    lines += _part("adapters of git's history", answer.of(current=False))
    lines += [f"not read: {plain(flaw)}" for flaw in answer.flaws]
    return "\n".join([*lines, *_way_out(takedown)]) + "\n"


def _part(title: str, uses: list[Use]) -> list[str]:
    """Adapters that used it one by one, the others in a line each for what is known of them."""
    lines = [title]
    for use in uses:
        if use.used:
            lines += [f"  {plain(use.seal.known.recipe)} {use.seal.known.digest[:12]}{_when(use)}: {_how_much(use)}"]
            lines += [f"    {line}" for line in _rows(use)]
    lines += _others("no", "did not use it", uses) + _others("unknown", "can't be told", uses)
    return [*lines, *([] if len(lines) > 1 else ["  none"]), ""]


def _others(how: str, title: str, uses: list[Use]) -> list[str]:
    """Adapters that didn't use it, or of which nobody knows; together where the reason is the same."""
    by_reason: dict[str, list[str]] = {}
    for use in uses:
        if use.how == how:
            name = f"{plain(use.seal.known.recipe)} {use.seal.known.digest[:12]}"
            by_reason.setdefault(plain(use.why), []).append(name)
    return [f"  {title}: {', '.join(names)}{f' ({why})' if why else ''}" for why, names in by_reason.items()]


def _when(use: Use) -> str:
    if not use.seal.commit or use.seal.current:
        return ""
    return f", sealed {use.seal.date} in {use.seal.commit[:12]}"


def _how_much(use: Use) -> str:
    known = use.seal.known
    if use.how == "parent":
        return f"through its parent {plain(known.parent_recipe)} {known.parent[:12]}"
    if use.how == "counts":
        return (
            f"{_count(use.rows, 'row')} of its data, by its seal; which ones and when can't be told: {plain(use.why)}"
        )
    told = f"{_count(use.rows, 'row')}, {_count(use.uses, 'time')}, in {use.steps} of {known.steps} steps"
    return f"{told} ({use.first} to {use.last})" if use.steps > 1 else f"{told} ({use.first})"


def _rows(use: Use) -> list[str]:
    lines = []
    for row in use.shown:
        steps = ", ".join(map(str, row.steps[:MOST_STEPS])) + (", ..." if len(row.steps) > MOST_STEPS else "")
        near = f", a copy: {row.bits} bits differ" if row.bits else ""
        lines.append(f"{plain(row.id)}{near}: {'step' if len(row.steps) == 1 else 'steps'} {steps}")
    if use.how == "rows" and use.rows > len(use.shown):
        lines.append(f"and {use.rows - len(use.shown)} more rows: --rows 0 tells all")
    if use.how == "rows" and use.why:
        lines.append(f"copies can't be told: {plain(use.why)}")
    if use.seal.known.context_examples:
        lines.append("rows that stood before others as examples are not counted")
    return lines


def _way_out(takedown: Takedown) -> list[str]:
    lines = []
    if takedown.recipes or takedown.lines:
        without = "to rebuild without it" if takedown.recipes else f"to keep it out from now on ({BLOCKLIST})"
        lines = [f"{without}:", *(f"  {command}" for command in takedown.commands)]
    lines += [f"{BLOCKLIST} has it already: {line}" for line in takedown.blocked]
    if takedown.doubtful:
        lines.append(f"bring the data of {', '.join(map(plain, takedown.doubtful))} (`dvc pull`) and ask again")
    if takedown.gone:
        lines.append(
            f"no row of params.yaml any more, delete or rebuild by hand: {', '.join(map(plain, takedown.gone))}"
        )
    if takedown.recipes:
        lines.append(f"({KEPT})")
    return lines


def _count(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"


def document_of(answer: Answer, takedown: Takedown) -> dict[str, Any]:
    """The answer as JSON values."""
    asked = answer.question
    return {
        "kind": asked.kind,
        "value": asked.value,
        "adapters": [_document(use) for use in answer.uses],
        "not_read": list(answer.flaws),
        "takedown": {
            "blocklist": str(BLOCKLIST),
            "lines": list(takedown.lines),
            "blocked": list(takedown.blocked),
            "recipes": list(takedown.recipes),
            "doubtful": list(takedown.doubtful),
            "gone": list(takedown.gone),
            "commands": list(takedown.commands),
        },
    }


def _document(use: Use) -> dict[str, Any]:
    known = use.seal.known
    return {
        "recipe": known.recipe,
        "digest": known.digest,
        "seal": known.seal,
        "current": use.seal.current,
        "commit": use.seal.commit or None,
        "date": use.seal.date or None,
        "used": {"rows": True, "counts": True, "parent": True, "no": False, "unknown": None}[use.how],
        "known_by": use.how,
        "rows": use.rows,
        "uses": use.uses,
        "steps": use.steps,
        "first_step": use.first if use.steps else None,
        "last_step": use.last if use.steps else None,
        "shown": [{"id": row.id, "steps": list(row.steps), "bits": row.bits} for row in use.shown],
        "why": use.why or None,
    }
