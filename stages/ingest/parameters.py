"""Parameters of `ingest`: one row a folder."""

import re
from typing import Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from stages.params import Params

Format = Literal["table", "class_folders", "flickr30k", "coco", "llava", "hugging_face"]
FORMATS: tuple[Format, ...] = get_args(Format)
OF_FORMATS: dict[str, tuple[Format, ...]] = {  # keys that mean something in these formats only
    "table": ("table", "flickr30k", "coco"),
    "conversations": ("flickr30k", "coco", "llava"),
    "label_column": ("table", "hugging_face"),
    "text_column": ("table", "hugging_face"),
    "entity_column": ("table", "hugging_face"),
    "image_column": ("hugging_face",),
    "split": ("hugging_face",),
    "hub_id": ("hugging_face",),
    "revision": ("hugging_face",),
    "configuration": ("hugging_face",),
}


class Ingest(Params):
    """Which folder, how it is laid out, which columns, and whose pictures they are.

    `folder` is a path that dvc.yaml uses; with a `hub_id` any folder that exists will do, nothing is read from it.
    """

    folder: str = Field(min_length=1)
    format: Format = "table"
    table: str | None = Field(default=None, min_length=1)  # relative to `folder`; None: found by its name
    conversations: str | None = Field(default=None, min_length=1)  # LLaVA's JSON, relative to `folder`
    label_column: str = "label"  # "" = the rows have no label, only texts
    text_column: str | None = Field(default=None, min_length=1)  # of one text or a list; None = the label
    entity_column: str | None = Field(default=None, min_length=1)
    image_column: str = Field(default="image", min_length=1)
    split: str | None = Field(default=None, min_length=1)  # None = all that there are
    hub_id: str | None = Field(default=None, pattern=r"^[\w.-]+(/[\w.-]+)?$")  # owner/name
    revision: str | None = None  # a commit's 40 hex digits: a branch or a tag can move
    configuration: str | None = Field(default=None, min_length=1)
    licence: str = "unknown"
    author: str = "unknown"

    @field_validator("revision")
    @classmethod
    def _pinned(cls, revision: str | None) -> str | None:
        if revision is not None and not re.fullmatch(r"[0-9a-f]{40}", revision):
            raise ValueError("give the commit's 40 hex digits: a branch or a tag can move")
        return revision

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for key, formats in OF_FORMATS.items():
            if self.format not in formats and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"`{key}` has no effect with `format: {self.format}`, only with {', '.join(formats)}")
        if not self.label_column and self.text_column is None:
            raise ValueError("`label_column` is empty, so `text_column` must name the texts: rows need one of them")
        if (self.hub_id is None) != (self.revision is None):
            raise ValueError("`hub_id` and `revision` belong together: a data set that can change is none")
        return self

    @property
    def has_labels(self) -> bool:
        """Whether rows have a label to tell apart; captions and conversations alone have none."""
        return self.format == "class_folders" or (self.format in ("table", "hugging_face") and bool(self.label_column))

    @property
    def has_conversations(self) -> bool:
        """Whether rows may have conversations in `Source.parameters`."""
        return self.format == "llava" or self.conversations is not None
