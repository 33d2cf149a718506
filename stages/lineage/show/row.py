"""One sample's whole life: where it comes from, what each stage did with it, when it was trained on, what came out."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.lineage.reading import Opened
from stages.lineage.show.shelf import ROWS, Shelf, csv_rows, holding, table
from stages.lineage.show.sought import Table, ids_of, tables_of

SOURCE = ("url", "page", "licence", "licence_url", "date", "importer", "file", "generator", "seed")
SAYS = ("text", "answer", "name", "description", "questions", "answers")  # columns of tokenized rows
SHOWN_STEPS = 12
LONGEST = 400  # characters of one fact

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Step:
    """What one stage did with the sample, in a few words, and what is known of it then."""

    stage: str
    folder: str
    fate: str
    facts: Facts = ()


@dataclass(frozen=True)
class Life:
    """A row's steps, the first stage first; `remarks`: what could not be told, or isn't as it was sealed."""

    id: str
    steps: tuple[Step, ...]
    remarks: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """For --json."""
        steps = [{**vars(step), "facts": [list(fact) for fact in step.facts]} for step in self.steps]
        return {"id": self.id, "steps": steps, "remarks": list(self.remarks)}


def lives_of(opened: Opened, asked: str, project: Path = Path()) -> list[Life]:
    """The life of each row that `asked` stands for: one, or all copies of a picture. UserError for an unknown one."""
    shelf = Shelf(opened, project)
    return [_life(shelf, row) for row in ids_of(asked, shelf)]


def _life(shelf: Shelf, row: str) -> Life:
    steps: list[Step] = []
    told: set[tuple[str, str]] = set()
    for one in tables_of(shelf):
        steps += _in_table(one, shelf, row, told)
    steps += _tokenized(shelf, row)
    steps += _trained(shelf, row)
    steps += _predicted(shelf, row)
    return Life(row, tuple(steps), tuple(shelf.remarks))


def _in_table(one: Table, shelf: Shelf, row: str, told: set[tuple[str, str]]) -> Iterator[Step]:
    """What a stage did with a record; facts that an earlier stage `told` are not told again."""
    path = shelf.file(one.folder, ROWS)
    for record in table(path, filters=[("id", "==", row)]).to_pylist() if path else []:
        fate = "kept" if tables_before(one, shelf) else "came in"
        fate += f", split {record['split']}" if record["split"] else ""
        facts = [*_source(record), *_picture(record), *_placed(record)]
        facts += [("text", f"{text['text']} - {text['author']}") for text in record["texts"]]
        new = [fact for fact in [*facts, *_beside(one, shelf, row)] if fact not in told]
        told.update(new)
        yield Step(one.stage.name, one.folder, fate, _short(new))
    for drop in csv_rows(shelf.file(one.folder, "drops.csv")):
        if drop["id"] in (row, f"'{row}"):
            facts = [("reason", drop["reason"]), ("detail", drop["detail"]), *_beside(one, shelf, row)]
            yield Step(one.stage.name, one.folder, "left out", _short(facts))


def tables_before(one: Table, shelf: Shelf) -> list[Table]:
    """The tables that the stage of `one` read rows from."""
    return [table for table in tables_of(shelf) if table.folder in one.stage.deps]


def _source(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where a row comes from: whatever its source says, and each of a generator's or a search's parameters."""
    source = record["source"]
    for name in SOURCE:
        if source[name] or (name == "seed" and source["generator"]):
            yield name.replace("_", " "), str(source[name])
    try:
        drawn = json.loads(source["parameters"])
    except ValueError:
        drawn = {"as written": source["parameters"]}
    named = drawn.items() if isinstance(drawn, dict) else [("as written", drawn)]
    yield "parameters", ", ".join(f"{name} = {_cut(_text(value), LONGEST // 4)}" for name, value in named)
    if source["sha256"]:
        yield "sha256 as it came", source["sha256"]


def _picture(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    image = record["image"]
    if image["sha256"]:
        size = f", {image['width']} x {image['height']} pixels" if image["width"] else ""
        yield "picture", f"{image['sha256']} ({image['member']} in {image['shard']}{size})"


def _placed(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((name, record[name]) for name in ("label", "entity") if record[name])


def _beside(one: Table, shelf: Shelf, row: str) -> Iterator[tuple[str, str]]:
    """What stands about a row in the files beside its table: copies, captions left out, dialogues."""
    for group in csv_rows(shelf.file(one.folder, "groups.csv")):
        if group["id"] == row and group["role"] == "kept":
            yield "stands for", f"the copies of group {group['group']}"
        elif group["of"] == row:
            yield "its copy", f"{group['id']}: {group['reason']}"
    for line in csv_rows(shelf.file(one.folder, "left_out.csv")):
        if line["id"] == row:
            yield "text left out", f"{line['text']} - {line['author']}: {line['reason']}"
    dialogues = shelf.file(one.folder, "dialogues.jsonl")
    for line in _json_lines(dialogues, row):
        yield "dialogue", f"{len(line.get('turns', ()))} turns - {line.get('author', '')}"


def _tokenized(shelf: Shelf, row: str) -> Iterator[Step]:
    """The tokenized rows that were made of a record, and those that were left out."""
    for stage in shelf.lineage.stages:
        if not stage.name.startswith("tokenize@"):
            continue
        for out in [out for out in stage.outs if out in shelf.lineage.outs]:
            names: dict[str, str] = {}
            for name in sorted(shelf.lineage.outs[out].files):
                path = shelf.file(out, name) if name.endswith(".parquet") else None
                if path:
                    names |= {made["id"]: _said(made) for made in _made_of(path, row)}
            dropped = [drop for drop in csv_rows(shelf.file(out, "drops.csv")) if is_of(drop["id"], row)]
            facts = [
                *names.items(),
                *((drop["id"], f"left out: {drop['reason']} {drop['detail']}") for drop in dropped),
            ]
            if facts:
                count = f"{len(names)} {'row' if len(names) == 1 else 'rows'} made of it"
                yield Step(stage.name, out, count if names else "left out", _short(facts))


def is_of(name: str, row: str) -> bool:
    """Whether a tokenized or consumed id is a record's: the id itself, or with the number of a text or turn."""
    return name == row or name.startswith((f"{row}/", f"{row}#"))


def _made_of(path: Path, row: str) -> list[dict[str, Any]]:
    columns = ["id", "split", *SAYS]
    import pyarrow.parquet as pq

    there = [name for name in columns if name in pq.read_schema(path).names]
    found = holding(table(path, there), "id", [row], beginning=True).to_pylist()
    return [made for made in found if is_of(made["id"], row)]


def _said(made: dict[str, Any]) -> str:
    texts = [value if isinstance(value, str) else " / ".join(value) for name in SAYS if (value := made.get(name))]
    return " | ".join([f"split {made['split']}", *texts])


def _trained(shelf: Shelf, row: str) -> Iterator[Step]:
    """The steps (from 0) at which a loss was taken of the samples, here and in the parent adapter."""
    parent = shelf.lineage.parent
    own, before = f"train@{shelf.lineage.recipe}", f"train@{parent.recipe}" if parent else ""
    for stage, path in ((before, shelf.parents_consumed()), (own, shelf.consumed())):
        if path is None:
            continue
        steps: dict[str, list[int]] = {}
        for one in holding(table(path, ["step", "id"]), "id", [row], beginning=True).to_pylist():
            if is_of(one["id"], row):
                steps.setdefault(one["id"], []).append(one["step"])
        times = sum(map(len, steps.values()))
        facts = [(name, _steps(steps[name])) for name in sorted(steps)]
        told = f"trained on {times} {'time' if times == 1 else 'times'}" if times else "never trained on"
        yield Step(stage, path.name, told, _short(facts))


def _steps(steps: list[int]) -> str:
    ordered = sorted(steps)
    more = f", and {len(ordered) - SHOWN_STEPS} more up to {ordered[-1]}" if len(ordered) > SHOWN_STEPS else ""
    return f"at step {', '.join(map(str, ordered[:SHOWN_STEPS]))}{more}"


def _predicted(shelf: Shelf, row: str) -> Iterator[Step]:
    """What the model said about a test row."""
    stages = [stage for stage in shelf.lineage.stages if stage.name == f"evaluate@{shelf.lineage.recipe}"]
    for stage in stages:
        for out in [out for out in stage.outs if out.endswith(".jsonl")]:
            path = shelf.project / out
            if not path.is_file():
                shelf.remarks.append(f"{out} is not here: `dvc pull {out}` brings it")
                continue
            for line in _json_lines(path, row):
                facts = [(name, _text(value)) for name, value in line.items() if name != "id"]
                yield Step(stage.name, out, "predicted", _short(facts))


def _json_lines(path: Path | None, row: str) -> Iterator[dict[str, Any]]:
    """The lines of a JSON Lines file whose `id` is the record's, or a sample's of it; only these are parsed."""
    if path is None:
        return
    begins = json.dumps(row)[:-1]
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if begins in line:
                found = json.loads(line)
                if isinstance(found, dict) and is_of(str(found.get("id")), row):
                    yield found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(facts: Iterable[tuple[str, str]]) -> Facts:
    most = {"parameters": 3 * LONGEST}
    return tuple((name, _cut(value, most.get(name, LONGEST))) for name, value in facts if value)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."
