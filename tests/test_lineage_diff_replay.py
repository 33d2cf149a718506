"""`lineage diff --replay`: one factor at a time, by real dvc processes in a worktree of its own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from diffing import PARAMS, commit, reproduce, sealed_commit, toy_project
from flowing import git, usual_environment

from flows.replay import Variant, attributed, build_variant, replay
from flows.replay_text import replay_text
from flows.replay_tree import scratch_worktree
from stages.lineage.diff.compare import compare
from stages.lineage.diff.factors import differing, factor_of_param, factor_of_path, lay_out, mixed_params
from stages.lineage.diff.headlines import headline_of
from stages.lineage.diff.sides import open_side
from stages.params import UserError


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Commits `a`, `b` with other data and params, and `c`, never run: another base, and params only for its code."""
    with usual_environment():
        root = toy_project(tmp_path_factory.mktemp("toy"))
        reproduce(root)
        sealed_commit(root, "begin")
        git(root, "tag", "a")
        params = json.loads(json.dumps(PARAMS))
        params["curate"]["toy"]["keep"] = 3
        params["recipes"]["toy"]["train"]["reach"] = 2
        (root / "params.yaml").write_text(yaml.safe_dump(params))
        reproduce(root)
        sealed_commit(root, "reach further")
        git(root, "tag", "b")
        params["recipes"]["toy"]["train"]["strict"] = True
        (root / "params.yaml").write_text(yaml.safe_dump(params))
        code = root / "stages/evaluate.py"
        code.write_text(code.read_text().replace("STRICT = False", "STRICT = True"))
        (root / "models/base/tiny/w.txt").write_text("2")
        sealed_commit(root, "be strict")
        git(root, "tag", "c")
        yield root


def tree(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not {".git", ".dvc", ".scratch"} & set(path.relative_to(root).parts)
    }


def test_each_factor_alone_and_what_they_do_together(project: Path) -> None:
    (project / "data/words/list.txt").write_text("uncommitted work of the user's")
    before, status = tree(project), git(project, "status", "--porcelain")
    with usual_environment():
        found = replay(open_side("toy@a", project), open_side("b:toy", project))
    assert tree(project) == before
    assert git(project, "status", "--porcelain") == status
    assert git(project, "worktree", "list").count("\n") == 0
    assert not list((project / ".scratch/worktrees").iterdir())
    git(project, "checkout", "-q", "data/words/list.txt")

    # of 20 test words 2 have each length; A gets those of up to 1 * 2 letters right, B those of up to 2 * 3
    assert (found.a.metric, found.b.metric) == (0.2, 0.6)
    assert found.a.ran == found.b.ran == ()
    effects = {effect.factor: effect for effect in found.effects}
    assert [name for name, effect in effects.items() if effect.differs] == ["data", "params"]
    for name, change in (("data", 0.1), ("params", 0.2)):
        paired = effects[name].paired
        assert effects[name].change == pytest.approx(change)
        assert effects[name].share == pytest.approx(change / 0.4)
        assert effects[name].ran == ("evaluate@toy",)  # B's rows are in the cache too
        assert paired is not None
        assert paired.rows == 20
    assert found.rest == pytest.approx(0.1)  # more words and more reach multiply
    text = replay_text(found)
    assert "rest" in text
    assert "25 %" in text
    assert "can't be swapped" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_factor_that_cannot_stand_alone_is_said_to(project: Path) -> None:
    """B's params without B's code: the stage's own words are kept, and no share is made up for what is left."""
    b, c = open_side("toy@b", project), open_side("toy@c", project)
    headline = headline_of(b.lineage.metrics)
    assert headline is not None
    assert b.commit
    assert c.commit
    with usual_environment(), scratch_worktree(project, b.commit) as place:
        alone = build_variant(place, b.commit, c.commit, ("params",), "toy", headline, "")
    assert alone.metric is None
    assert "knows no `strict`" in alone.failed
    code = Variant(("code",), 0.8)
    found = attributed(b, c, headline, Variant((), 0.7), Variant((), 0.9), {"params": alone, "code": code})
    effects = {effect.factor: effect for effect in found.effects}
    assert effects["code"].share == pytest.approx(0.5)
    assert effects["params"].change is None
    assert found.rest is None
    text = replay_text(found)
    assert "can't stand alone" in text
    assert "knows no `strict`" in text
    assert "sealed was" in text


def test_two_recipes_or_an_unknown_commit_are_no_replay(project: Path) -> None:
    a, c = open_side("toy@a", project), open_side("toy", project)
    assert c.commit == git(project, "rev-parse", "c")
    other = a.lineage.model_copy(update={"recipe": "another"})
    with pytest.raises(UserError, match="one recipe at two revisions"):
        replay(a, type(a)("x", other, project, a.commit))
    with pytest.raises(UserError, match="can't be replayed: not known"):
        replay(a, type(a)("x", a.lineage, project, None, ("not known",)))


def test_factors_of_files_and_params() -> None:
    assert [factor_of_path(path) for path in ("data/words/x.txt", "models/base/t/w", "stages/foundation/a.py")] == [
        "data",
        "base",
        "base",
    ]
    assert [factor_of_path(path) for path in ("dvc.yaml", "params.yaml", "reports/metrics/x.json")] == [
        "code",
        None,
        None,
    ]
    keys = ("curate.x.seed", "foundation.t.version", "recipes.x.base", "recipes.x.train.seed", "threads")
    assert [factor_of_param(key) for key in keys] == ["data", "base", "base", "params", "params"]


def test_one_factor_is_laid_out_over_a(project: Path, tmp_path: Path) -> None:
    """Files of the factor come, change and go; dvc.lock stays A's, but for the bases, which stand in git."""
    root = tmp_path / "tree"
    git(project, "worktree", "add", "-q", "--detach", str(root), "a")
    try:
        for name, stages in (("one", {"foundation@t": 1, "train@x": 1}), ("two", {"foundation@t": 2, "train@x": 2})):
            (root / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
            (root / f"stages/only_{name}.py").write_text("")
            (root / "models/base/tiny/w.txt").write_text(name)
            (root / f"stages/only_{'two' if name == 'one' else 'one'}.py").unlink(missing_ok=True)
            commit(root, name)
        one, two = git(root, "rev-parse", "HEAD~1"), git(root, "rev-parse", "HEAD")
        lay_out(root, one, two, ("code",))
        assert sorted(path.name for path in (root / "stages").glob("only*")) == ["only_two.py"]
        assert (root / "models/base/tiny/w.txt").read_text() == "one"
        assert yaml.safe_load((root / "dvc.lock").read_text())["stages"] == {"foundation@t": 1, "train@x": 1}
        lay_out(root, one, two, ("base",))
        assert sorted(path.name for path in (root / "stages").glob("only*")) == ["only_one.py"]
        assert (root / "models/base/tiny/w.txt").read_text() == "two"
        assert yaml.safe_load((root / "dvc.lock").read_text())["stages"] == {"foundation@t": 2, "train@x": 1}
    finally:
        git(project, "worktree", "remove", "--force", str(root))


def test_mixed_params_take_one_factor_and_what_only_b_has() -> None:
    a: dict[str, Any] = {
        "curate": {"x": 1},
        "recipes": {"toy": {"base": "s", "train": {"seed": 1, "gone": 1}}},
        "threads": 1,
    }
    b: dict[str, Any] = {
        "curate": {"x": 2},
        "recipes": {"toy": {"base": "t", "train": {"seed": 2}}, "new": {"base": "u"}},
        "extra": {},
    }
    mixed = mixed_params(a, b, ("params",))
    assert mixed["curate"] == {"x": 1}
    assert mixed["threads"] == 1
    assert mixed["extra"] == {}
    assert mixed["recipes"] == {"toy": {"base": "s", "train": {"seed": 2}}, "new": {"base": "u"}}
    assert mixed_params(a, b, ("base",))["recipes"]["new"] == {"base": "u"}
    assert mixed_params(a, b, ("data", "base"))["recipes"]["toy"] == {
        "base": "t",
        "train": a["recipes"]["toy"]["train"],
    }
    assert a["recipes"]["toy"]["train"]["seed"] == 1


def test_differing_factors_come_from_the_lineages(project: Path) -> None:
    sides = {name: open_side(f"toy@{name}", project) for name in "abc"}
    assert differing(sides["a"].lineage, sides["b"].lineage) == ["data", "params"]
    assert differing(sides["b"].lineage, sides["c"].lineage) == ["params", "code", "base"]
    found = compare(sides["b"], sides["c"])
    assert [(one.subject, one.only) for one in found.commits or []] == [("be strict", "B")]
