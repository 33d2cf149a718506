"""Which layout a folder has, as far as its names tell: for a command that is given a folder and nothing else."""

from pathlib import Path

from stages.ingest.parameters import Format
from stages.ingest.table import FILE_COLUMN

SAVED = ("dataset_dict.json", "state.json")  # what `save_to_disk` of `datasets` writes


def layout_of(folder: Path) -> Format:
    """The layout; `table` where nothing tells, so that its message says what a table should be like.

    A table beside class folders that has no `file_name` (Kaggle's sports.csv) is none of ours.
    """
    if not folder.is_dir() or any(_is_ours(path) for path in folder.glob("*.csv")) or any(folder.glob("*.jsonl")):
        return "table"
    if any((folder / name).is_file() for name in SAVED):
        return "hugging_face"
    if any((folder / name).is_file() for name in ("results.csv", "captions.txt")) or any(folder.glob("*.token*")):
        return "flickr30k"
    if any(folder.glob("captions*.json")) or any(folder.glob("annotations/captions*.json")):
        return "coco"
    if any(folder.glob("conversations*.json")) or any(folder.glob("llava*.json")):
        return "llava"
    has_table = any(folder.glob("*.csv"))
    classes = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return "class_folders" if len(classes) >= 2 or (classes and not has_table) else "table"


def _is_ours(table: Path) -> bool:
    if not table.is_file():
        return False
    with table.open("rb") as stream:
        header = stream.readline(1 << 16)
    return table.stem == "metadata" or FILE_COLUMN.encode() in header
