"""`plumbline predict`: answers in input order, nothing lost, and refusals before anything is loaded."""

import json
from pathlib import Path

import pytest
from letters import picture, write_adapter, write_base
from PIL import Image

from stages.cli import predict
from stages.cli.__main__ import main
from stages.evaluate.answers.generation import Answer


def ask(batch: list[tuple[list[int], Image.Image]]) -> list[Answer]:
    """Stands for the model: how long the prompt is, and the first pixel."""
    return [Answer(f"{ids[0]} {picture.getpixel((0, 0))[0]}", 0.5) for ids, picture in batch]  # type: ignore[index]


def prepare(question: predict.Question) -> tuple[list[int], Image.Image]:
    return [len(question.prompt)], predict.open_picture(question.path)


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
    monkeypatch.setattr(predict, "ROWS_AT_ONCE", at_once)
    questions = predict.questions_in_folder(pictures(tmp_path / "in"), "abc", recursive=True)
    lines = list(predict.answer_lines(questions, prepare, ask))
    assert [(line["input"], line["output"]) for line in lines] == [
        ("a.jpg", "3 20"),
        ("b.png", "3 10"),
        ("bad.png", None),
        ("c.no-suffix", "3 30"),
        ("sub/d.png", "3 40"),
    ]
    assert lines[2]["error"] == "not a PNG, JPEG, WEBP or GIF picture"
    assert lines[2]["score"] is None
    assert [question.input for question in predict.questions_in_folder(tmp_path / "in", "abc")][-1] == "c.no-suffix"


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
    lines = list(predict.answer_lines(predict.questions_in_rows(tmp_path / "rows.jsonl", "ab"), prepare, ask))
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
