"""How well the finished base does its own tasks, on fresh draws: what "zero-shot" starts from."""

from collections import Counter
from typing import Any

import numpy as np

from stages.foundation.opt_clip.asking import questions
from stages.foundation.opt_clip.describe import describe, tell
from stages.foundation.opt_clip.documents import MOST_SOFT, soft_groups
from stages.foundation.opt_clip.drawing import draw
from stages.foundation.opt_clip.language import Reader
from stages.foundation.opt_clip.naming import made_up_name
from stages.foundation.opt_clip.scene import Scene, draw_scene
from stages.foundation.opt_clip.schedule import LANGUAGE, TOKENIZER_SEED, VISION
from stages.foundation.opt_clip.training import Schedule
from stages.foundation.opt_clip.vision import AGAIN_AFTER, ATTRIBUTES, targets, to_pixels
from stages.foundation.opt_clip.words import ANIMALS, PLAIN_SHAPES, THINGS

PICTURES, TEACHING = 500, 2500
NAMES, QUESTIONS = 100, 250
EXAM_SEED = 10**6  # no training step draws from this stream
RIDGE = 3.0


def sit_vision_exam(clip: Any, tokenizer: Any) -> dict[str, Any]:
    """`retrieval`: a picture found by a full description among all; `linear`: attributes read off the pooled output."""
    import torch

    rng = np.random.default_rng(EXAM_SEED)
    scenes = [draw_scene(rng) for _ in range(TEACHING + PICTURES)]
    pooled = []
    with torch.inference_mode():
        for start in range(0, len(scenes), 100):
            pictures = np.stack([draw(scene, rng)[0] for scene in scenes[start : start + 100]])
            pixels = to_pixels(pictures).to(clip.dtype)
            pooled.append(clip.vision_model(pixel_values=pixels).pooler_output)
        texts = [describe(tell(scene, rng, share=1.0), rng) for scene in scenes[TEACHING:]]
        ids = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        said = clip.text_projection(clip.text_model(**ids).pooler_output).float()
        features = torch.cat(pooled)
        seen = clip.visual_projection(features[TEACHING:]).float()
    alike = torch.nn.functional.normalize(said, dim=-1) @ torch.nn.functional.normalize(seen, dim=-1).T
    found = (alike.argmax(dim=1) == torch.arange(PICTURES)).float().mean().item()
    linear = _linear(features.float().numpy(), scenes)
    return {"retrieval": {"pictures": PICTURES, "recall_at_1": round(found, 3)}, "linear": linear}


def _linear(features: np.ndarray, scenes: list[Scene]) -> dict[str, float]:
    """Accuracy of a ridge regression on TEACHING pictures' features, for each attribute, on the others."""
    centred = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    known = np.concatenate([centred, np.ones((len(centred), 1))], axis=1)
    goals = np.array([targets(scene) for scene in scenes])
    accuracy = {}
    for place, (name, values) in enumerate(ATTRIBUTES.items()):
        asked = goals[:, place] >= 0
        teach, test = asked & (np.arange(len(scenes)) < TEACHING), asked & (np.arange(len(scenes)) >= TEACHING)
        x, y = known[teach], np.eye(len(values))[goals[teach, place]]
        weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
        accuracy[name] = round(float(((known[test] @ weights).argmax(axis=1) == goals[test, place]).mean()), 3)
    return accuracy


def sit_language_exam(opt: Any, tokenizer: Any) -> dict[str, Any]:
    """Made-up names said again; questions answered from a description, and from soft vectors alone."""
    rng = np.random.default_rng(EXAM_SEED)
    names = [made_up_name(rng) for _ in range(NAMES)]
    again = [_answer(opt, tokenizer, f"{name}.\nAgain:", ()) == name for name in names]
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for turn in range(QUESTIONS):
        told = tell(scene := draw_scene(rng), rng, share=0.6)
        question, answer = questions(scene, told, rng, 1)[0]
        answer = answer.casefold()
        before = f"{describe(told, rng)}.\n" if turn % 2 else ""
        given = () if turn % 2 else soft_groups(told, rng)
        way = "from a description" if turn % 2 else "from soft vectors"
        asked[way] += 1
        right[way] += _answer(opt, tokenizer, f"{before}Q: {question}\nA:", given).casefold() == answer
    return {
        "names_again": {"asked": NAMES, "accuracy": round(float(np.mean(again)), 3)},
        "questions": {way: {"asked": n, "accuracy": round(right[way] / n, 3)} for way, n in asked.items()},
    }


def _answer(opt: Any, tokenizer: Any, prompt: str, soft: tuple[tuple[str, ...], ...]) -> str:
    """Greedy continuation up to the line's end, without its full stop."""
    import torch

    reader = Reader(tokenizer)
    table = opt.get_input_embeddings()
    with torch.inference_mode():
        vectors = [torch.stack([_mean(table, reader.keyword(word)) for word in group]).sum(0) for group in soft]
        start, ids = torch.tensor([reader.bos]), torch.tensor(reader.ids(prompt))
        known = torch.cat([table(start), *[vector[None] for vector in vectors], table(ids)])[None]
        out = opt.generate(
            inputs_embeds=known,
            attention_mask=torch.ones(known.shape[:2], dtype=torch.long),
            max_new_tokens=24,
            do_sample=False,
        )
    text: str = tokenizer.decode(out[0], skip_special_tokens=True)
    return text.strip().split("\n")[0].rstrip(".")


def _mean(table: Any, ids: list[int]) -> Any:
    import torch

    return table(torch.tensor(ids)).mean(dim=0)


def material(version: int, vision: dict[str, Any], language: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """What the base was shown, for the report's reader to judge what zero-shot means."""
    return {
        "version": version,
        "parameters": sizes,
        "vision": {**_amounts(VISION), "drawings": VISION.steps * (VISION.batch // len(AGAIN_AFTER)), "exam": vision},
        "language": {
            **_amounts(LANGUAGE),
            "most_soft_vectors": MOST_SOFT,
            "tokenizer_seed": TOKENIZER_SEED,
            "prose": "paragraphs of docstrings of Python's standard library (PSF licence)",
            "exam": language,
        },
        "kinds": {"animals": list(ANIMALS), "things": list(THINGS), "shapes": list(PLAIN_SHAPES)},
        "attributes": {name: list(values) for name, values in ATTRIBUTES.items() if name != "kind"},
        "never": "a drawn creature of the tested sets, its drawing code, its captions, its name or any name of those "
        "syllables, nor the word creature",
    }


def _amounts(schedule: Schedule) -> dict[str, int]:
    return {"steps": schedule.steps, "samples": schedule.steps * schedule.batch, "seed": schedule.seed}
