"""The form of lineage.json: reproducible facts about one adapter, closed by the digest of themselves.

`seal` writes it; every `plumbline lineage` command reads it. It may come from a stranger, so size, nesting and
paths are checked before anything else sees them.
"""

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from stages.params import Params, UserError

SCHEMA = "plumbline/lineage/1"
NAME = "lineage.json"
HEADER_KEY = "plumbline_seal"  # in __metadata__ of the sealed weights
LARGEST = 64 * 2**20  # bytes of a lineage.json that is read


def _inside(path: str) -> str:
    """A path below the project, or below the home folder (`~/`): never one that leads out of these."""
    parts = PurePosixPath(path).parts
    if not path or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path or str(path) == ".":
        raise ValueError("must be a relative path with `/` between its parts, without `..`")
    return path


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PathInside = Annotated[str, AfterValidator(_inside)]
Count = Annotated[int, Field(ge=0)]


class FileDigest(Params):
    """One file: digest of its bytes, and how many."""

    sha256: Digest
    bytes: Count


Files = dict[PathInside, FileDigest]


class Adapter(Params):
    """`digest` is over tensors and headers (stages/lineage/tensors.py); `files` are those of models/trained."""

    digest: Digest
    files: Files


class Part(Params):
    """One half of a base that is two models."""

    id: str
    revision: str | None


class Base(Params):
    """What was fine-tuned: an embedded base (`version`), or a hub model (`revision`)."""

    key: str
    path: PathInside
    id: str
    revision: str | None
    version: int | None
    parts: dict[str, Part]  # empty, or language and vision
    files: Files


class Parent(Params):
    """The adapter that training went on from."""

    recipe: str
    path: PathInside
    digest: Digest
    files: Files


class Stage(Params):
    """One stage as dvc.lock has it; `code` are the files of its deps below stages/."""

    name: str
    cmd: str
    params: dict[str, Any]
    deps: tuple[PathInside, ...]
    outs: tuple[PathInside, ...]
    code: dict[PathInside, Digest]


class Out(Params):
    """What a stage wrote: DVC's md5, the sha256 of its manifest.json (null without one), and every file."""

    manifest: Digest | None
    md5: str
    files: Files


class Consumed(Params):
    """What training took a loss of; `digest` is over the lines `step<TAB>id` of consumed.parquet."""

    rows: Count
    distinct: Count
    steps: Count
    digest: Digest


class Dropped(Params):
    """What one data stage left out, by reason."""

    folder: PathInside
    rows_in: Count
    rows_out: Count
    dropped: dict[str, Count]


class Data(Params):
    """The rows' own facts. All counts are of distinct rows of `folder` that were trained on."""

    folder: PathInside
    curated: PathInside | None
    consumed: Consumed
    licences: dict[str, Count]
    hosts: dict[str, Count]
    kinds: dict[str, Count]
    authors: dict[str, Count]
    generators: dict[str, Count]
    pictures: Literal["drawn", "collected", "imported", "none"]
    drops: tuple[Dropped, ...]


class Device(Params):
    kind: str
    name: str | None


class Environment(Params):
    """What training ran on, as `train` noted it."""

    python: str
    platform: str
    device: Device
    threads: int
    packages: dict[str, str]


class Lineage(Params):
    """One lineage.json."""

    format: Literal["plumbline/lineage/1"] = Field(alias="schema")
    recipe: str
    objective: str
    task: str
    adapter: Adapter
    seal: Digest
    base: Base
    parent: Parent | None
    stages: tuple[Stage, ...]
    inputs: Files
    outs: dict[PathInside, Out]
    data: Data
    seeds: dict[str, int | tuple[int, ...]]
    environment: Environment | None
    metrics: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """The JSON document, as it is written."""
        return self.model_dump(mode="json", by_alias=True)


def canonical(document: Any) -> bytes:
    """One spelling of a JSON value: sorted keys, no spaces, UTF-8; ValueError for NaN and lone surrogates."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def seal_of(document: dict[str, Any]) -> str:
    """sha256 of the canonical document without its `seal`."""
    return hashlib.sha256(canonical({key: value for key, value in document.items() if key != "seal"})).hexdigest()


def check_seal(lineage: Lineage) -> bool:
    """Whether the document is the one that its seal was made of."""
    try:
        return seal_of(lineage.document()) == lineage.seal
    except ValueError:
        return False


def text_of(document: dict[str, Any]) -> str:
    """lineage.json's text: sorted keys, one space of indent, a line break at the end."""
    return json.dumps(document, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_lineage(path: Path) -> Lineage:
    """The checked lineage.json at `path`; UserError when it is missing, too large, or of another form.

    Whether the seal fits is the caller's question (`check_seal`): a changed document must still be readable,
    so that what changed can be named.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing: run `dvc repro` for the recipe's `seal` stage, or `dvc pull`.")
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path} has {path.stat().st_size} bytes, allowed are {LARGEST}: this is no lineage of ours.")
    return parse_lineage(path.read_bytes(), str(path))


def parse_lineage(content: bytes, where: str) -> Lineage:
    """`content` as a Lineage (nesting is limited by the parser); UserError that names `where` and the first fault."""
    try:
        return Lineage.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{where} is no {SCHEMA} document: {place + ': ' if place else ''}{first['msg'][:300]}; "
            "rebuild it with `dvc repro` for the recipe's `seal` stage, or don't trust it."
        ) from error
