"""How well the finished base does its own tasks on fresh draws: what "zero-shot" and "few-shot" start from."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

from stages.foundation.idefics.documents import (
    ANSWER,
    MOST_PICTURES,
    Document,
    Sorting,
    choose_sorting,
    prompt_of,
    write_sorting,
)
from stages.foundation.idefics.drawing import draw
from stages.foundation.idefics.encoding import encode, hidden_of, to_pixels
from stages.foundation.idefics.scene import Scene, draw_scene
from stages.foundation.idefics.schedule import BOTH, DECODER, PROCESSES, TOKENIZER_SEED, TOWER
from stages.foundation.idefics.targets import ATTRIBUTES, attributes_of
from stages.foundation.idefics.texts import KINDS_OF_QUESTIONS, Question, questions
from stages.foundation.idefics.withheld import FORBIDDEN
from stages.foundation.idefics.writing import again, pairs

PICTURES, TEACHING = 500, 2000
EXAMPLES, MADE_UP_EXAMPLES = (0, 1, 2, 4), (2, 4)
ASKED, SORTINGS, WRITTEN = 100, 200, 200  # questions of a kind; sortings; texts without pictures of a kind
EXAM_SEED = 10**6  # no training step draws from this stream
RIDGE = 3.0


def sit_exam(model: Any, tokenizer: Any) -> dict[str, Any]:
    """Accuracies; "questions": by number of examples, then by kind."""
    rng = np.random.default_rng(EXAM_SEED)
    scenes = [draw_scene(rng) for _ in range(TEACHING + PICTURES)]
    states, pooled = see(model, np.stack([draw(scene, rng)[0] for scene in scenes]))
    asked, states = scenes[TEACHING:], states[TEACHING:]
    answered = {
        str(examples): _answer_questions(model, tokenizer, asked, states, examples, rng) for examples in EXAMPLES
    }
    sorted_ = {str(examples): _sort(model, tokenizer, asked, states, examples, rng) for examples in MADE_UP_EXAMPLES}
    return {
        "questions": answered,
        "made_up_words": {"chance": 0.5, "accuracy": sorted_},
        "written": _write(model, tokenizer, states[:1], scenes[0], rng),
        "linear": _linear(pooled.numpy(), scenes),
    }


def see(model: Any, pictures: np.ndarray) -> tuple[Any, Any]:
    """The tower's states (n, patches + 1, width) and its pooled output, float32."""
    import torch

    found = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 100):
            found.append(model.model.vision_model(pixel_values=to_pixels(pictures[start : start + 100])))
    return torch.cat([one.last_hidden_state for one in found]), torch.cat([one.pooler_output for one in found])


def _answer_questions(
    model: Any, tokenizer: Any, scenes: list[Scene], states: Any, examples: int, rng: np.random.Generator
) -> dict[str, float]:
    """Share of questions whose every answer token is the likeliest one, after examples of the same kind."""
    by_kind: dict[str, list[tuple[int, Question]]] = defaultdict(list)
    for number, scene in enumerate(scenes):
        for question in {question.kind: question for question in questions(scene, rng)}.values():
            by_kind[question.kind].append((number, question))
    accuracy = {}
    for kind in KINDS_OF_QUESTIONS:
        documents = []
        for number, question in by_kind[kind][:ASKED]:
            others = [one for one in by_kind[kind] if one[0] != number]
            others.sort(key=lambda one: (one[1].text != question.text, rng.random()))
            documents.append(_with_examples(others[:examples], (number, question)))
        right = [all_right for all_right, _ in read(model, tokenizer, documents, states)]
        accuracy[kind] = round(float(np.mean(right)), 3)
    return accuracy


def _with_examples(examples: list[tuple[int, Question]], query: tuple[int, Question]) -> Document:
    document = Document()
    for number, question in examples:
        document.show(number)
        document.say(f"{prompt_of(question.text)} {question.answer}\n", 0.0)
    document.show(query[0])
    document.say(prompt_of(query[1].text), 0.0)
    document.say(f" {query[1].answer}", ANSWER)
    return document


def _sort(
    model: Any, tokenizer: Any, scenes: list[Scene], states: Any, examples: int, rng: np.random.Generator
) -> float:
    """Share of queries whose own made-up word is likelier than the other one."""
    pairs: list[Document] = []
    while len(pairs) < 2 * SORTINGS:
        few = [int(place) for place in rng.permutation(len(scenes))[:40]]
        sorting = choose_sorting([scenes[place] for place in few], rng, 2, examples)
        if not sorting:
            continue
        seed = int(rng.integers(10**6))
        shown = tuple((few[number], group) for number, group in sorting.shown)
        for group in (shown[-1][1], 1 - shown[-1][1]):
            tried = Sorting(sorting.by, (*shown[:-1], (shown[-1][0], group)), sorting.words)
            document = write_sorting(tried, np.random.default_rng(seed))
            start = document.text.rindex(" Answer:") + len(" Answer:")
            document.weights = [0.0] * start + [ANSWER] * (len(document.text) - start - len("</s>")) + [0.0] * 4
            pairs.append(document)
    likely = [score for _, score in read(model, tokenizer, pairs, states)]
    return round(float(np.mean(np.array(likely[::2]) > np.array(likely[1::2]))), 3)


def _write(model: Any, tokenizer: Any, states: Any, scene: Scene, rng: np.random.Generator) -> dict[str, float]:
    """Share of texts whose every token that follows from what was read is the likeliest one."""
    kinds: dict[str, Callable[[], Document]] = {
        "one word again": lambda: again(scene, rng, 0.0),
        "words again": lambda: again(scene, rng, 1.0),
        "one pair": lambda: pairs(rng, 0.0),
        "pairs": lambda: pairs(rng, 1.0),
    }
    found = {name: read(model, tokenizer, [make() for _ in range(WRITTEN)], states) for name, make in kinds.items()}
    return {name: round(float(np.mean([all_right for all_right, _ in ones])), 3) for name, ones in found.items()}


def read(model: Any, tokenizer: Any, documents: list[Document], states: Any) -> list[tuple[bool, float]]:
    """For each document, of the tokens that count: whether each is the likeliest, and their summed log-probability."""
    import torch

    found: list[tuple[bool, float]] = []
    for start in range(0, len(documents), 50):
        batch = encode(tokenizer, documents[start : start + 50])
        with torch.inference_mode():
            logits = model.lm_head(hidden_of(model, batch, states)[:, :-1]).float()
        goal, counted = batch.ids[:, 1:], batch.weights[:, 1:] >= ANSWER
        scores = logits.log_softmax(-1).gather(-1, goal[..., None])[..., 0]
        right = (logits.argmax(-1) == goal) | ~counted
        found += zip(right.all(1).tolist(), (scores * counted).sum(1).tolist(), strict=True)
    return found


def _linear(features: np.ndarray, scenes: list[Scene]) -> dict[str, float]:
    """Accuracy of a ridge regression on TEACHING pictures' pooled features, for each attribute, on the others."""
    centred = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    known = np.concatenate([centred, np.ones((len(centred), 1))], axis=1)
    goals = np.array([attributes_of(scene) for scene in scenes])
    teaching = np.arange(len(scenes)) < TEACHING
    accuracy = {}
    for place, (name, (values, _)) in enumerate(ATTRIBUTES.items()):
        asked = goals[:, place] >= 0
        teach, test = asked & teaching, asked & ~teaching
        x, y = known[teach], np.eye(len(values))[goals[teach, place]]
        weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ y)
        accuracy[name] = round(float(((known[test] @ weights).argmax(axis=1) == goals[test, place]).mean()), 3)
    return accuracy


def material(version: int, results: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """What the base was shown, for the report's reader to judge what zero-shot means."""
    return {
        "version": version,
        "parameters": sizes,
        "training": {
            "tower": vars(TOWER),
            "decoder": vars(DECODER) | {"sees": "a stand-in for the tower's states"},
            "both": vars(BOTH) | {"processes": PROCESSES},
            "tokenizer_seed": TOKENIZER_SEED,
        },
        "prose": "sentences of docstrings of Python's standard library (PSF licence)",
        "separator": "a newline ends an example, alone or behind a full stop",
        "most_pictures": MOST_PICTURES,
        "attributes": {name: list(values) for name, (values, _) in ATTRIBUTES.items()},
        "exam": results,
        "never": {"words": list(FORBIDDEN), "scenes": "arrangements of a sport, withheld.is_arrangement"},
        "to_know": TO_KNOW,
    }


TO_KNOW = [
    "Two choices were made after a look at drawn sports: patches of 12 rather than 16 pixels (linear probes of two "
    "half-trained towers), and grain, blur and uneven light on the general scenes, as on those. No picture, name or "
    "arrangement of a sport was learned from.",
    "Poses (standing, running, sitting, ...) and single things (board, boat, net, ...) are general; "
    "some occur in sports.",
]
