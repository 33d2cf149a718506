"""How the service behaves towards whoever searches: key, quota, page size, and failures to order."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from stages.params import Params

Failure = Literal["400", "401", "429", "500", "503", "list", "html", "redirect", "reset", "processing", "error", "echo"]


class Conduct(Params):
    """`script`: what happens to the next searches, one each, before all goes well."""

    key: str = "local"
    quota: int = Field(default=1_000_000, ge=0)  # searches left
    hourly: int = Field(default=1_000_000, ge=0)  # searches in this hour before 429
    page: int = Field(default=8, ge=1, le=100)  # results a page; small, so that paging is used
    script: tuple[Failure, ...] = ()
    drip_seconds: float = Field(
        default=3_600, gt=0
    )  # how long a slow drip goes on: for good, as far as a client can tell
    bodies: Path | None = None  # a folder that keeps what was drawn, for the next start
