"""The page of a run, and what is kept out of it; the server's password."""

import json
import os
import stat
from pathlib import Path

import pytest

from flows.connection import AUTH, AUTH_STRING, RUNNING, URL, prepare_prefect, running_server
from flows.execute import StageRun
from flows.plan import Plan, StageSpec
from flows.processes import identity, write_note
from flows.redaction import redacted, without_prefects_secrets
from flows.server import auth_string
from flows.summary import Summary, page, read_metrics

KEY = "sk-0123456789abcdef"


def spec(name: str, outs: tuple[str, ...] = (), queue: str = "cpu") -> StageSpec:
    return StageSpec(name, "", (), outs, queue, 0, False, False, ())


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    files = {
        "reports/metrics/labels.json": {
            "zero_shot": {"exact": 0.3, "exact_low": 0.2},
            "tuned": {"exact": 0.95, "exact_low": 0.9},
        },
        "reports/metrics/grounding.json": {"retrieval": {"before": {"i2t_r1": 0.1}, "tuned": {"i2t_r1": 0.6}}},
        "reports/metrics/other.json": {"loss": 1.0},
        "reports/metrics/naming.json": {"answers": {"zero_shot": {"accuracy": 0.25}, "tuned": {"accuracy": 0.75}}},
        "reports/html/labels.html": {},
        "data/curate/a/manifest.json": {"rows_in": 10, "rows_out": 7, "dropped": {"a | b": 2, "copy": 1}},
        "data/samples/manifest.json": {"classes": 3},
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))
    stages = (
        spec("curate@a", ("data/curate/a",)),
        spec("samples", ("data/samples",)),
        spec("train@labels", queue="gpu"),
        *(spec(f"report@{name}") for name in ("labels", "grounding", "naming", "other", "without")),
    )
    return Plan(tmp_path, stages, {})


def test_the_page_has_stages_scores_rows_and_seconds(plan: Plan) -> None:
    before = read_metrics(plan)
    (plan.root / "reports/metrics/labels.json").write_text('{"zero_shot": {"exact": 0.3}, "tuned": {"exact": 0.97}}')
    summary = Summary(
        (StageRun("curate@a", "ran", 2.5), StageRun("train@labels", "failed", 61.25, "params a|b changed", "boom"))
    )
    lines = page(plan, summary, before, {"This run": "http://127.0.0.1:1/runs/1"}).splitlines()
    assert lines[0] == "[This run](http://127.0.0.1:1/runs/1)"
    assert "| train@labels | failed | 61.2 | params a\\|b changed |" in lines
    assert "61.2 s in stages of the queue `gpu`, 63.8 s in all." in lines
    assert "| exact | 0.3 | 0.95 | 0.97 |" in lines
    assert "| retrieval i2t_r1 | 0.1 | 0.6 | 0.6 |" in lines
    assert "| answers accuracy | 0.25 | 0.75 | 0.75 |" in lines
    assert any(line.startswith("The report: [`reports/html/labels.html`](file://") for line in lines)
    assert any(
        line.startswith("The report: `reports/html/grounding.html` (not made), the adapter: `") for line in lines
    )
    assert "| data/curate/a | 10 | 7 | 2 a \\| b, 1 copy |" in lines
    assert "boom" in lines
    assert not any("exact_low" in line or "samples |" in line or "## other" in line for line in lines[11:])


def test_seconds_on_another_machine_count_instead_of_those_spent_waiting(plan: Plan) -> None:
    summary = Summary((StageRun("train@labels", "replayed", 90.0, elsewhere=61.0), StageRun("samples", "ran", 2.0)))
    assert "61.0 s in stages of the queue `gpu`, 63.0 s in all." in page(plan, summary, {})


def test_a_broken_metrics_file_breaks_no_run(plan: Plan) -> None:
    (plan.root / "reports/metrics/labels.json").write_text('{"zero_sh')
    assert set(read_metrics(plan)) == {"grounding", "naming", "other"}


def test_secrets_of_the_environment_are_cut_out(monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"GET /search?key={KEY}&page=1"
    monkeypatch.delenv("SERPAPI_API_KEY", raising=False)
    assert redacted(said) == said
    monkeypatch.setenv("SERPAPI_API_KEY", KEY)
    assert KEY not in redacted(said)
    assert redacted("nothing of the kind") == "nothing of the kind"


def test_stages_get_none_of_prefects_keys() -> None:
    given = {AUTH_STRING: "a:b", "PREFECT_SERVER_API_AUTH_STRING": "a:b", "SERPAPI_API_KEY": KEY}
    assert without_prefects_secrets(given) == {"SERPAPI_API_KEY": KEY}


def test_the_password_is_drawn_once_and_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)
    first = auth_string(tmp_path)
    assert first.startswith("plumbline:")
    assert len(first) > 40
    assert auth_string(tmp_path) == first
    assert stat.S_IMODE((tmp_path / AUTH).stat().st_mode) == 0o600
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "me:mine")
    assert auth_string(tmp_path) == "me:mine"


def test_a_run_finds_the_projects_server_while_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    drawn = auth_string(tmp_path)
    write_note(tmp_path / RUNNING, {**identity(os.getpid()), "url": "http://127.0.0.1:1/api"})
    monkeypatch.setattr(os, "environ", dict(os.environ))
    prepare_prefect(tmp_path)
    assert (os.environ[URL], os.environ[AUTH_STRING]) == ("http://127.0.0.1:1/api", drawn)
    write_note(tmp_path / RUNNING, {**identity(os.getpid()), "started": 1, "url": "http://127.0.0.1:1/api"})
    assert running_server(tmp_path) is None
