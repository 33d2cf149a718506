"""How well the finished base does its own tasks, on fresh draws; the two halves are examined apart."""

import re
from itertools import zip_longest
from typing import Any

import numpy as np

from stages.foundation.clip_phi.architecture import END
from stages.foundation.clip_phi.asking import questions
from stages.foundation.clip_phi.documents import SOFT_SHARE
from stages.foundation.clip_phi.drawing import draw
from stages.foundation.clip_phi.facts import FACTS
from stages.foundation.clip_phi.language import Reader, make_bases, vectors
from stages.foundation.clip_phi.prefix import FEW, vectors_of
from stages.foundation.clip_phi.scene import draw_scene
from stages.foundation.clip_phi.schedule import LANGUAGE, TOKENIZER_SEED, VISION
from stages.foundation.clip_phi.telling import describe, everything, tell
from stages.foundation.clip_phi.training import Schedule
from stages.foundation.clip_phi.vision import AGAIN_AFTER, UNSEEN, at_patches, patch_states, to_pixels
from stages.foundation.clip_phi.words import COLOURS, EVERY_WORD, KINDS, PLACES

PICTURES, TEACHING = 300, 700
AGAIN, QUESTIONS = 60, 240
EXAM_SEED = 10**6  # no training step draws from this stream
RIDGE = 3.0


def sit_vision_exam(clip: Any, tokenizer: Any) -> dict[str, Any]:
    """`retrieval`: a picture found by a description among all; `patches`: facts read off the penultimate layer."""
    import torch

    rng = np.random.default_rng(EXAM_SEED)
    scenes = [draw_scene(rng) for _ in range(TEACHING + PICTURES)]
    states, facts, seen = [], [], []
    with torch.inference_mode():
        for start in range(0, len(scenes), 100):
            drawn = [draw(scene, rng) for scene in scenes[start : start + 100]]
            facts += [at_patches(spots, scene) for (_, spots), scene in zip(drawn, scenes[start:], strict=False)]
            pixels = to_pixels(np.stack([picture for picture, _ in drawn])).to(clip.dtype)
            states.append(patch_states(clip, pixels).float())
            seen.append(clip.visual_projection(clip.vision_model(pixel_values=pixels).pooler_output).float())
        texts = [describe(tell(scene, rng, 1.0), rng) for scene in scenes[TEACHING:]]
        ids = tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        said = clip.text_projection(clip.text_model(**ids).pooler_output).float()
    normalize = torch.nn.functional.normalize
    alike = normalize(said, dim=-1) @ normalize(torch.cat(seen)[TEACHING:], dim=-1).T
    found = (alike.argmax(dim=1) == torch.arange(PICTURES)).float().mean().item()
    linear = _linear(torch.cat(states).numpy(), np.stack(facts))
    return {"retrieval": {"pictures": PICTURES, "recall_at_1": round(found, 3)}, "patches": linear}


def _linear(states: np.ndarray, facts: np.ndarray) -> dict[str, float]:
    """Accuracy at patches with things of a ridge regression on TEACHING pictures' patches, on the other pictures.

    `place` is asked, and taught, at every patch; all else where there is a thing: ground would drown the kinds.
    """
    flat = states.reshape(-1, states.shape[-1])
    flat = (flat - flat.mean(axis=0)) / (flat.std(axis=0) + 1e-6)
    known = np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
    teaching = np.repeat(np.arange(len(states)) < TEACHING, states.shape[1])
    things = facts[:, 0].ravel() > 0
    accuracy = {}
    for place, (name, values) in enumerate(FACTS.items()):
        goal = facts[:, place].ravel()
        asked = goal != UNSEEN
        there = asked & (things | (name == "place"))
        teach, test = there & teaching, there & ~teaching
        x, y = known[teach], np.eye(len(values))[goal[teach]]
        weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
        accuracy[name] = round(float(((known[test] @ weights).argmax(axis=1) == goal[test]).mean()), 3)
    return accuracy


def sit_language_exam(phi: Any, tokenizer: Any) -> dict[str, Any]:
    """Words said again; questions answered in one go from a description, and from vectors alone (few, and a grid)."""
    rng = np.random.default_rng(EXAM_SEED)
    reader, bases = Reader(tokenizer), make_bases(LANGUAGE.seed)
    again = []
    for _ in range(AGAIN):
        words = [str(word) for word in rng.permutation(EVERY_WORD)[:6]]
        said = _answer(phi, reader, f"Words: {' '.join(words)}.\nAgain:", None).rstrip(".").split(" ")
        again += [one == other for one, other in zip_longest(words, said[: len(words)])]
    results: dict[str, Any] = {"again": {"asked": len(again), "accuracy": round(float(np.mean(again)), 3)}}
    for way, progress in (("a description", None), ("few vectors", 0.5), ("vectors", 1.0)):
        right = []
        for _ in range(QUESTIONS):
            scene = draw_scene(rng)
            told = everything(scene) if progress else tell(scene, rng, 0.9)
            question, answer = questions(told, rng, 1)[0]
            if progress:
                table = phi.get_input_embeddings().weight.detach()
                before, soft = "", vectors(table, bases, reader, list(vectors_of(scene, rng, progress)))
            else:
                before, soft = f"{describe(told, rng)}.\n", None
            right.append(_same(_answer(phi, reader, f"{before}USER: {question}\nASSISTANT:", soft), answer))
        results[f"questions from {way}"] = {"asked": QUESTIONS, "accuracy": round(float(np.mean(right)), 3)}
    return results


def _same(given: str, wanted: str) -> bool:
    """One is the other, or the short form of it, apart from capitals and punctuation."""
    given, wanted = (f" {re.sub(r'[^a-z0-9 ]', '', text.casefold())} " for text in (given, wanted))
    return given in wanted or wanted in given


def _answer(phi: Any, reader: Reader, prompt: str, soft: Any | None) -> str:
    """Greedy continuation up to the end; vectors stand first."""
    import torch

    with torch.inference_mode():
        known = phi.get_input_embeddings()(torch.tensor(reader.ids(prompt)))
        known = known if soft is None else torch.cat([soft.to(known.dtype), known])
        out = phi.generate(
            inputs_embeds=known[None],
            attention_mask=torch.ones(1, len(known), dtype=torch.long),
            max_new_tokens=32,
            do_sample=False,
        )
    text: str = reader.tokenizer.decode(out[0], skip_special_tokens=True)
    return text.strip().split("\n")[0]


def material(version: int, vision: dict[str, Any], language: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """What the base was shown, for the report's reader to judge what it knew before any fine-tuning."""
    return {
        "version": version,
        "parameters": sizes,
        "vision": {**_amounts(VISION), "drawings": VISION.steps * (VISION.batch // len(AGAIN_AFTER)), "exam": vision},
        "language": {
            **_amounts(LANGUAGE),
            "told_by_vectors": SOFT_SHARE,
            "few_vectors": FEW,
            "ends": END,
            "tokenizer_seed": TOKENIZER_SEED,
            "prose": "paragraphs of docstrings of Python's standard library (PSF licence)",
            "exam": language,
        },
        "kinds": list(KINDS),
        "colours": list(COLOURS),
        "places": list(PLACES),
        "never": "a sample's picture, its drawing code, its captions, questions or answers; the two halves were never "
        "joined: the language model has seen no state of the tower",
    }


def _amounts(schedule: Schedule) -> dict[str, int]:
    return {"steps": schedule.steps, "samples": schedule.steps * schedule.batch, "seed": schedule.seed}
