"""Greedy answers with a key-value cache, in which the model may say [RET] and so ask for a picture.

The factor on [RET] multiplies its raw logit before the argmax, as in the released code (models.py,
`generate`), which uses 1.0 to 1.3: above 1 makes [RET] more frequent while its logit is positive, and rarer
where it is negative. It is no probability and no threshold.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from stages.params import UserError

if TYPE_CHECKING:
    from stages.grounding.model import Fromage


@dataclass(frozen=True)
class Answers:
    """One row's new ids each, without what stopped it; where that was [RET], its embedding too.

    `retrieval[i]` is (shared_width,) of length 1, from the state *at* [RET], as in training; None where row i
    stopped for another reason. `stopped[i]` is the id that ended it, None when max_new_tokens did.
    `logs[i]` is the log probability (nats) of all that row i said, what stopped it included, among what it
    could say: with the factor on [RET], and without [RET] where that was out of the question.
    """

    ids: list[list[int]]
    retrieval: list[Tensor | None]
    stopped: list[int | None]
    logs: list[float] = field(default_factory=list)


def answer(
    model: "Fromage",
    input_ids: Tensor,
    attention_mask: Tensor,
    features: Tensor | None,
    *,
    max_new_tokens: int,
    stop_ids: Collection[int],
    ret_scale_factor: float,
    min_word_tokens: int,
) -> Answers:
    """Continue each row until a stop id, [RET] or max_new_tokens; rows are equally long or padded on the left.

    [RET] is out of the question for the first `min_word_tokens`. UserError when prompt and answer don't fit
    the language model's positions; ValueError for padding on the right, where nothing can be appended.
    """
    _check(model, attention_mask, max_new_tokens)
    ret_id, rows = model.config.ret_id, len(input_ids)
    answers = Answers([[] for _ in range(rows)], [None] * rows, [None] * rows, [0.0] * rows)
    running = torch.ones(rows, dtype=torch.bool, device=input_ids.device)
    hidden, cache = model.hidden_of(input_ids, attention_mask, features, use_cache=True)
    for step in range(max_new_tokens):
        logits = model.logits_of(hidden[:, -1]).float()
        logits[:, ret_id] = logits[:, ret_id] * ret_scale_factor if step >= min_word_tokens else -torch.inf
        said = logits.argmax(dim=-1)
        asked = running & (said == ret_id)
        gains = logits.gather(1, said[:, None])[:, 0] - logits.logsumexp(dim=1)
        for row, (token, gain) in enumerate(zip(said.tolist(), gains.tolist(), strict=True)):
            if not running[row]:
                continue
            answers.logs[row] += gain
            if token == ret_id or token in stop_ids:
                answers.stopped[row] = token
            else:
                answers.ids[row].append(token)
        last = step == max_new_tokens - 1
        going_on = torch.tensor([stop is None for stop in answers.stopped], device=running.device)
        if not bool(asked.any()) and (last or not bool(going_on.any())):
            break
        attention_mask = torch.cat([attention_mask, running[:, None].to(attention_mask.dtype)], dim=1)
        hidden, cache = model.hidden_of(said[:, None], attention_mask, past_key_values=cache, use_cache=True)
        for row in asked.nonzero().flatten().tolist():
            answers.retrieval[row] = model.shared(hidden[row, -1:])[0]
        running = going_on
        if not bool(running.any()):
            break
    return answers


def _check(model: "Fromage", attention_mask: Tensor, max_new_tokens: int) -> None:
    if not bool((attention_mask[:, -1] == 1).all()):
        raise ValueError("rows that are continued must be padded on the left (`padding_side='left'`)")
    room = getattr(model.language.config, "max_position_embeddings", None)
    longest = int(attention_mask.sum(dim=1).max()) + max_new_tokens
    if room is not None and longest > room:
        raise UserError(
            f"{longest - max_new_tokens} tokens of prompt and `max_new_tokens` = {max_new_tokens} make {longest}; "
            f"the language model has positions for {room}. Start a new conversation, or lower `max_new_tokens`."
        )
