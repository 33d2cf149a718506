"""Which picture a caption from outside is about."""

import pytest
from exports import record

from stages.formats.captioned import Captioned
from stages.formats.matching import match
from stages.formats.names import coco_id, file_names
from stages.record import Record


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return [record(number) for number in range(30)]


def test_each_kind_of_name_finds_its_picture(records: list[Record]) -> None:
    one, file = records[7], file_names(records)[7]
    stem = file.removesuffix(".png")
    names = [one.id, one.origin, one.image.sha256, one.origin[:12], f"{one.image.sha256}.jpg", one.source.url]
    names += [
        file,
        stem,
        f"images/{file}",
        f"C:\\data\\{file.upper()}",
        f"{stem}.jpg",
        "Picture 7.jpg",
        str(coco_id(one)),
    ]
    found, flaws = match([Captioned(name, "x", line) for line, name in enumerate(names)], records)
    assert flaws == []
    assert list(found) == [one.origin]
    assert [item.line for item in found[one.origin]] == list(range(len(names)))


def test_what_names_none_or_several_is_a_flaw(records: list[Record]) -> None:
    twice = [*records, record(7, row_id="again"), record(40, row_id="40")]
    twice[-1] = type(twice[-1])(**{**vars(twice[-1]), "source": records[3].source})
    names = ["Picture 3.jpg", "nothing.png", records[7].origin[:11], "", "http://[broken/x.png", "../../etc/passwd"]
    found, flaws = match([Captioned(name, "x", line) for line, name in enumerate(names)], records)
    assert [(flaw.line, flaw.reason) for flaw in flaws] == [(line, "unknown picture") for line in range(1, 6)]
    assert list(found) == [records[3].origin]
    same_name = type(records[4])(**{**vars(records[4]), "source": records[3].source})
    other = type(same_name.source)(**{**vars(records[3].source), "sha256": "f" * 64})
    same_name = type(same_name)(**{**vars(same_name), "source": other})
    found, flaws = match([Captioned("Picture 3.jpg", "x", 1)], [records[3], same_name])
    assert (found, [flaw.reason for flaw in flaws]) == ({}, ["picture is ambiguous"])
