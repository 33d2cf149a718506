"""`plumbline predict` with an IDEFICS adapter: what it was trained on is what it is asked, and nothing is lost."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from interleaved import RECIPE, curated, make_base, picture

from stages.cli import predict_interleaved
from stages.cli.__main__ import main
from stages.train.interleaved.stage import what_predict_needs

ROOT = Path(__file__).parents[1]
COUNT = 8
ASKED = ["--images", "in", "--max-new-tokens", "5"]
FACTS = json.loads(json.dumps(what_predict_needs(RECIPE)))


def write_adapter(base: Path, folder: Path) -> None:
    """A random LoRA adapter as `train` saves one."""
    import torch

    from stages.bases import load_quantised
    from stages.train.qlora import add_adapter, save_adapter

    model = add_adapter(load_quantised(base, RECIPE.model, RECIPE.train, "cpu"), RECIPE.train, RECIPE.model)
    drawn = torch.Generator().manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data = 0.3 * torch.randn(weight.shape, generator=drawn)
    save_adapter(model, folder)
    (folder / "plumbline.json").write_text(json.dumps(FACTS))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a base, an adapter and pictures, one of them broken, as the current one."""
    root = tmp_path_factory.mktemp("predict")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_adapter(make_base(root / "models/base/tiny"), root / "models/trained/sports")
        (root / "in").mkdir()
        for number in range(COUNT):
            picture(number).save(root / f"in/{number}.png")
        (root / "in/3.bad.jpg").write_text("<html>")
        yield root


def said_by(*words: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and lines of `plumbline predict models/trained/sports ...`."""
    status = 0
    try:
        main(["predict", "models/trained/sports", "--out", "out.jsonl", "--device", "cpu", *words])
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    return status, [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]


def evaluated(root: Path) -> list[str]:
    """What the same adapter says to the same pictures on the way that `evaluate` goes: tokenized rows, stored views."""
    from stages.adapter import attach
    from stages.bases import load_processor, load_quantised
    from stages.evaluate.interleaved.asking import Questions, Respondent, no_examples
    from stages.interleaved.model import Views
    from stages.interleaved.templates import stops
    from stages.shards import ShardReader
    from stages.tokenize.interleaved.rows import read_tokenized
    from stages.tokenize.interleaved.stage import run as tokenize

    base = root / "models/base/tiny"
    curated(root / "curated", COUNT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOBLIB_MULTIPROCESSING", "0")
        tokenize(RECIPE, curated=root / "curated", base=base, out=root / "tokenized")
    model = attach(load_quantised(base, RECIPE.model, RECIPE.train, "cpu"), root / "models/trained/sports")
    respond = Respondent(model, load_processor(base, RECIPE.model), 16, 5, stops(RECIPE.tokenize, RECIPE.task))
    with ShardReader(root / "tokenized") as shards:
        return respond.says(Questions(read_tokenized(root / "tokenized"), no_examples, Views(shards)), "evaluate")


def test_a_picture_gets_the_answer_that_was_evaluated(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = said_by(*ASKED)
    assert status == 1
    assert "error: 3.bad.jpg: not a PNG" in capsys.readouterr().err
    assert [line["input"] for line in lines] == [*(f"{i}.png" for i in range(3)), "3.bad.jpg"] + [
        f"{i}.png" for i in range(3, COUNT)
    ]
    bad = lines.pop(3)
    assert bad == {"input": "3.bad.jpg", "output": None, "score": None, "error": bad["error"]}
    assert all(set(line) == {"input", "output", "score"} and 0 <= line["score"] <= 1 for line in lines)
    assert len({line["output"] for line in lines}) > 1
    assert [line["output"] for line in lines] == evaluated(project)


def test_a_prompt_changes_what_is_asked_and_a_batch_does_not(project: Path) -> None:
    usual = said_by(*ASKED)[1]
    other = said_by(*ASKED, "--prompt", "a figure on ice: two people")[1]
    assert [line["output"] for line in other] != [line["output"] for line in usual]
    for line, alone in zip(usual, said_by(*ASKED, "--batch-size", "1")[1], strict=True):
        assert alone["output"] == line["output"]
        assert alone["score"] == (line["score"] and pytest.approx(line["score"], abs=1e-3))
    rows: list[dict[str, Any]] = [{"image": "in/1.png"}, {"image": "in/1.png", "prompt": "a figure on ice: two people"}]
    rows += [
        {"image": "in/1.png", "prompt": prompt} for prompt in ("a</s>b", "<image>", "", " ".join(["long"] * 200), 1)
    ]
    (project / "rows.jsonl").write_text("\n".join(map(json.dumps, [*rows, {"image": "gone.png"}])))
    status, lines = said_by("--rows", "rows.jsonl", "--max-new-tokens", "5")
    assert status == 1
    assert [line["output"] for line in lines[:2]] == [usual[1]["output"], other[1]["output"]]
    says = ("control token", "must not hold <image>", "at least 1 character", "tokens with its picture", "must be text")
    assert all(said in line["error"] for said, line in zip(says, lines[2:], strict=False))
    assert lines[-1]["input"] == "gone.png"


def test_answers_are_as_long_as_the_task_wants(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = []

    def load(given: Any, facts: Any) -> Any:
        lengths.append(given.max_new_tokens)
        return (lambda question: question), (lambda batch: [])

    monkeypatch.setattr(predict_interleaved, "load", load)
    adapter = project / "models/trained/sports/plumbline.json"
    (project / "rows").write_text("{")
    try:
        for task, answer in (("label", "{label}."), ("caption", "{text}.")):
            adapter.write_text(json.dumps({**FACTS, "task": task, "tokenize": {**FACTS["tokenize"], "answer": answer}}))
            said_by("--rows", "rows")
        said_by("--rows", "rows", "--max-new-tokens", "7")
    finally:
        adapter.write_text(json.dumps(FACTS))
    assert lengths == [15, 40, 7]


def test_refusals_and_lists_need_no_model_and_no_torch(tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / "bad.json").write_text(json.dumps({**FACTS, "base": "../elsewhere"}))
    (adapter / "plumbline.json").write_text(json.dumps(FACTS))
    for name in ("golf/1.png", "luge/2.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        picture(1).save(tmp_path / "in" / name)
    code = """
import shutil, sys
from stages.cli.__main__ import main
def run(*words):
    try: main(list(words))
    except SystemExit as stopped: print(stopped.code, file=sys.stderr)
run('recipe', 'list')
asked = ['predict', 'adapter', '--images', 'in', '--recursive', '--out', 'out']
run(*asked, '--prompt', '<image>')
run(*asked, '--find', 'a ball')
shutil.copy('bad.json', 'adapter/plumbline.json')
run(*asked)
print(sorted({'torch', 'transformers', 'datasets', 'peft'} & {*sys.modules}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stdout.endswith("[]\n"), done.stderr
    for said in ("must not hold <image>", "--find: adapter answers in words alone", "`adapter.base`"):
        assert said in done.stderr
    assert not (tmp_path / "out").exists()
