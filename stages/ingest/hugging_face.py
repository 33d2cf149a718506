"""A data set of `datasets`: a folder of its own (`save_to_disk`, Parquet files, imagefolder), or the hub at one commit.

Pictures stay encoded: nothing is decoded on the way, and a path in a table is followed inside the folder only.
"""

import io
import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from stages.ingest.found import Found, Survey, printable, row_id
from stages.ingest.listing import LEAVES, MISSING
from stages.ingest.parameters import Ingest
from stages.params import UserError
from stages.pictures import RefusedPictureError
from stages.record import Drop, Text

REMEDY = "check `image_column`, `label_column`, `text_column` and `split`"
AT_ONCE = 500  # rows that are read together
NO_CLASS = -1  # ClassLabel's number of a row without a label


def read(params: Ingest, source: Path, scratch: Path) -> Survey:
    """Every row of the chosen split, or of all splits; the caches of `datasets` go to `scratch`."""
    datasets = _library()
    splits = _chosen(params, source, _load(datasets, params, source, scratch))
    roots = [os.path.realpath(scratch), _hub_cache() if params.hub_id else os.path.realpath(source)]
    found: list[Found] = []
    drops: list[Drop] = []
    for split, data in splits.items():
        _require_columns(params, source, split, data)
        pictures = _encoded(datasets, params, data)
        for number, (path, cells) in enumerate(zip(_paths(params, pictures), _cells(params, data), strict=True), 1):
            name = f"{split}/{_shown(path, roots) or number}"
            opened = partial(_open, pictures, params.image_column, number - 1, roots)
            one = _found(params, name, number, cells, opened, split)
            (drops if isinstance(one, Drop) else found).append(one)  # type: ignore[arg-type]
    return Survey(sum(len(data) for data in splits.values()), found, drops, "", REMEDY)


def _library() -> Any:
    try:
        import datasets  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise UserError(
            "`format: hugging_face` needs the package `datasets`, which isn't installed: run `pip install datasets`."
        ) from error
    return datasets


def _load(datasets: Any, params: Ingest, source: Path, scratch: Path) -> Any:
    """A Dataset or a DatasetDict; UserError with the library's own words when it gives none."""
    what = f"`hub_id` = {params.hub_id} at {params.revision}" if params.hub_id else f"`folder` = {source}"
    if params.hub_id is None and not source.is_dir():
        raise UserError(f"`folder` = {source} is no folder: give the one that holds the data set, or a `hub_id`.")
    saved = any((source / name).is_file() for name in ("dataset_dict.json", "state.json"))
    try:
        if params.hub_id is not None:
            return datasets.load_dataset(
                params.hub_id, params.configuration, revision=params.revision, cache_dir=str(scratch)
            )
        if saved:
            return datasets.load_from_disk(str(source.resolve()))
        return datasets.load_dataset(str(source.resolve()), params.configuration, cache_dir=str(scratch))
    except (OSError, ValueError, KeyError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        said = str(error).strip().split("\n")[0] or type(error).__name__
        raise UserError(
            f"{what} can't be read by `datasets` {datasets.__version__} ({said}): give a data set's folder "
            "(`save_to_disk`, Parquet or imagefolder), or `hub_id` and `revision`; a gated one needs HF_TOKEN."
        ) from error


def _chosen(params: Ingest, source: Path, loaded: Any) -> Mapping[str, Any]:
    """The data of each split that is asked for."""
    splits = dict(loaded) if isinstance(loaded, dict) else {str(loaded.split or "train"): loaded}
    if params.split is None:
        return splits
    if params.split not in splits:
        raise UserError(f"`split` = {params.split} isn't in {params.hub_id or source}: it has {', '.join(splits)}.")
    return {params.split: splits[params.split]}


def _require_columns(params: Ingest, source: Path, split: str, data: Any) -> None:
    wanted = {
        key: value
        for key in ("image_column", "label_column", "text_column", "entity_column")
        if (value := getattr(params, key))
    }
    for key, value in wanted.items():
        if value not in data.column_names:
            raise UserError(
                f"`{key}` = {value} is no column of split {split} in {params.hub_id or source}; "
                f"it has: {', '.join(data.column_names)}. Set `{key}` to one of them."
            )


def _encoded(datasets: Any, params: Ingest, data: Any) -> Any:
    """The picture column alone, as {bytes, path}."""
    try:
        return data.select_columns([params.image_column]).cast_column(params.image_column, datasets.Image(decode=False))
    except (TypeError, ValueError, NotImplementedError) as error:
        kind = data.features[params.image_column]
        raise UserError(
            f"`image_column` = {params.image_column} holds no pictures but {kind}: set it to one of "
            f"{', '.join(data.column_names)}."
        ) from error


def _paths(params: Ingest, pictures: Any) -> Iterator[str]:
    """What each row's picture is called, "" where it has no name; the bytes are mapped, not read."""
    for start in range(0, len(pictures), AT_ONCE):
        table = pictures.with_format("arrow")[start : start + AT_ONCE]
        for chunk in table.column(params.image_column).chunks:
            yield from (path or "" for path in chunk.field("path").to_pylist())


def _cells(params: Ingest, data: Any) -> Iterator[dict[str, Any]]:
    """The other columns of each row, classes by name."""
    wanted = [name for name in (params.label_column, params.text_column, params.entity_column) if name]
    names = {name: getattr(data.features[name], "names", None) for name in wanted}
    others = data.select_columns(list(dict.fromkeys(wanted)))
    for batch in others.iter(batch_size=AT_ONCE):
        for values in zip(*(batch[name] for name in wanted), strict=True):
            yield {name: _named(value, names[name]) for name, value in zip(wanted, values, strict=True)}


def _named(value: Any, names: list[str] | None) -> Any:
    if names is None or not isinstance(value, int):
        return value
    return names[value] if value != NO_CLASS else None


def _found(params: Ingest, name: str, number: int, cells: dict[str, Any], opened: Any, split: str) -> Found | Drop:
    drop = partial(Drop, row_id(name, number))
    where = f"row {number}: {name}"
    label = _text(cells.get(params.label_column))
    if params.label_column and not label:
        return drop("empty label", where)
    entity = _text(cells[params.entity_column]) if params.entity_column else ""
    if params.entity_column and not entity:
        return drop("empty entity", where)
    texts = _texts(cells[params.text_column]) if params.text_column else (label,)
    if texts is None:
        return drop("text is no text", where)
    if not texts:
        return drop("empty text", where)
    written = tuple(Text(text, params.author) for text in texts)
    said = {"row": number, "split": split}
    return Found(name, label, written, opened, number, entity, said)


def _text(value: Any) -> str:
    return "" if value is None else printable(str(value)).strip()


def _texts(value: Any) -> tuple[str, ...] | None:
    """The texts of a cell that holds one or a list of them; None when it holds something else."""
    values = value if isinstance(value, list) else [value]
    if not all(one is None or isinstance(one, str) for one in values):
        return None
    return tuple(text for one in values if (text := _text(one)))


def _shown(path: str, roots: list[str]) -> str:
    """A picture's path inside the data set, or its last part: paths of this machine go into no row."""
    for root in roots:
        if path.startswith(f"{root}/"):
            return printable(os.path.relpath(path, root))
    return printable(path.replace("\\", "/").rstrip("/").rpartition("/")[2])


def _open(pictures: Any, column: str, number: int, roots: list[str]) -> BinaryIO:
    """The bytes of one row's picture, or its file; RefusedPictureError when it has none, or one that lies elsewhere."""
    cell = pictures[number][column] or {}
    if cell.get("bytes") is not None:
        return io.BytesIO(cell["bytes"])
    if not cell.get("path"):
        raise RefusedPictureError(MISSING)
    path = os.path.realpath(os.path.join(roots[-1], cell["path"]))
    if not any(os.path.commonpath([path, root]) == root for root in roots):
        raise RefusedPictureError(LEAVES)
    if not os.path.isfile(path):
        raise RefusedPictureError(MISSING)
    return open(path, "rb")


def _hub_cache() -> str:
    from huggingface_hub.constants import HF_HUB_CACHE

    return os.path.realpath(HF_HUB_CACHE)
