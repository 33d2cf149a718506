"""Parameters of `describe`: one row a set of descriptions."""

import re
from typing import Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from stages.describe.text import has_control_token
from stages.params import Params

Format = Literal["table", "named_lines", "pokeapi", "hugging_face"]
FORMATS: tuple[Format, ...] = get_args(Format)
TEXT_COLUMN = "en_text"  # PokePicker's column of "Name: description"
OF_FORMATS: dict[str, tuple[Format, ...]] = {  # keys that mean something in these formats only
    "table": ("table", "named_lines"),
    "name_column": ("table", "hugging_face"),
    "description_column": ("table", "hugging_face"),
    "text_column": ("named_lines", "hugging_face"),
    "language_column": ("table", "named_lines", "hugging_face"),
    "line_column": ("table", "named_lines", "hugging_face"),
    "stage_column": ("table", "named_lines", "hugging_face"),
    "split": ("hugging_face",),
    "hub_id": ("hugging_face",),
    "revision": ("hugging_face",),
    "configuration": ("hugging_face",),
}


class Describe(Params):
    """Which folder, how it is laid out, which columns, what stands for the name, and how much is held out.

    `folder` is a path that dvc.yaml uses; with a `hub_id` any folder that exists will do, nothing is read from it.
    """

    folder: str = Field(min_length=1)
    format: Format = "table"
    table: str | None = Field(default=None, min_length=1)  # a file in `folder`; None: the only table in there
    name_column: str = Field(default="name", min_length=1)
    description_column: str = Field(default="description", min_length=1)
    text_column: str | None = Field(default=None, min_length=1)  # of "Name: description", instead of two columns
    language_column: str | None = Field(default=None, min_length=1)  # None: the one of `languages`, or unknown
    line_column: str | None = Field(default=None, min_length=1)  # relatives: on one side of the split together
    stage_column: str | None = Field(default=None, min_length=1)
    split: str | None = Field(default=None, min_length=1)  # of the hub's data set; None = all that there are
    hub_id: str | None = Field(default=None, pattern=r"^[\w.-]+(/[\w.-]+)?$")  # owner/name
    revision: str | None = None  # a commit's 40 hex digits: a branch or a tag can move
    configuration: str | None = Field(default=None, min_length=1)
    languages: tuple[str, ...] | None = Field(default=None, min_length=1)  # None = all
    mask: str = Field(default="it", min_length=1, max_length=40)
    test_share: float = Field(default=0.2, ge=0, lt=1)  # of the lines
    shortest: int = Field(default=10, ge=1)  # characters of a masked description
    longest: int = Field(default=2000, ge=1)
    licence: str = "unknown"
    author: str = "unknown"

    @field_validator("revision")
    @classmethod
    def _pinned(cls, revision: str | None) -> str | None:
        if revision is not None and not re.fullmatch(r"[0-9a-f]{40}", revision):
            raise ValueError("give the commit's 40 hex digits: a branch or a tag can move")
        return revision

    @field_validator("mask")
    @classmethod
    def _a_word(cls, mask: str) -> str:
        if mask != " ".join(mask.split()) or not mask.isprintable() or has_control_token(mask):
            raise ValueError("give a word without space around it, which is no token of a chat template")
        return mask

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for key, formats in OF_FORMATS.items():
            if self.format not in formats and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"`{key}` has no effect with `format: {self.format}`, only with {', '.join(formats)}")
        if (self.hub_id is None) != (self.revision is None):
            raise ValueError("`hub_id` and `revision` belong together: a data set that can change is none")
        if self.longest < self.shortest:
            raise ValueError(f"`longest` = {self.longest} is less than `shortest` = {self.shortest}")
        if self.format != "pokeapi" and self.language_column is None and len(self.languages or ()) > 1:
            raise ValueError("`languages` names several, so `language_column` must say which one a row is in")
        return self

    @property
    def named_text(self) -> str | None:
        """The column of "Name: description", None where name and description have a column each."""
        return (self.text_column or TEXT_COLUMN) if self.format == "named_lines" else self.text_column

    @property
    def columns(self) -> dict[str, str]:
        """Key -> column, of those that a table must have."""
        keys = ["language_column", "line_column", "stage_column"]
        if self.named_text is None:
            keys = ["name_column", "description_column", *keys]
        named = {key: str(column) for key in keys if (column := getattr(self, key)) is not None}
        return {"text_column": self.named_text, **named} if self.named_text else named
