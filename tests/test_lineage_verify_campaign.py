import os
import random
import shutil

import pytest
from verifying import flip, locked_project

from stages.lineage.verify.line import Asked, verify

LINE = {  # what stands behind `creatures`; the other recipes' files are no business of its verification
    "models/adapters/creatures", "models/trained/creatures", "models/base/tiny", "data/scrape/creatures",
    "data/curate/creatures", "data/caption/creatures", "data/tokenize/creatures", "data/words",
    "data/captions/creatures.jsonl", "data/queries/creatures.yaml", "data/decisions/none.csv",
    "reports/seals/creatures.json", "reports/metrics/creatures.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    return locked_project(tmp_path_factory.mktemp("sealed"))


def files_of_line(project):
    found = [path for name in sorted(LINE) for path in sorted([project / name, *(project / name).rglob("*")])]
    return [path for path in found if path.is_file() and path.stat().st_size]


def test_changed_bytes_are_noticed_and_named(sealed, tmp_path, monkeypatch):
    project = shutil.copytree(sealed, tmp_path / "tree")
    monkeypatch.chdir(project)
    chance = random.Random(1)
    paths = files_of_line(project)
    for number in range(60):
        path = paths[number % len(paths)]
        place, by = chance.randrange(path.stat().st_size), chance.randrange(1, 256)
        flip(path, place, by)
        report = verify("creatures")
        flip(path, place, by)
        name = path.relative_to(project).as_posix()
        told = next((f"{found.file}: {found.what}" for found in report.of("differs")), "")
        assert report.verdict == 1, (name, place, by)
        assert name in told, (name, place, by, told)
    assert verify("creatures").verdict == 0


def test_untouched_trees_raise_no_alarm(sealed, tmp_path, monkeypatch):
    """Copies and hard links, other times and modes, another number of threads, a comment in params.yaml."""
    for number in range(8):
        copy = os.link if number % 2 else shutil.copyfile
        tree = shutil.copytree(sealed, tmp_path / f"tree{number}", copy_function=copy)
        params = tree / "params.yaml"
        text = params.read_text()
        if number % 3 == 0:
            params.unlink()  # not the file that is linked
            params.write_text(f"# tree {number}\n{text}")
        for path in tree.rglob("*.parquet"):
            os.utime(path, (number * 1e8, number * 1e8))
        monkeypatch.chdir(tree)
        report = verify("creatures", asked=Asked(threads=1 + number % 5, pictures=number % 4 == 3))
        assert report.findings == (), number
