"""who-used looks back: adapters that only git's history knows, and data that only DVC's cache has."""

import json
from pathlib import Path

import pytest
from sealing import commit, make_project, seal
from using import ask, by_recipe, fill_cache, how, without_data

from stages.lineage.used import adding, files, history
from stages.lineage.used.index import WHERE, Index
from stages.lineage.used.query import update
from stages.lineage.used.takedown import takedown_of
from stages.params import UserError

METRICS = "reports/metrics/letters.json"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = make_project(tmp_path)
    (project / "data/blocklist.txt").touch()
    return project


def pieces(project: Path) -> int:
    with Index(project / WHERE) as index:
        return int(index.db.execute("SELECT count(*) FROM adapters").fetchone()[0])


def test_a_seal_of_the_past_is_told_by_its_commit_and_by_what_it_says(project: Path) -> None:
    first = commit(project, "Seal three adapters")
    (project / "reports/seals/creatures.json").unlink()
    commit(project, "Give up the creatures")
    without_data(project)

    found = ask(project, "gallery0.example.org")
    assert how(found) == {"letters": "no", "more": "no"}
    (use,) = found.of(current=False)
    assert (use.seal.commit, use.how, use.rows) == (first, "counts", 3)
    assert "neither in the tree nor in DVC's cache" in use.why
    assert how(ask(project, "CC-BY-4.0"), current=False) == {"creatures": "counts"}
    assert how(ask(project, "person:ana"), current=False) == {"creatures": "counts"}
    assert how(ask(project, "http://elsewhere.test/1.png"), current=False) == {"creatures": "no"}
    assert how(ask(project, "http://gallery0.example.org/new.png"), current=False) == {"creatures": "unknown"}
    assert how(ask(project, "creature0", "entity"), current=False) == {"creatures": "unknown"}
    assert how(ask(project, "Roboto", "font"))["letters"] == "unknown"
    assert takedown_of(ask(project, "Roboto", "font"), project).doubtful == ("letters", "more")


def test_what_was_indexed_stays_when_seal_and_data_are_gone(project: Path) -> None:
    commit(project, "Seal three adapters")
    assert how(ask(project, "creature0"))["creatures"] == "rows"
    (project / "reports/seals/creatures.json").unlink()
    commit(project, "Give up the creatures")
    without_data(project)
    (use,) = ask(project, "creature0").of(current=False)
    assert (use.how, use.rows, use.uses) == ("rows", 4, 8)


def test_the_cache_still_has_the_rows_of_an_old_seal(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_cache(project)
    commit(project, "Seal three adapters")
    (project / "reports/seals/creatures.json").unlink()
    commit(project, "Give up the creatures")
    without_data(project)
    (use,) = ask(project, "creature0", "entity").of(current=False)
    assert (use.how, use.rows) == ("rows", 4)
    (row,) = {row.id.partition("/")[0] for row in use.shown} - {"0" * 24}
    assert row == f"{1:024x}"
    stored = by_recipe(ask(project, use.shown[0].id, "entity"), current=False)
    assert stored["creatures"].how == "no"

    # a file of the cache that is no longer what was sealed is not believed
    monkeypatch.setattr(files, "sha256_of_file", lambda _: "0" * 64)
    (project / WHERE).unlink()
    assert how(ask(project, "creature0", "entity"), current=False) == {"creatures": "unknown"}


def test_pictures_of_the_cache_are_looked_at(project: Path, tmp_path: Path) -> None:
    from sealing import picture

    fill_cache(project)
    commit(project, "Seal three adapters")
    without_data(project)
    copy = tmp_path / "copy.png"
    copy.write_bytes(picture(102, size=16))
    found = by_recipe(ask(project, copy))["creatures"]
    assert f"{2:024x}/0" in {row.id for row in found.shown}


def test_the_index_grows_by_what_is_new_and_rebuilds_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(project, "creature0")
    assert pieces(project) == 3
    monkeypatch.setattr(adding, "read_consumed", lambda _: pytest.fail("read again"))
    monkeypatch.setattr(history, "parse_lineage", lambda *_: pytest.fail("parsed again"))
    ask(project, "creature0")
    monkeypatch.undo()

    scores = json.loads((project / METRICS).read_text(encoding="utf-8"))
    (project / METRICS).write_text(json.dumps({**scores, "rows": 5}), encoding="utf-8")
    seal(project, "letters")  # another seal of the same tensors and rows
    ask(project, "creature0")
    assert pieces(project) == 3


def test_a_killed_writer_leaves_the_index_whole(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def torn(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(adding, "_totals", torn)
    with pytest.raises(KeyboardInterrupt):
        ask(project, "creature0")
    monkeypatch.undo()
    with Index(project / WHERE) as index:
        assert index.db.execute("SELECT count(*) FROM items").fetchone() == (0,)
    assert by_recipe(ask(project, "creature0"))["creatures"].rows == 4


def test_a_broken_index_is_named_and_one_of_another_form_built_anew(project: Path) -> None:
    ask(project, "creature0")
    with Index(project / WHERE) as index:
        index.db.execute("PRAGMA user_version = 99")
    assert by_recipe(ask(project, "creature0"))["creatures"].rows == 4
    for suffix in ("", "-wal", "-shm"):
        (project / f"{WHERE}{suffix}").unlink(missing_ok=True)
    (project / WHERE).write_bytes(b"no database" * 100)
    with pytest.raises(UserError, match="delete it"):
        ask(project, "creature0")


def test_seals_that_can_not_be_read_are_told_or_refused(project: Path) -> None:
    path = project / "reports/seals/more.json"
    content = path.read_bytes()
    path.write_text("{}", encoding="utf-8")
    commit(project, "Break a seal")
    with pytest.raises(UserError, match=r"more\.json"):
        ask(project, "creature0")
    path.write_bytes(content)
    commit(project, "Mend it")
    found = ask(project, "creature0")
    assert len(found.flaws) == 1
    assert "reports/seals/more.json of " in found.flaws[0]


def test_data_that_lacks_consumed_rows_is_not_half_indexed(project: Path) -> None:
    with Index(project / WHERE) as index:
        seals, _, _ = history.seals_of(project, index), None, None
        known = next(seal.known for seal in seals[0] if seal.known.recipe == "letters")
        other = next(seal.known for seal in seals[0] if seal.known.recipe == "creatures")
        reason = adding.add(index, known.model_copy(update={"table": other.table}), files.Files(project))
        assert "8 of its consumed rows are not in data/curate/letters" in reason
        assert index.db.execute("SELECT count(*) FROM names").fetchone() == (0,)
        assert not update(project, index)[1]
