"""The record sets of a Croissant description: the rows of rows.parquet, their splits, and the pictures themselves."""

import re
from typing import Any

from stages.lineage.export.croissant_rows import Rows

TABLE = "rows.parquet"
SPLITS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}


def record_sets(rows: Rows) -> list[dict[str, Any]]:
    """`rows` reads the table alone; `pictures_of_rows` joins it with the unpacked shards."""
    sets = [_splits(rows), _rows(rows)]
    return [*sets, _pictures(rows)] if rows.pictures else sets


def _splits(rows: Rows) -> dict[str, Any]:
    names = [name for name in SPLITS if name in rows.splits]
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": ["sc:URL", "cr:Split"]},
        ],
        "data": [{"splits/name": name, "splits/url": SPLITS[name]} for name in names],
    }


def _rows(rows: Rows) -> dict[str, Any]:
    fields = [
        _field("id", "Names the row from end to end.", "id"),
        _field("text", "Captions or descriptions.", "texts", "text", isArray=True, arrayShape="-1"),
        _field(
            "author",
            "Who wrote each text: a person, a model and its prompt, a generator and its seed.",
            "texts",
            "author",
            isArray=True,
            arrayShape="-1",
            equivalentProperty="prov:wasAttributedTo",
        ),
        _field("label", "The class, where there is one.", "label", dataType=["sc:Text", "cr:Label"]),
        _field("entity", "What splits don't cross.", "entity"),
        _field("split", "", "split", references={"field": {"@id": "splits/name"}}),
        _field("licence", "", "source", "licence", equivalentProperty="sc:license"),
        _field("licence_url", "", "source", "licence_url", dataType="sc:URL"),
        _field("url", "Where the picture came from.", "source", "url", dataType="sc:URL"),
        _field("page", "The page that showed it.", "source", "page", dataType="sc:URL"),
        _field("file", "The imported file.", "source", "file"),
        _field("generator", "What drew the picture.", "source", "generator"),
    ]
    picture = [
        _field("image_sha256", "Digest of the picture's encoded bytes.", "image", "sha256"),
        _field("image_member", "Its name in the shard.", "image", "member"),
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "name": "rows",
        "key": {"@id": "rows/id"},
        "field": [*fields[:1], *picture, *fields[1:]] if rows.pictures else fields,
    }


def _field(name: str, description: str, column: str, path: str | None = None, **more: Any) -> dict[str, Any]:
    source: dict[str, Any] = {"fileObject": {"@id": TABLE}, "extract": {"column": column}}
    if path:
        source["transform"] = {"jsonPath": path}
    about = {"description": description} if description else {}
    return {
        "@type": "cr:Field",
        "@id": f"rows/{name}",
        "name": name,
        "dataType": "sc:Text",
        **about,
        "source": source,
        **more,
    }


def _pictures(rows: Rows) -> dict[str, Any]:
    """One record a picture: a member is named after its row's id, which is what joins the two."""
    endings = "|".join(re.escape(ending) for ending in sorted(rows.pictures))
    row = {"fileObject": {"@id": TABLE}, "extract": {"column": "id"}}
    members = {"@id": "pictures"}
    named = {  # mlcroissant applies this to both sides of the join, so it must fit an id without an ending too
        "fileSet": members,
        "extract": {"fileProperty": "filename"},
        "transform": {"regex": f"^(.+?)(?:{endings})?$"},
    }
    fields = [
        ("id", "sc:Text", named, {"references": row}),
        ("picture", "sc:ImageObject", {"fileSet": members, "extract": {"fileProperty": "content"}}, {}),
        ("label", ["sc:Text", "cr:Label"], {**row, "extract": {"column": "label"}}, {}),
        ("entity", "sc:Text", {**row, "extract": {"column": "entity"}}, {}),
        ("split", "sc:Text", {**row, "extract": {"column": "split"}}, {}),
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "pictures_of_rows",
        "name": "pictures_of_rows",
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"pictures_of_rows/{name}",
                "name": name,
                "dataType": kind,
                "source": source,
                **more,
            }
            for name, kind, source, more in fields
        ],
    }
