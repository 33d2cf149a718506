"""A data set of `datasets`: a folder of its own (`save_to_disk`, Parquet, JSON lines), or the hub at one commit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.describe.parameters import Describe
from stages.describe.rows import Row, Survey
from stages.describe.table import cells_of, require_columns, row_of
from stages.params import UserError
from stages.record import Drop

AT_ONCE = 1000  # rows that are read together


def read(params: Describe, source: Path, scratch: Path) -> Survey:
    """Every row of the chosen split, or of all splits; the caches of `datasets` go to `scratch`."""
    loaded = _load(params, source, scratch)
    splits = dict(loaded) if isinstance(loaded, dict) else {str(loaded.split or "train"): loaded}
    if params.split is not None:
        if params.split not in splits:
            raise UserError(f"`split` = {params.split} isn't in {params.hub_id or source}: it has {', '.join(splits)}.")
        splits = {params.split: splits[params.split]}
    for split, data in splits.items():
        require_columns(
            f"split {split} of {params.hub_id or source}", data.column_names, params.columns.values(), params.columns
        )
    url = f"https://huggingface.co/datasets/{params.hub_id}/tree/{params.revision}" if params.hub_id else ""
    return Survey(_rows(params, splits), params.hub_id or source.name, url=url)


def _rows(params: Describe, splits: dict[str, Any]) -> Iterator[Row | Drop]:
    wanted = list(dict.fromkeys(params.columns.values()))
    for split, data in splits.items():
        chosen = data.select_columns(wanted)
        classes = {name: getattr(chosen.features[name], "names", None) for name in wanted}
        number = 0
        for batch in chosen.iter(batch_size=AT_ONCE):
            for values in zip(*(batch[name] for name in wanted), strict=True):
                number += 1
                named = {name: _named(value, classes[name]) for name, value in zip(wanted, values, strict=True)}
                one = cells_of(split, number, named, params.columns)
                yield one if isinstance(one, Drop) else row_of(params, split, *one)


def _named(value: Any, classes: list[str] | None) -> Any:
    """A class by its name; -1 is ClassLabel's number of a row without one."""
    if classes is None or not isinstance(value, int):
        return value
    return classes[value] if value >= 0 else None


def _load(params: Describe, source: Path, scratch: Path) -> Any:
    """A Dataset or a DatasetDict; UserError with the library's own words when it gives none."""
    try:
        import datasets  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise UserError(
            "`format: hugging_face` needs the package `datasets`, which isn't installed: run `pip install datasets`."
        ) from error
    what = f"`hub_id` = {params.hub_id} at {params.revision}" if params.hub_id else f"`folder` = {source}"
    if params.hub_id is None and not source.is_dir():
        raise UserError(f"`folder` = {source} is no folder: give the one that holds the data set, or a `hub_id`.")
    try:
        if params.hub_id is not None:
            return datasets.load_dataset(
                params.hub_id, params.configuration, revision=params.revision, cache_dir=str(scratch)
            )
        if any((source / name).is_file() for name in ("dataset_dict.json", "state.json")):
            return datasets.load_from_disk(str(source.resolve()))
        return datasets.load_dataset(str(source.resolve()), params.configuration, cache_dir=str(scratch))
    except (OSError, ValueError, KeyError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        said = str(error).strip().split("\n")[0] or type(error).__name__
        raise UserError(
            f"{what} can't be read by `datasets` {datasets.__version__} ({said}): give a data set's folder "
            "(`save_to_disk`, Parquet or JSON lines), or `hub_id` and `revision`; a gated one needs HF_TOKEN."
        ) from error
