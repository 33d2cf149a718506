"""`plumbline predict` with a naming adapter: what it was trained on is what it is asked, and nothing is lost."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from naming import RECIPE, described, description, make_base

from stages.cli.__main__ import main
from stages.train.naming.stage import what_predict_needs

ROOT = Path(__file__).parents[1]
COUNT = 8
FACTS = json.loads(json.dumps(what_predict_needs(RECIPE)))
ASKED = ["--rows", "rows.jsonl", "--max-new-tokens", "6"]


def write_adapter(base: Path, folder: Path) -> None:
    """A random LoRA adapter as `train` saves one."""
    import torch

    from stages.naming.model import load_language
    from stages.train.qlora import add_adapter, save_adapter

    model = add_adapter(load_language(base, RECIPE.model, RECIPE.train, "cpu"), RECIPE.train, RECIPE.model)
    drawn = torch.Generator().manual_seed(1)
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            weight.data = 0.3 * torch.randn(weight.shape, generator=drawn)
    save_adapter(model, folder)
    (folder / "plumbline.json").write_text(json.dumps(FACTS))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a base, an adapter and descriptions, as the current one."""
    root = tmp_path_factory.mktemp("predict")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_adapter(make_base(root / "models/base/tiny"), root / "models/trained/creatures")
        rows: list[Any] = [{"description": description(number)} for number in range(COUNT)]
        rows[3:3] = [{"description": " "}, {"description": 7}, "told", {"description": "long " * 400}]
        text = "\n".join(map(json.dumps, rows)).replace('"told"', "{")
        (root / "rows.jsonl").write_text(text)
        yield root


def said_by(*words: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and lines of `plumbline predict models/trained/creatures ...`."""
    status = 0
    try:
        main(["predict", "models/trained/creatures", "--out", "out.jsonl", "--device", "cpu", *words])
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    return status, [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]


def evaluated(root: Path) -> dict[str, str]:
    """What the same adapter says to the same descriptions on the way that `evaluate` goes: tokenized rows."""
    from stages.adapter import attach
    from stages.naming.generation import generate
    from stages.naming.model import load_language, load_tokenizer
    from stages.tokenize.naming.rows import read_tokenized
    from stages.tokenize.naming.stage import run as tokenize

    base = root / "models/base/tiny"
    described(root / "described", COUNT)
    tokenize(RECIPE, curated=root / "described", base=base, out=root / "tokenized")
    model = attach(load_language(base, RECIPE.model, RECIPE.train, "cpu"), root / "models/trained/creatures")
    rows = read_tokenized(root / "tokenized")
    prompts = [row.prompt_ids for row in rows]
    answers = generate(model, load_tokenizer(base, RECIPE.model), prompts, max_new_tokens=6, batch_size=16)
    return {row.description: answer.text for row, answer in zip(rows, answers, strict=True)}


def test_a_description_gets_the_name_that_was_evaluated(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = said_by(*ASKED)
    assert status == 1
    failed = lines[3:7]
    assert [line["output"] for line in failed] == [None] * 4
    wanted = ("is empty", 'row 5 has no text "description"', "row 6 is no JSON", "tokens, the recipe allows 128")
    assert all(said in line["error"] for said, line in zip(wanted, failed, strict=True))
    assert "is empty" in capsys.readouterr().err
    told = [*lines[:3], *lines[7:]]
    assert [line["input"] for line in told] == [description(number) for number in range(COUNT)]
    assert all(set(line) == {"input", "output", "score"} and 0 <= line["score"] <= 1 for line in told)
    assert len({line["output"] for line in told}) > 1
    by_evaluation = evaluated(project)
    assert [line["output"] for line in told] == [by_evaluation[line["input"]] for line in told]


def test_a_text_a_batch_and_a_prompt(project: Path) -> None:
    usual = {line["input"]: line["output"] for line in said_by(*ASKED)[1]}
    texts = ["--text", description(0), "--text", description(1), "--max-new-tokens", "6"]
    status, lines = said_by(*texts, "--batch-size", "1")
    assert status == 0
    assert [line["output"] for line in lines] == [usual[description(0)], usual[description(1)]]
    other = said_by(*texts, "--prompt", "it is {description} and what is a fox?")[1]
    assert [line["output"] for line in other] != [line["output"] for line in lines]


def test_refusals_need_no_model_and_no_torch(tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    (tmp_path / "bad.json").write_text(json.dumps({**FACTS, "base": "../elsewhere"}))
    (tmp_path / "pictures.json").write_text(json.dumps({**FACTS, "objective": "interleaved"}))
    (adapter / "plumbline.json").write_text(json.dumps(FACTS))
    code = """
import shutil, sys
from stages.cli.__main__ import main
def run(*words):
    try: main(list(words))
    except SystemExit as stopped: print(stopped.code, file=sys.stderr)
asked = ['predict', 'adapter', '--out', 'out']
run(*asked, '--text', 'a fox', '--prompt', 'no place for it')
run(*asked, '--text', 'a fox', '--find', 'a ball')
run(*asked, '--images', '.')
run(*asked, '--rows', 'gone.jsonl')
shutil.copy('bad.json', 'adapter/plumbline.json')
run(*asked, '--text', 'a fox')
shutil.copy('pictures.json', 'adapter/plumbline.json')
run(*asked, '--text', 'a fox')
print(sorted({'torch', 'transformers', 'datasets', 'peft'} & {*sys.modules}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stdout.endswith("[]\n"), done.stderr
    for said in (
        "must contain {description} once",
        "--find: adapter answers in words alone",
        "--images: adapter names what a text describes",
        "gone.jsonl is missing",
        "`adapter.base`",
        "--text: adapter looks at pictures",
    ):
        assert said in done.stderr, said
    assert not (tmp_path / "out").exists()
