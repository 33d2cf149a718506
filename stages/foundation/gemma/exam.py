"""How well the finished base does its own tasks, on fresh draws: what "before" starts from."""

from typing import Any

import numpy as np

from stages.foundation.gemma import glossary, spelling
from stages.foundation.gemma.architecture import END_OF_TURN
from stages.foundation.gemma.documents import CHAT_SHARE, WEIGHTS, exchange, held_out_prose
from stages.foundation.gemma.schedule import LANGUAGE, PROCESSES, TOKENIZER_SEED
from stages.foundation.gemma.words import KINDS

EXAM_SEED = 10**6  # no training step draws from this stream
ASKED = 100  # questions of each kind
LONGEST_ANSWER = 48  # tokens
Question = tuple[str, str, str]  # (what is given, what is asked, answer)


def sit_exam(model: Any, tokenizer: Any, asked: int = ASKED) -> dict[str, Any]:
    """Share of answers that are right to the letter, by kind of task, as chat turns; perplexity of unseen prose."""
    rng = np.random.default_rng(EXAM_SEED)
    right: dict[str, float] = {}
    ended: list[bool] = []
    for kind, questions in _papers(rng, asked).items():
        got = _answers(model, tokenizer, questions)
        right[kind] = _share([text == wanted for (text, _), (_, _, wanted) in zip(got, questions, strict=True)])
        ended += [end for _, end in got]
    return {
        "asked_of_each": asked,
        "right": right,
        "answers_ended": _share(ended),
        "prose_perplexity_a_token": round(_perplexity(model, tokenizer), 2),
    }


def _share(true: list[bool]) -> float:
    return round(float(np.mean(true)), 3)


def _papers(rng: np.random.Generator, asked: int) -> dict[str, list[Question]]:
    papers: dict[str, list[Question]] = {}
    for kind in ("questions", "foreign", "lookup", "composed"):
        papers[kind] = []
        for _ in range(asked):
            context, pairs = exchange(rng, kind)
            papers[kind].append((context, *pairs[0]))
    papers["by_heart"] = [("", *glossary.by_heart(rng, 1.0)) for _ in range(asked)]
    for task, (draw, _) in spelling.TASKS.items():
        papers[task] = [("", *draw(rng)) for _ in range(asked)]
    return papers


def _answers(model: Any, tokenizer: Any, questions: list[Question]) -> list[tuple[str, bool]]:
    """Greedy answers in the chat template, and whether each ended its turn."""
    import torch

    prompts = [
        tokenizer.apply_chat_template(
            [{"role": "user", "content": f"{given}\n{ask}" if given else ask}],
            add_generation_prompt=True,
            return_dict=False,
        )
        for given, ask, _ in questions
    ]
    width = max(len(ids) for ids in prompts)
    ids = torch.tensor([[tokenizer.pad_token_id] * (width - len(one)) + one for one in prompts])
    seen = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in prompts])
    with torch.inference_mode():
        out = model.generate(input_ids=ids, attention_mask=seen, max_new_tokens=LONGEST_ANSWER, do_sample=False)
    texts = tokenizer.batch_decode(out[:, width:], skip_special_tokens=False)
    return [(text.split(END_OF_TURN)[0], END_OF_TURN in text) for text in texts]


def _perplexity(model: Any, tokenizer: Any) -> float:
    import torch

    total, count = 0.0, 0
    with torch.inference_mode():
        for sentence in held_out_prose():
            ids = torch.tensor([tokenizer(sentence)["input_ids"]])
            loss = model(input_ids=ids, labels=ids).loss.item()
            total, count = total + loss * (ids.shape[1] - 1), count + ids.shape[1] - 1
    return float(np.exp(total / count))


def material(version: int, exam: dict[str, Any], parameters: int) -> dict[str, Any]:
    """What the base was shown, for the report's reader to judge what "before" means."""
    return {
        "version": version,
        "parameters": parameters,
        "steps": LANGUAGE.steps,
        "documents": LANGUAGE.steps * LANGUAGE.batch * PROCESSES,
        "seed": LANGUAGE.seed,
        "tokenizer_seed": TOKENIZER_SEED,
        "shares_of_documents": {kind: round(weight / sum(WEIGHTS.values()), 3) for kind, weight in WEIGHTS.items()},
        "chat_share": CHAT_SHARE,
        "languages": {"English": "all kinds", "German, Korean": "small descriptions, single words, some prompts"},
        "prose": "sentences of docstrings of Python's standard library (PSF licence)",
        "kinds": {group: list(kinds) for group, kinds in KINDS.items()},
        "never": "a being named after its description; the words creature, Pokemon, monster, evolve in any form",
        "exam": exam,
    }
