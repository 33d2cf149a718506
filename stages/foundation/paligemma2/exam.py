"""How well the finished base does its own tasks, on fresh draws: what "zero-shot" starts from."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from stages.foundation.paligemma2.drawing import MARKS, draw
from stages.foundation.paligemma2.questions import FIXED_PROMPTS, LONGEST, WEIGHTS, Question, ask
from stages.foundation.paligemma2.train import Encoder, Schedule

QUESTIONS = 1500
EXAM_SEED = 10**6  # no training step draws from this stream
BATCH = 50


def sit_exam(model: Any, processor: Any, faces: list[Path]) -> dict[str, dict[str, Any]]:
    """Greedy answers to fresh questions: task -> {"asked", "accuracy", "prompt"} (whole answer right)."""
    import torch

    rng = np.random.default_rng(EXAM_SEED)
    questions = [ask(rng, faces, LONGEST) for _ in range(QUESTIONS)]
    encoder = Encoder(processor.tokenizer, processor.image_seq_length)
    by_length: dict[int, list[Question]] = {}
    for question in questions:  # prompts of one length need no padding, which PaliGemma's positions don't know
        by_length.setdefault(len(encoder(question)[0]), []).append(question)
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    prompts: dict[str, str] = {}
    for same_length in by_length.values():
        for start in range(0, len(same_length), BATCH):
            batch = same_length[start : start + BATCH]
            pictures = [draw(question.line, rng, question.whole_line)[0] for question in batch]
            ids = torch.tensor([encoder(question)[0] for question in batch])
            pixels = processor.image_processor(pictures, do_resize=False, return_tensors="pt")["pixel_values"]
            with torch.inference_mode():
                out = model.generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    token_type_ids=torch.zeros_like(ids),
                    pixel_values=pixels.to(model.dtype),
                    max_new_tokens=LONGEST,
                    do_sample=False,
                )
            for question, answer in zip(batch, out[:, ids.shape[1] :], strict=True):
                text = processor.tokenizer.decode(answer, skip_special_tokens=True).strip()
                for name in (question.task, f"marked: {question.line.mark}")[: 2 if question.task == "marked" else 1]:
                    asked[name] += 1
                    right[name] += text == question.suffix
                    prompts.setdefault(name, FIXED_PROMPTS.get(question.task, question.prompt))
    return {
        name: {"asked": count, "accuracy": round(right[name] / count, 3), "prompt": prompts[name]}
        for name, count in sorted(asked.items())
    }


def material(schedule: Schedule, version: int, families: list[str], exam: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the base was shown, for the report's reader to judge what zero-shot means."""
    seen = schedule.steps * schedule.batch
    share = {task: weight / sum(WEIGHTS.values()) for task, weight in WEIGHTS.items()}
    return {
        "version": version,
        "steps": schedule.steps,
        "images_seen": seen,
        "tasks": {
            name: {**found, **({"images": round(seen * share[name])} if name in share else {})}
            for name, found in exam.items()
        },
        "marks": list(MARKS),
        "font_families": sorted(families),
        "words": "made up: syllables and random letters, 1 to 20 long, none of the fifth that is kept for testing",
        "never": "a letter inside a circle, an oval or any closed ring; a test word; a test font family",
    }
