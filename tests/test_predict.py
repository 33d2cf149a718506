"""`plumbline predict`: answers in input order, nothing lost, and refusals before anything is loaded."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from letters import picture, write_adapter, write_base
from PIL import Image
from talking import project

from stages.cli import questions
from stages.cli.__main__ import main
from stages.generated import Answer
from stages.pictures import open_picture


def ask(batch: list[tuple[list[int], Image.Image]]) -> list[Answer]:
    """Stands for the model: how long the prompt is, and the first pixel."""
    return [Answer(f"{ids[0]} {picture.getpixel((0, 0))[0]}", 0.5) for ids, picture in batch]  # type: ignore[index]


def prepare(question: questions.Question) -> tuple[list[int], Image.Image]:
    return [len(question.prompt or "")], open_picture(question.path)


def pictures(folder: Path) -> Path:
    folder.mkdir()
    for red, name in ((10, "b.png"), (20, "a.jpg"), (30, "c.no-suffix")):
        Image.new("RGB", (4, 4), (red, 0, 0)).save(folder / name, "PNG")
    (folder / "bad.png").write_text("not a picture")
    (folder / "table.csv").write_text("x")
    (folder / ".hidden.png").write_text("x")
    (folder / "sub").mkdir()
    Image.new("RGB", (4, 4), (40, 0, 0)).save(folder / "sub/d.png")
    return folder


@pytest.mark.parametrize("at_once", [1, 2, 512])
def test_answers_come_in_input_order_and_nothing_is_lost(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "ROWS_AT_ONCE", at_once)
    asked = questions.questions_in_folder(pictures(tmp_path / "in"), "abc", recursive=True)
    lines = list(questions.answer_lines(asked, prepare, ask))
    assert [(line["input"], line["output"]) for line in lines] == [
        ("a.jpg", "3 20"),
        ("b.png", "3 10"),
        ("bad.png", None),
        ("c.no-suffix", "3 30"),
        ("sub/d.png", "3 40"),
    ]
    assert lines[2]["error"] == "not a PNG, JPEG, WEBP or GIF picture"
    assert lines[2]["score"] is None
    assert [question.input for question in questions.questions_in_folder(tmp_path / "in", "abc")][-1] == "c.no-suffix"


def test_rows_with_their_own_prompts(tmp_path: Path) -> None:
    pictures(tmp_path / "in")
    rows = [
        '{"image": "in/b.png", "prompt": "four"}',
        '{"image": "in/a.jpg"}',
        "{",
        "[]",
        '{"image": "gone.png"}',
        '{"image": 1}',
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join([*rows, '{"image": "in/b.png", "prompt": 1}']))
    lines = list(questions.answer_lines(questions.questions_in_rows(tmp_path / "rows.jsonl", "ab"), prepare, ask))
    assert [line["output"] for line in lines] == ["4 10", "2 20", None, None, None, None, None]
    assert [line["input"] for line in lines[2:]] == [None, None, "gone.png", None, "in/b.png"]


FACTS = {
    "model": {"id": "tiny", "revision": None},
    "base": "tiny",
    "tokenize": {"prompt": "Which?"},
    "quantisation": "nf4",
    "double_quantisation": True,
    "compute_dtype": "bfloat16",
    "task": "letter",
}


def test_predict_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    adapter = write_adapter(tmp_path / "adapter", write_base(tmp_path / "bases/tiny"))
    (adapter / "plumbline.json").write_text(json.dumps(FACTS))
    images = tmp_path / "in"
    images.mkdir()
    for i, word in enumerate(("kite", "Row", "ox")):
        picture(word, i).save(images / f"{word}.png")
    (images / "bad.png").touch()
    out = tmp_path / "deep/out.jsonl"
    common = ["--out", str(out), "--base-dir", str(tmp_path / "bases"), "--device", "cpu"]
    with pytest.raises(SystemExit) as stopped:
        main(["predict", str(adapter), "--images", str(images), *common])
    assert stopped.value.code == 1
    assert "error: bad.png: " in capsys.readouterr().err
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["input"] for line in lines] == ["Row.png", "bad.png", "kite.png", "ox.png"]
    bad = lines.pop(1)
    assert (bad["output"], bad["score"], set(bad)) == (None, None, {"input", "output", "score", "error"})
    assert all(set(line) == {"input", "output", "score"} and 0 <= line["score"] <= 1 for line in lines)

    rows = [{"image": "in/ox.png"}, {"image": "in/ox.png", "prompt": "a<eos>b"}]
    rows += [{"image": "in/ox.png", "prompt": prompt} for prompt in ("<image>", "long " * 200)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(SystemExit):
        main(["predict", str(adapter), "--rows", str(tmp_path / "rows.jsonl"), *common])
    first, *others = [json.loads(line) for line in out.read_text().splitlines()]
    assert first["output"] == lines[-1]["output"]
    says = ("control token", "must not hold <image>", "tokens with its picture")
    assert all(said in line["error"] for said, line in zip(says, others, strict=True))


def test_predict_refuses_before_anything_is_loaded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*argv: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(["predict", str(tmp_path), "--out", str(tmp_path / "out"), *argv])
        assert stopped.value.code == 1
        return capsys.readouterr().err

    images = ["--images", str(pictures(tmp_path / "in"))]
    assert "plumbline.json is missing" in said(*images)
    (tmp_path / "plumbline.json").write_text(json.dumps({**FACTS, "base": "../elsewhere"}))
    assert "`adapter.base`" in said(*images)
    (tmp_path / "plumbline.json").write_text(json.dumps(FACTS))
    assert "<image>" in said(*images, "--prompt", "<image>")
    assert "--batch-size 0" in said(*images, "--batch-size", "0")
    assert "is no folder" in said("--images", str(tmp_path / "none"))
    assert "is missing" in said("--rows", str(tmp_path / "none"))
    assert "adapter_config.json is missing" in said(*images)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def grounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a grounding adapter, and a folder of pictures beside it."""
    root = tmp_path_factory.mktemp("grounded")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        (root / "params.yaml").write_text("threads: 1\n")
        project(root)
        (root / "in").mkdir()
        for colour in ("red", "green", "blue"):
            Image.new("RGB", (40, 60), colour).save(root / f"in/{colour}.png")
        (root / "in/bad.png").write_text("not a picture")
        yield root


def said_by(*argv: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status and lines of `plumbline predict models/trained/pets ...`, run in the project."""
    status = 0
    try:
        main(["predict", "models/trained/pets", "--out", "out.jsonl", "--device", "cpu", *argv])
    except SystemExit as stopped:
        status = int(stopped.code or 0)
    return status, [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]


def test_a_grounding_adapter_describes_and_answers(grounded: Path) -> None:
    few = ["--max-new-tokens", "5"]
    status, captions = said_by("--images", "in", *few)
    assert status == 1
    assert [line["input"] for line in captions] == ["bad.png", "blue.png", "green.png", "red.png"]
    assert captions[0] == {"input": "bad.png", "output": None, "score": None, "error": captions[0]["error"]}
    assert all(set(line) == {"input", "output", "score"} and 0 < line["score"] <= 1 for line in captions[1:])
    assert said_by("--images", "in", *few, "--batch-size", "1")[1] == [
        {**line, "score": line["score"] and pytest.approx(line["score"], abs=1e-5)} for line in captions
    ]
    asked = said_by("--images", "in", *few, "--prompt", "what\nis it?")[1]
    assert [line["output"] for line in asked] != [line["output"] for line in captions]
    rows = [{"image": "in/red.png", "prompt": "what is it?"}, {"image": "in/red.png"}, {"image": "gone.png"}]
    rows += [{"image": "in/red.png", "prompt": prompt} for prompt in (" ", None, "long " * 99)]
    (grounded / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    status, lines = said_by("--rows", "rows.jsonl", *few)
    assert status == 1
    assert [line["output"] for line in lines[:3]] == [asked[3]["output"], captions[3]["output"], None]
    says = ("the prompt is empty", '"prompt" must be text', "shorten it, or lower")
    assert all(word in line["error"] for word, line in zip(says, lines[3:], strict=True))


def test_the_score_is_the_probability_of_what_was_said(grounded: Path) -> None:
    """Against one pass over the prompt and the answer, [RET] left out of what can be said."""
    import torch

    from stages.grounding.build import load_trained
    from stages.tokenize.grounding.encode import Marks, caption_sequence

    trained = load_trained(Path("models/trained/pets"), Path("models/base"), "cpu")
    model, marks = trained.model, Marks.of(trained.tokenizer, trained.model.config.visual_tokens)
    with open_picture(Path("in/red.png")) as red:
        features = torch.from_numpy(trained.tower.pooled([red]))
    start = torch.tensor([caption_sequence(marks, [()]).ids[:-1]])
    said = model.generate(start, features=features, max_new_tokens=5, stop_ids={marks.eos}, min_word_tokens=5)
    new = [*said.ids[0], *([] if said.stopped[0] is None else [said.stopped[0]])]
    with torch.no_grad():
        hidden, _ = model.hidden_of(torch.cat([start, torch.tensor([new])], 1), None, features)
        logs = model.logits_of(hidden[0, start.shape[1] - 1 : -1])[:, : model.config.ret_id].log_softmax(-1)
    wanted = float(logs[range(len(new)), new].sum().exp())
    lines = said_by("--images", "in", "--max-new-tokens", "5")[1]
    assert lines[-1]["score"] == pytest.approx(wanted, abs=2e-6)


def test_pictures_are_ranked_for_a_text(grounded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = said_by("--images", "in", "--find", "a red pet", "--top", "2")
    assert status == 1
    assert [set(line) for line in lines] == [{"input", "output", "score"}] * 2 + [{"input", "output", "score", "error"}]
    assert all(line["input"] == "a red pet" for line in lines)
    assert lines[0]["score"] >= lines[1]["score"]
    assert lines[2]["error"].startswith("bad.png: ")
    assert "2 of 4 pictures named" in capsys.readouterr().out
    ranked = said_by("--images", "in", "--find", "a red pet")[1]
    assert sorted(line["output"] for line in ranked[:3]) == ["blue.png", "green.png", "red.png"]
    for argv, says in (
        (["--rows", "rows.jsonl", "--find", "x"], "--images DIR instead"),
        (["--images", "in", "--find", " "], "is empty"),
        (["--images", "in", "--find", "x", "--top", "0"], "--top 0"),
        (["--images", "in", "--prompt", " "], "the prompt is empty"),
    ):
        assert said_by(*argv)[0] == 1
        assert says in capsys.readouterr().err


def test_find_and_unknown_objectives_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for facts, says in ((FACTS, "answers in words alone"), ({**FACTS, "objective": "other"}, "allowed: answers")):
        (tmp_path / "plumbline.json").write_text(json.dumps(facts))
        with pytest.raises(SystemExit):
            main(["predict", str(tmp_path), "--out", str(tmp_path / "out"), "--images", "x", "--find", "x"])
        assert says in capsys.readouterr().err
