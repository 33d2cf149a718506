"""What the models say and how likely they find every name: the base, the tuned model, and it without a description."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stages.adapter import attach
from stages.bases import pick_device
from stages.evaluate.naming.given import Given
from stages.evaluate.naming.ranking import Scores
from stages.naming.generation import generate, log_likelihoods
from stages.naming.model import load_language, load_tokenizer
from stages.naming.templates import Templates

WITHHELD = "..."  # stands where the description would, for the blind model


@dataclass(frozen=True)
class Heard:
    """One model on all test rows: its answers, whether each ended by itself, and log-likelihoods of all names.

    `likelihoods` in nats, summed over a name's tokens and the end of its turn, (ranked rows, names); `lengths` are the
    numbers of those tokens, (names,).
    """

    said: list[str]
    ended: list[bool]
    likelihoods: Scores
    lengths: NDArray[np.int64]


def ask_models(given: Given) -> dict[str, Heard]:
    """{"zero_shot", "tuned", "blind"}: identical rows, prompts and names for each."""
    params = given.params
    tokenizer = load_tokenizer(given.base, params.model)
    templates = Templates(tokenizer, params.tokenize)
    model = load_language(given.base, params.model, params.train, pick_device(params.evaluate.device))
    listener = _Listener(given, tokenizer, templates.candidates(given.names.texts))
    prompts = [row.prompt_ids for row in given.test]
    zero_shot = listener.hear(model, "zero-shot", prompts, given.ranked)
    model = attach(model, given.trained)
    tuned = listener.hear(model, "tuned", prompts, given.ranked)
    one = listener.hear(model, "blind", [templates.prompt_ids(WITHHELD)], [0])
    rows = len(given.test)
    unseen = np.repeat(one.likelihoods, len(given.ranked), axis=0)
    blind = Heard(one.said * rows, one.ended * rows, unseen, one.lengths)
    return {"zero_shot": zero_shot, "tuned": tuned, "blind": blind}


@dataclass(frozen=True)
class _Listener:
    given: Given
    tokenizer: Any
    candidates: list[list[int]]

    def hear(self, model: Any, label: str, prompts: Sequence[Sequence[int]], ranked: Sequence[int]) -> Heard:
        """`label` names the progress bars."""
        settings = self.given.params.evaluate
        size, most = settings.batch_size, settings.max_new_tokens
        said = generate(model, self.tokenizer, prompts, max_new_tokens=most, batch_size=size, label=label)
        asked, label = [prompts[place] for place in ranked], f"{label}, all names"
        found = log_likelihoods(model, self.tokenizer, asked, self.candidates, batch_size=size, label=label)
        lengths = np.array([len(candidate) for candidate in self.candidates])
        return Heard([one.text for one in said], [one.ended for one in said], found, lengths)
