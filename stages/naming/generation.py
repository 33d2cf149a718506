"""What a model names, by real generation, and how likely it finds names that are given."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.bases import compute_as_in_training
from stages.evaluate.closed import score_labels
from stages.generated import Answer
from stages.naming.templates import stop_ids

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Ids = Sequence[int]


@dataclass(frozen=True)
class Named(Answer):
    """An answer, and whether the model ended it by itself (False: it was cut at `max_new_tokens`)."""

    ended: bool


def generate(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Ids],
    *,
    max_new_tokens: int,
    batch_size: int = 32,
    label: str = "generate",
) -> list[Named]:
    """Greedy answers, in the order of `prompts`; `score` is the probability of the answer with its end.

    An answer is over at the end of the turn or of the sequence, whichever comes first. Prompts are batched by
    length and padded on the left. `label` names the progress bar.
    """
    from tqdm import tqdm

    model.eval()
    compute_as_in_training(model)
    found: dict[int, Named] = {}
    with tqdm(total=len(prompts), desc=label, unit="row") as bar:
        for rows in batches(prompts, batch_size):
            answers = _generate(model, tokenizer, [prompts[row] for row in rows], max_new_tokens)
            found.update(zip(rows, answers, strict=True))
            bar.update(len(rows))
    return [found[row] for row in range(len(prompts))]


def log_likelihoods(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Ids],
    candidates: Sequence[Ids],
    *,
    batch_size: int = 32,
    label: str = "compare names",
) -> "npt.NDArray[np.float64]":
    """Log-likelihood in nats of every candidate after every prompt: (prompts, candidates).

    Equal to one forward pass a pair; a prompt is read once, and what candidates have in common once a prompt
    (`stages.evaluate.closed.score_labels`). Candidates that are the same tokens get the same number.
    """
    import numpy as np
    from tqdm import tqdm

    model.eval()
    compute_as_in_training(model)
    place = {tuple(candidate): 0 for candidate in candidates}
    place = {candidate: number for number, candidate in enumerate(place)}
    column = [place[tuple(candidate)] for candidate in candidates]
    found = np.empty((len(prompts), len(candidates)), np.float64)
    with tqdm(total=len(prompts), desc=label, unit="row") as bar:
        for rows in batches(prompts, batch_size):
            inputs = left_padded(tokenizer, [prompts[row] for row in rows], model.device)
            found[rows] = score_labels(model, inputs, list(place)).cpu().numpy()[:, column]
            bar.update(len(rows))
    return found


def batches(prompts: Sequence[Ids], size: int) -> list[list[int]]:
    """Places of prompts of about the same length, `size` at a time."""
    order = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))
    return [order[start : start + size] for start in range(0, len(order), size)]


def left_padded(tokenizer: Any, prompts: Sequence[Ids], device: Any) -> dict[str, Any]:
    """input_ids and attention_mask (rows, longest)."""
    import torch

    longest = max(len(prompt) for prompt in prompts)
    ids = torch.full((len(prompts), longest), tokenizer.pad_token_id, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(list(prompt))
        mask[row, longest - len(prompt) :] = 1
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


def _generate(model: Any, tokenizer: Any, prompts: Sequence[Ids], max_new_tokens: int) -> list[Named]:
    """One batch."""
    import torch
    from transformers import LogitsProcessor, LogitsProcessorList

    class Taken(LogitsProcessor):  # type: ignore[misc]
        """Notes each step's log-probability of the token that greedy search takes: all scores would be large."""

        def __init__(self) -> None:
            self.steps: list[torch.Tensor] = []

        def __call__(self, ids: Any, scores: Any) -> Any:
            self.steps.append(scores.float().log_softmax(-1).amax(-1))
            return scores

    taken, stops = Taken(), stop_ids(tokenizer)
    inputs = left_padded(tokenizer, prompts, model.device)
    with torch.inference_mode():
        out = model.generate(
            **inputs,
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=list(stops),
            pad_token_id=tokenizer.pad_token_id,
            logits_processor=LogitsProcessorList([taken]),
        )
    new = out[:, inputs["input_ids"].shape[1] :].tolist()
    chances = torch.stack(taken.steps, dim=1).tolist()
    return [_cut(tokenizer, tokens, logs, stops) for tokens, logs in zip(new, chances, strict=True)]


def _cut(tokenizer: Any, tokens: list[int], chances: list[float], stops: Ids) -> Named:
    """The answer up to its end, which is counted in the score and not shown."""
    end = next((place for place, token in enumerate(tokens) if token in stops), None)
    length = len(tokens) if end is None else end
    score = min(1.0, math.exp(sum(chances[: length + 1])))
    text = tokenizer.decode(tokens[:length], skip_special_tokens=True)
    return Named(str(text).strip(), round(score, 6), end is not None)
