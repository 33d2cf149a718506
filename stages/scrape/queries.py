"""data/queries/<name>.yaml: what to search for, how, and as of which day."""

import datetime
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import Field, StrictInt, field_validator, model_validator

from stages.params import Params, UserError, check_params

FORMAT = "a mapping with `snapshot` (a date) and `queries` (a list of `- text: ...`)"
Pages = Annotated[StrictInt, Field(ge=1, le=100)]


class Query(Params):
    """One search text. `entity` is what splits must not cross, `label` what a classifier is to say."""

    text: str
    entity: str = ""  # default: the text
    label: str = ""  # default: the entity
    pages: Pages | None = None  # default: the file's

    @field_validator("text", "entity", "label")
    @classmethod
    def _one_line(cls, text: str) -> str:
        if re.search(r"[\x00-\x1f\x7f\ud800-\udfff]", text):
            raise ValueError("one line of text, without control characters")
        return " ".join(text.split())

    @model_validator(mode="after")
    def _defaults(self) -> Self:
        if not self.text:
            raise ValueError("`text` must not be empty")
        entity = self.entity or self.text
        # the model is frozen for everybody else
        object.__setattr__(self, "entity", entity)
        object.__setattr__(self, "label", self.label or entity)
        return self


class Queries(Params):
    """A file's content. A later `snapshot` searches anew, and pays anew; equal ones never do."""

    snapshot: datetime.date
    safe: Literal["active", "off"] = "active"
    licences: Literal["f", "fc", "fm", "fmc", "cl", "ol"] | None = None  # SerpApi's `licenses`: discovery, not proof
    gl: str | None = Field(default=None, pattern=r"^[a-z]{2}$")  # country
    hl: str | None = Field(default=None, pattern=r"^[a-z]{2,3}(-[A-Za-z]{2,4})?$")  # language
    pages: Pages = 1  # of about 100 results; each page is a search that is paid for
    queries: tuple[Query, ...] = Field(min_length=1)

    @field_validator("snapshot", mode="before")
    @classmethod
    def _a_date(cls, value: Any) -> Any:
        if isinstance(value, (int, float)):  # pydantic would take 20261121 for seconds since 1970
            raise ValueError("write the date as YYYY-MM-DD")
        return value

    @field_validator("safe", mode="before")
    @classmethod
    def _off(cls, value: Any) -> Any:
        return "off" if value is False else value  # YAML's reading of a bare off

    @field_validator("gl", "hl", mode="before")
    @classmethod
    def _norway(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("YAML reads a bare no as false: put it in quotes")
        return value

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        seen: set[str] = set()
        for query in self.queries:
            if query.text in seen:
                raise ValueError(f"the query `{query.text}` stands there twice: keep one of them")
            seen.add(query.text)
        return self


def read_queries(path: Path) -> Queries:
    """The file's content; UserError names the file, the key, its value and what is allowed."""
    if not path.is_file():
        raise UserError(f"{path} is missing: write one like data/queries/scizor.yaml, {FORMAT}.")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    except (OSError, MemoryError):
        raise
    except Exception as error:  # beside YAMLError, PyYAML raises nearly anything on odd dates, tags and nesting
        raise UserError(f"{path} is no valid YAML: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise UserError(f"{path} must be {FORMAT}.")
    return check_params(Queries, content, path.stem, path)


class _Loader(yaml.SafeLoader):
    """PyYAML takes the last of two equal keys without a word."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise yaml.constructor.ConstructorError(None, None, f"the key `{key}` stands there twice", node.start_mark)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
