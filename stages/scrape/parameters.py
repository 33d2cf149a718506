"""Parameters of `scrape`: one row a collection of pictures. What to search for stands in data/queries."""

from typing import Literal, Self

from pydantic import Field, model_validator

from stages.params import Params

KEY = "SERPAPI_API_KEY"  # of the real service: read from the environment, written nowhere


class Catalogue(Params):
    """What the local search service serves: drawn creatures, and how many of its pictures are faulty."""

    seed: int = 1
    species: int = Field(default=160, ge=2, le=400)
    views: int = Field(default=8, ge=1, le=64)  # pictures of one species, before faults
    faults: float = Field(default=0.2, ge=0, lt=1)  # share of all listed pictures that have a planted fault
    image_size: int = Field(default=256, ge=64, le=1024)


class Download(Params):
    """How pictures are fetched. Time limits are generous: a slow machine must not change what comes back."""

    concurrency: int = Field(default=64, ge=1, le=1024)  # requests at once, over all hosts
    per_host: int = Field(default=4, ge=1, le=64)  # requests at once to one host
    attempts: int = Field(default=3, ge=1, le=10)  # where another one can help: timeouts, 429, 5xx, a broken connection
    most_bytes: int = Field(default=20_000_000, ge=1_000)  # of one decoded body
    deadline: float = Field(default=60, gt=0)  # seconds for one attempt, redirects included
    slowest: int = Field(default=1_000, ge=0)  # bytes a second, over any 5 seconds, once the first 5 have passed
    most_redirects: int = Field(default=5, ge=0, le=20)
    contact: str = ""  # an address or a page, sent along with the user agent: politeness to whoever runs a host


class Scrape(Params):
    """`queries` names a file in data/queries; `endpoint: local` starts the service that draws its pictures itself."""

    queries: str = Field(min_length=1)
    endpoint: Literal["local", "serpapi"]
    catalogue: Catalogue | None = None
    download: Download = Download()

    @model_validator(mode="after")
    def _catalogue(self) -> Self:
        if (self.endpoint == "local") != (self.catalogue is not None):
            raise ValueError("`catalogue` belongs to `endpoint: local`: give it there, and only there")
        return self
