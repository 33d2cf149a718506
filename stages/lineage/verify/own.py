"""The adapter's own folder: seal, mark in the weights, mark on the card, tensors, and each other file.

This needs nothing but the folder.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.lineage.form import NAME, Lineage, check_seal, parse_lineage, seal_of, text_of
from stages.lineage.locked import md5_of
from stages.lineage.reading import Opened
from stages.lineage.tensors import digest_of, read_header, weights_of
from stages.lineage.verify.finding import Finding
from stages.lineage.verify.hashing import Hashed
from stages.lineage.verify.settings import Settings, differences, shown
from stages.params import UserError
from stages.seal.card import CARD, render_card

SEALS = Path("reports/seals")
WEIGHTS = ".safetensors"


def own_paths(opened: Opened) -> list[Path]:
    """The files whose bytes are those of models/trained: all but weights, which carry the mark."""
    return [opened.folder / rel for rel in opened.lineage.adapter.files if not rel.endswith(WEIGHTS)]


def check_own(
    opened: Opened, hashed: Hashed, project: Path | None = None, settings: Settings | None = None
) -> Iterator[Finding]:
    """Everything that differs in the folder itself; `project` has the seal's copy in git."""
    stage = f"seal@{opened.lineage.recipe}"
    remedy = f"`dvc checkout --force {opened.folder}`, or `dvc repro --force --single-item {stage}`"

    def differs(rel: str, what: str, expected: str = "", found: str = "") -> Finding:
        return Finding("differs", what, str(opened.folder / rel), stage, "", expected, found, remedy)

    found = [*_document(opened, project, differs), *_weights(opened, differs), *_files(opened, hashed, differs)]
    yield from found
    if not (opened.folder / CARD).is_file():
        yield differs(CARD, "is missing: the card carries the seal")
    else:
        yield from _card(opened, settings, differs, whole=not found)


def _weights(opened: Opened, differs: Any) -> Iterator[Finding]:
    """The mark in the headers, their spelling, and the digest over headers and tensors."""
    lineage = opened.lineage
    names = [path.name for path in opened.folder.glob(f"*{WEIGHTS}")]
    try:
        headers = {path.name: read_header(path) for path in weights_of(opened.folder)}
        digest = digest_of(opened.folder)
    except UserError as error:
        yield differs(", ".join(names) or f"*{WEIGHTS}", str(error))
        return
    for name, header in headers.items():
        if header.seal != lineage.seal:
            yield differs(name, "has another seal in its header", lineage.seal, header.seal or "")
        elif not header.as_sealed:
            yield differs(name, "has a header that is not spelt as the seal stage spells it")
    if digest != lineage.adapter.digest:
        what = "has other tensors or another header than sealed"
        yield differs(", ".join(names), what, lineage.adapter.digest, digest)


def _files(opened: Opened, hashed: Hashed, differs: Any) -> Iterator[Finding]:
    """All files but the weights, which carry the mark; and files that the seal doesn't name."""
    for rel, sealed in sorted(opened.lineage.adapter.files.items()):
        path = opened.folder / rel
        if not path.is_file():
            yield differs(rel, "is missing", sealed.sha256)
        elif not rel.endswith(WEIGHTS) and hashed.digests.get(path) != sealed.sha256:
            yield differs(rel, "is not the sealed file", sealed.sha256, hashed.digests.get(path) or "")
    for path in sorted(opened.folder.rglob("*")):
        rel = path.relative_to(opened.folder).as_posix()
        if path.is_file() and rel not in {*opened.lineage.adapter.files, NAME, CARD, ".gitignore"}:
            yield differs(rel, "lies there, but is not in the seal")


def _document(opened: Opened, project: Path | None, differs: Any) -> Iterator[Finding]:
    """lineage.json: its own seal, its spelling, and its copy in git."""
    lineage, path = opened.lineage, opened.folder / NAME
    copy = None if project is None else project / SEALS / f"{lineage.recipe}.json"
    if not check_seal(lineage):
        where = _where(lineage, copy)
        yield differs(NAME, f"is not what its seal was made of{where}", lineage.seal, _seal(lineage))
    elif path.read_bytes() != text_of(lineage.document()).encode():
        yield differs(NAME, "says what was sealed, but is not spelt as the seal stage spells it")
    elif copy is not None and copy.is_file() and copy.read_bytes() != path.read_bytes():
        yield Finding(
            "differs",
            f"is not the {NAME} of the adapter{_where(lineage, copy)}",
            str(SEALS / copy.name),
            f"seal@{lineage.recipe}",
            remedy=f"`git diff {SEALS / copy.name}`, `git checkout -- {SEALS / copy.name}`",
        )
    if copy is not None and not copy.is_file():
        yield Finding(
            "unreached",
            "isn't here: git holds a copy of each seal",
            str(SEALS / copy.name),
            f"seal@{lineage.recipe}",
            remedy=f"`git checkout -- {SEALS / copy.name}`",
        )


def _seal(lineage: Lineage) -> str:
    try:
        return seal_of(lineage.document())
    except ValueError:
        return ""


def _where(lineage: Lineage, copy: Path | None) -> str:
    """The first key where two copies of a seal differ, as words; "" when there is no second copy to ask."""
    if copy is None or not copy.is_file():
        return ""
    try:
        other = parse_lineage(copy.read_bytes(), str(copy))
    except UserError as error:
        return f" ({error})"
    for key, was, now in differences("", _mapped(other.document()), _mapped(lineage.document())):
        return f": `{key.lstrip('.')}` is {shown(now)}, the copy in {SEALS} has {shown(was)}"
    return ""


def _mapped(value: Any) -> Any:
    """Lists as mappings from their place, so that one changed stage is told by its key."""
    if isinstance(value, list):
        return {str(place): _mapped(inner) for place, inner in enumerate(value)}
    return {key: _mapped(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def _card(opened: Opened, settings: Settings | None, differs: Any, whole: bool) -> Iterator[Finding]:
    """The card is made of the lineage alone, so that every byte of it can be compared.

    Another version of the program may write it in other words. Then the bytes that dvc.lock has of the folder decide,
    as long as all other files of it are the sealed ones (`whole`).
    """
    card = (opened.folder / CARD).read_bytes()
    if opened.lineage.seal.encode() not in card:
        yield differs(CARD, "does not carry the seal", opened.lineage.seal)
        return
    if card == render_card(opened.lineage).encode():
        return
    made = _made(opened, settings)
    if made is None or not whole:
        what = "is not the card that this version writes of the lineage: changed, or of another version"
        remedy = "verify it in its project, with its other files as sealed: dvc.lock tells which"
        yield Finding("unreached", what, str(opened.folder / CARD), remedy=remedy)
    elif made != md5_of(opened.folder):
        yield differs(CARD, "is not the card that the lineage gives, nor does the folder have dvc.lock's digest", made)


def _made(opened: Opened, settings: Settings | None) -> str | None:
    """dvc.lock's digest of the adapter's folder; None where it has none of this folder."""
    node = settings.lock.get(f"seal@{opened.lineage.recipe}") if settings is not None else None
    return next((md5 for path, md5 in node.outs.items() if path == opened.folder.as_posix()), None) if node else None
