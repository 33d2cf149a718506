"""What a folder is taken for when nobody says."""

from pathlib import Path

import pytest

from stages.ingest.layout import layout_of


@pytest.mark.parametrize(
    ("files", "layout"),
    [
        ({"a.csv": "file_name,label\n", "x/1": "", "y/1": ""}, "table"),
        ({"sports.csv": "class id,filepaths,labels\n", "train/x/1": "", "test/x/1": ""}, "class_folders"),
        ({"any.csv": "file,kind\n", "images/1": ""}, "table"),
        ({"x/1": ""}, "class_folders"),
        ({"1.jpg": ""}, "table"),
        ({"results.csv": "image_name| comment_number| comment\n", "images/1.jpg": ""}, "flickr30k"),
        ({"annotations/captions_val2017.json": "{}", "val2017/1.jpg": ""}, "coco"),
        ({"captions.json": "{}", "conversations.json": "[]", "images/1.jpg": ""}, "coco"),
        ({"conversations_58k.json": "[]", "images/1.jpg": ""}, "llava"),
        ({"llava_train.json": "[]", "images/1.jpg": ""}, "llava"),
        ({"dataset_dict.json": "{}", "train/state.json": "{}"}, "hugging_face"),
    ],
)
def test_a_layout_shows_in_the_names(tmp_path: Path, files: dict[str, str], layout: str) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert layout_of(tmp_path) == layout
    assert layout_of(tmp_path / "none") == "table"
