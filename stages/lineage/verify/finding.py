"""What verification finds, and what it amounts to."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["differs", "unreached", "note"]
OK, DIFFERS, UNREACHED = 0, 1, 2  # exit codes of `plumbline lineage verify`


@dataclass(frozen=True)
class Finding:
    """One thing that differs from the seal, that could not be looked at, or that is worth a note.

    `expected` and `found` are digests or values; `row` is the first row that the difference is about.
    """

    kind: Kind
    what: str
    file: str = ""
    stage: str = ""
    row: str = ""
    expected: str = ""
    found: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Report:
    """What was read and what was found, in the order from the adapter to the sources."""

    adapter: str
    recipe: str
    files: int
    bytes: int
    rows: int
    pictures: int
    seconds: float
    checked: tuple[str, ...]
    findings: tuple[Finding, ...]
    verdict: int = field(init=False)

    def __post_init__(self) -> None:
        verdict = DIFFERS if self.of("differs") else UNREACHED if self.of("unreached") else OK
        object.__setattr__(self, "verdict", verdict)

    def of(self, kind: Kind) -> list[Finding]:
        return [finding for finding in self.findings if finding.kind == kind]

    def document(self) -> dict[str, Any]:
        """The report as JSON values; `verdict` is the exit code."""
        return asdict(self)
