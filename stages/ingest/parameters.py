"""Parameters of `ingest`: one row a folder."""

from pydantic import Field

from stages.params import Params


class Ingest(Params):
    """Which folder, which columns, and whose pictures they are. `folder` is a path that dvc.yaml uses."""

    folder: str = Field(min_length=1)
    label_column: str = "label"
    entity_column: str | None = None
    licence: str = "unknown"
    author: str = "unknown"
