"""Parameters and commands: params.yaml and dvc.yaml against dvc.lock, dvc.lock against the seal.

The bytes decide. That dvc.lock has other parameters or other commands than the seal is a note, because the outs are
compared by themselves; that params.yaml asks for something else than dvc.lock made is a difference.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.lineage.form import Lineage, Stage
from stages.lineage.graph import Node, read_lock, read_yaml
from stages.lineage.places import Places
from stages.lineage.verify.finding import Finding
from stages.params import UserError

PARAMS, GRAPH, LOCK = "params.yaml", "dvc.yaml", "dvc.lock"
PLACEHOLDER = re.compile(r"\$\{\s*([^}\s]+)\s*\}")
STAGE = re.compile(r"^  ([\w@.-]+):\n", re.MULTILINE)  # as DVC writes a stage's name
ABSENT = object()
SHOWN = 80  # characters of a value


@dataclass(frozen=True)
class Settings:
    """The three files, read once."""

    params: dict[str, Any]
    stages: dict[str, Any]
    lock: dict[str, Node]


def read_settings(project: Path, names: Iterable[str]) -> Settings | Finding:
    """The three files, dvc.lock as far as it is about the stages of `names`; a finding names one that can't be read."""
    read: list[Any] = []
    for name in (PARAMS, GRAPH, LOCK):
        try:
            read.append(_lock(project / name, set(names)) if name == LOCK else _mapping(project / name))
        except (UserError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
            what = f"can't be read: {error if isinstance(error, UserError) else repr(error)}"
            return Finding("differs", what, file=name, remedy=f"`git checkout -- {name}`")
    params, graph, lock = read
    return Settings(params, graph.get("stages") or {}, lock)


def _lock(path: Path, names: set[str]) -> dict[str, Node]:
    """dvc.lock's stages of `names`. Its other stages are cut out as text first: parsing all takes longer than hashing
    a hundred megabytes. Where the cut can't be trusted, the whole file is read."""
    if not path.is_file():
        return read_lock(path)  # says so
    text = path.read_text(encoding="utf-8")
    head, *parts = STAGE.split(text)
    bodies = dict(zip(parts[::2], parts[1::2], strict=True))
    if len(bodies) < len(parts) // 2 or any(name in text and name not in bodies for name in names):
        return read_lock(path)
    with tempfile.TemporaryDirectory() as scratch:
        cut = Path(scratch) / LOCK
        cut.write_text(head + "".join(f"  {name}:\n{bodies[name]}" for name in bodies if name in names), "utf-8")
        try:
            return read_lock(cut)
        except UserError:  # no YAML by itself, such as an alias of what was cut out
            return read_lock(path)


def _mapping(path: Path) -> dict[str, Any]:
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise UserError(f"{path} must be a mapping, found {type(content).__name__}")
    return content


def check_settings(lineage: Lineage, settings: Settings, where: Places) -> Iterator[Finding]:
    """Every stage of the line, the last one first."""
    for stage in reversed(lineage.stages):
        node = settings.lock.get(stage.name)
        if node is None:
            remedy = f"`git checkout -- {LOCK}`, or `dvc repro {stage.name}`"
            yield Finding("unreached", f"has no stage {stage.name}", file=LOCK, stage=stage.name, remedy=remedy)
            continue
        yield from _asked_and_made(settings, node)
        yield from _made_and_sealed(lineage, stage, node, where)


def _asked_and_made(settings: Settings, node: Node) -> Iterator[Finding]:
    """params.yaml and dvc.yaml against dvc.lock."""
    remedy = f"`git diff {PARAMS} {GRAPH}`; put it back, or `dvc repro {node.name}` and seal again"
    for key, made in node.params.items():
        for place, was, now in differences(key, made, value_at(settings.params, key)):
            what = f"`{place}` is {shown(now)}, {LOCK} has {shown(was)}"
            yield Finding("differs", what, PARAMS, node.name, "", shown(was), shown(now), remedy)
    yield from _command(settings, node, remedy)


def _command(settings: Settings, node: Node, remedy: str) -> Iterator[Finding]:
    """The command that dvc.yaml gives with the values of params.yaml: it has the paths, which params don't."""
    name, _, row = node.name.partition("@")
    entry = settings.stages.get(name)
    if not isinstance(entry, dict):
        yield Finding("differs", f"has no stage {name}", GRAPH, node.name, remedy=remedy)
        return
    rows, body = entry.get("foreach"), entry.get("do", entry)
    if "matrix" in entry or not (rows is None or isinstance(rows, str)) or not isinstance(body.get("cmd"), str):
        return  # forms that dvc.yaml of this project doesn't use
    section = rows.strip().removeprefix("${").removesuffix("}") if rows else ""
    if row and value_at(settings.params, f"{section}.{row}") is ABSENT:
        yield Finding("differs", f"has no `{section}.{row}`", PARAMS, node.name, remedy=remedy)
        return
    template = " ".join(body["cmd"].split())
    values = {name: _value(settings.params, name, section, row) for name in PLACEHOLDER.findall(template)}
    if PLACEHOLDER.sub(lambda match: _spelt(values[match[1]][1]), template) == node.cmd:
        return
    made = _made_with(template, node.cmd)
    told = False
    for name, (key, value) in values.items():
        if made is not None and made[name] != _spelt(value):
            told = True
            what = f"`{key}` is {shown(value)}, {LOCK} has {shown(made[name])} in the command"
            yield Finding("differs", what, PARAMS, node.name, "", made[name], _spelt(value), remedy)
    if not told:
        yield Finding("differs", f"gives another command than {LOCK} has", GRAPH, node.name, remedy=remedy)


def _value(params: dict[str, Any], name: str, section: str, row: str) -> tuple[str, Any]:
    """A placeholder's key in params.yaml, and what stands there."""
    if name == "key":
        return f"{section}.{row}", row
    first, _, rest = name.partition(".")
    key = f"{section}.{row}" + (f".{rest}" if rest else "") if first == "item" else name
    return key, value_at(params, key)


def _spelt(value: Any) -> str:
    """A value as DVC puts it in a command."""
    if value is ABSENT:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _made_with(template: str, cmd: str) -> dict[str, str] | None:
    """What each placeholder was when `cmd` was made; None when the command isn't of this template."""
    pattern, end = "", 0
    groups: dict[str, str] = {}
    for match in PLACEHOLDER.finditer(template):
        pattern += re.escape(template[end : match.start()])
        known = next((group for group, name in groups.items() if name == match[1]), None)
        group = known or f"g{len(groups)}"
        groups[group] = match[1]
        pattern += f"(?P={group})" if known else rf"(?P<{group}>[^ \"]*?)"
        end = match.end()
    found = re.fullmatch(pattern + re.escape(template[end:]), cmd)
    return None if found is None else {name: found[group] for group, name in groups.items()}


def _made_and_sealed(lineage: Lineage, stage: Stage, node: Node, where: Places) -> Iterator[Finding]:
    """dvc.lock against the seal."""
    cmd, params = where.clean(node.cmd), where.clean(node.params)
    if cmd != " ".join(stage.cmd.split()):
        yield Finding("note", f"has another command than the seal: {cmd}", LOCK, stage.name)
    for key in sorted({**stage.params, **params}):
        was, now = stage.params.get(key, ABSENT), params.get(key, ABSENT)
        for place, old, new in differences(key, was, now):
            yield Finding("note", f"`{place}` moved on from {shown(old)} to {shown(new)}", LOCK, stage.name)
    for part, paths in (("writes", node.outs), ("reads", node.deps)):
        for path, md5 in paths.items():
            sealed = lineage.outs.get(where.name(path))
            if sealed is not None and sealed.md5 != md5:
                what = f"says that {stage.name} {part} another {path} than the sealed one"
                remedy = f"`git checkout -- {LOCK}`, or `dvc repro {stage.name}` and seal again"
                yield Finding("differs", what, LOCK, stage.name, "", sealed.md5, md5, remedy)


def value_at(content: Any, key: str) -> Any:
    """The value at a dotted key; ABSENT where there is none."""
    for part in key.split("."):
        if not isinstance(content, dict) or part not in content:
            return ABSENT
        content = content[part]
    return content


def differences(key: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """(key, old, new) for every innermost key that differs; 1 and 1.0 are the same number, 1 and true are not."""
    if isinstance(was, dict) and isinstance(now, dict):
        for inner in sorted({*was, *now}):
            yield from differences(f"{key}.{inner}", was.get(inner, ABSENT), now.get(inner, ABSENT))
    elif was != now or isinstance(was, bool) != isinstance(now, bool):
        yield key, was, now


def shown(value: Any) -> str:
    """A value for a line of text."""
    text = "nothing" if value is ABSENT else repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
