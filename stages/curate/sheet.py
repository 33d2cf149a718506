"""The contact sheet: what was kept, merged and dropped, on one page that needs no network, no script, no other file."""

import base64
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from stages.blocklist import BLOCKLISTED
from stages.curate.decide import Copy, Evidence, Ruling
from stages.curate.decisions import COLUMNS
from stages.curate.decode import Facts, Job, Quarantine, reencode
from stages.curate.filters import BLANK, BLURRED, TOO_LONG_AND_THIN, TOO_SMALL
from stages.curate.parameters import Curate
from stages.record import Record

TEMPLATE = Path(__file__).with_name("sheet.html")
THUMBNAIL = 128  # pixels, the longest side
QUALITY = 72  # of the JPEG
ENTITIES, OF_ENTITY = 48, 4  # shown at most, and pictures of each
GROUPS, OF_GROUP = 60, 6
OF_REASON = 12
LONGEST_TITLE = 90  # characters
CAN_BE_KEPT = (TOO_SMALL, TOO_LONG_AND_THIN, BLANK, BLURRED)  # in spite of it, if a person says so
DIGITS = 16  # of a digest, in the lines to paste

T = TypeVar("T")


@dataclass(frozen=True)
class Card:
    """A raw row with its picture; `lines` say what a person could decide, and how to write that down."""

    record: Record
    facts: list[str]
    lines: list[tuple[str, str]] = field(default_factory=list)
    role: str = ""  # in its group of copies: kept, merged, contradictory, left out

    @property
    def title(self) -> str:
        return shown(str(self.record.source.drawn.get("title") or self.record.source.file))


@dataclass(frozen=True)
class Block:
    """Some cards under one heading, out of `total`."""

    heading: str
    note: str
    cards: list[Card]
    total: int


def write_sheet(
    params: Curate, raw: Path, evidence: Evidence, ruling: Ruling, written: Sequence[Record], path: Path
) -> None:
    """Write the page; which pictures stand on it follows from hashes, not from a hand that picks the best."""
    raw_rows = {record.id: record for record in evidence.records}
    kept = _kept(written, raw_rows)
    groups = _groups(ruling.copies, raw_rows, evidence)
    dropped = _dropped(ruling, raw_rows, evidence)
    cards = [card for blocks in (kept, groups, dropped) for block in blocks for card in block.cards]
    page = _render(
        name=params.dataset,
        source=params.source,
        columns=",".join(COLUMNS),
        rows_in=len(evidence.records),
        kept=kept,
        groups=groups,
        dropped=dropped,
        counts=_counts(ruling, written),
        written=len(written),
        merged=sum(copy.role == "merged" for copy in ruling.copies),
        all_groups=len({copy.group for copy in ruling.copies}),
        all_entities=len({record.entity for record in written}),
        not_applied=ruling.not_applied,
        applied=ruling.applied,
        parameters=_flat(params.model_dump(mode="json")),
        thumbnails=_thumbnails(params, raw, evidence, cards),
        size=THUMBNAIL,
        shown=shown,
    )
    path.write_text(page, encoding="utf-8")


def _render(**facts: Any) -> str:
    """The page; autoescape turns titles, labels and addresses, which strangers wrote, into plain text."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(facts)


def shown(text: str) -> str:
    """A stranger's text, cut to a line; what is half a character (a lone surrogate) could not be written."""
    line = " ".join(text.split()).encode("utf-8", "replace").decode("utf-8")
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"


def _by_hash(items: Iterable[T], name: Any) -> list[T]:
    return sorted(items, key=lambda item: hashlib.sha256(name(item).encode("utf-8", "replace")).digest())


def _line(record: Record, decision: str, other: Record | None = None) -> str:
    return f"{record.origin[:DIGITS]},{decision},{other.origin[:DIGITS] if other else ''},,"


def _kept(written: Sequence[Record], raw_rows: dict[str, Record]) -> list[Block]:
    by_entity: dict[str, list[Record]] = defaultdict(list)
    for record in written:
        by_entity[record.entity].append(record)
    blocks = []
    for entity in sorted(_by_hash(by_entity, str)[:ENTITIES]):
        rows = by_entity[entity]
        cards = [
            Card(raw_rows[row.id], [_size(row), _licence(row)], [("leave out", _line(row, "drop"))])
            for row in _by_hash(rows, lambda row: row.id)[:OF_ENTITY]
        ]
        labels = sorted({row.label for row in rows})
        note = rows[0].split if labels == [entity] else f"{rows[0].split}, {', '.join(labels[:3])}"
        blocks.append(Block(entity, note, cards, len(rows)))
    return blocks


def _groups(copies: Sequence[Copy], raw_rows: dict[str, Record], evidence: Evidence) -> list[Block]:
    """Groups of copies, first those that a person should look at: contradictions, then the least alike."""
    by_group: dict[str, list[Copy]] = defaultdict(list)
    for copy in copies:
        by_group[copy.group].append(copy)
    blocks = []
    for name in sorted(by_group, key=lambda name: (*_doubt(by_group[name]), name))[:GROUPS]:
        rows = sorted(by_group[name], key=lambda copy: (copy.role != "kept", copy.bits or 0, copy.record.id))
        distinct = {(copy.record.origin, copy.role): copy for copy in reversed(rows)}  # copies of the same bytes once
        cards = [
            _copy_card(copy, rows[0].record, raw_rows, evidence) for copy in list(distinct.values())[::-1][:OF_GROUP]
        ]
        roles = {copy.role for copy in rows}
        note = "labels contradict" if "contradictory" in roles else "merged" if "merged" in roles else "kept apart"
        blocks.append(Block(name, f"{note}, {len(rows)} rows", cards, len(distinct)))
    return blocks


def _doubt(copies: Sequence[Copy]) -> tuple[bool, int]:
    return not any(copy.role == "contradictory" for copy in copies), -max(copy.bits or 0 for copy in copies)


def _copy_card(copy: Copy, first: Record, raw_rows: dict[str, Record], evidence: Evidence) -> Card:
    record, of = copy.record, raw_rows.get(copy.of)
    another = of is not None and of.origin != record.origin
    differs = copy.bits is not None and another
    facts = [f"{copy.reason}, {copy.bits} bits differ" if differs else copy.reason, _looks(record, evidence)]
    lines = []
    if of is not None and another:
        lines = [("keep both", _line(of, "different", record)), ("keep this one", _line(record, "keep"))]
    elif copy.role == "contradictory":
        lines = [("its label is right", _line(record, "keep")), ("leave out", _line(record, "drop"))]
        if record.origin != first.origin:
            lines.append(("no copy of the first", _line(first, "different", record)))
    return Card(record, [*facts, shown(record.label), _licence(record)], lines, copy.role)


def _dropped(ruling: Ruling, raw_rows: dict[str, Record], evidence: Evidence) -> list[Block]:
    """What was dropped for a reason of its own; copies stand in their groups, what was taken down isn't shown."""
    by_reason: dict[str, list[tuple[Record, str]]] = defaultdict(list)
    grouped = {copy.record.id for copy in ruling.copies if copy.role in ("merged", "contradictory")}
    for drop in ruling.drops:
        if drop.id not in grouped:
            by_reason[drop.reason].append((raw_rows[drop.id], drop.detail))
    blocks = []
    for reason, rows in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0])):
        cards = []
        shown_rows = [] if reason == BLOCKLISTED else _by_hash(rows, lambda row: row[0].id)[:OF_REASON]
        for record, detail in shown_rows:
            line = [("keep anyway", _line(record, "keep"))] if reason in CAN_BE_KEPT else []
            cards.append(Card(record, [shown(detail), _looks(record, evidence), shown(record.entity)], line))
        blocks.append(Block(reason, "", cards, len(rows)))
    return blocks


def _looks(record: Record, evidence: Evidence) -> str:
    facts = evidence.facts.get(record.image.sha256)
    if isinstance(facts, Facts):
        return f"{facts.width} x {facts.height} {facts.format}, {facts.bytes / 1000:.1f} kB"
    return "" if isinstance(facts, Quarantine) else _size(record)


def _size(record: Record) -> str:
    return f"{record.image.width} x {record.image.height}"


def _licence(record: Record) -> str:
    return record.source.licence or "no licence"


def _counts(ruling: Ruling, written: Sequence[Record]) -> dict[str, list[tuple[str, int]]]:
    """(name, count) of rows by split, licence and reason, and of entities by split; the most frequent first."""
    counted = {
        "splits": Counter(record.split for record in written),
        "entities": Counter(split for split, _ in {(record.split, record.entity) for record in written}),
        "licences": Counter(_licence(record) for record in written),
        "reasons": Counter(drop.reason for drop in ruling.drops),
    }
    return {kind: sorted(counts.items(), key=lambda item: (-item[1], item[0])) for kind, counts in counted.items()}


def _flat(values: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in values.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{before}{key}.")
        else:
            rows.append((before + key, "none" if value is None else str(value)))
    return rows


def _thumbnails(params: Curate, raw: Path, evidence: Evidence, cards: Sequence[Card]) -> dict[str, str]:
    """Data URI by `Image.sha256`; a picture that cannot be had has none. Made in the sandbox, as all pixels are."""
    from PIL import Image

    images = {card.record.image.sha256: card.record.image for card in cards}
    readable = [image for digest, image in sorted(images.items()) if not _refused(evidence, digest)]
    jobs = [Job(image.sha256, raw, image.shard, image.member, image.sha256) for image in readable]
    found = {}
    for digest, result in reencode(jobs, params.pictures.limits, THUMBNAIL) if jobs else ():
        if not isinstance(result, Quarantine):
            stream = io.BytesIO()
            Image.open(io.BytesIO(result.png)).save(stream, "JPEG", quality=QUALITY)
            found[digest] = f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
    return found


def _refused(evidence: Evidence, digest: str) -> bool:
    return isinstance(evidence.facts.get(digest), Quarantine)
