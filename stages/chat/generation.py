"""What a model says to a picture and a question, by real generation: greedy, with a key-value cache."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from stages.bases import compute_as_in_training
from stages.chat.model import inputs_embeds, llava_of
from stages.params import UserError

if TYPE_CHECKING:
    import numpy as np


class Patched(Protocol):
    """Patches by row numbers, (n, patches, width): an array, or `features.patches.Rows`, which reads from disk."""

    def __len__(self) -> int: ...
    def __getitem__(self, numbers: list[int], /) -> "np.ndarray": ...


@dataclass(frozen=True)
class Reply:
    """An answer, its probability (of its end too) from 0 to 1, and whether it ended by itself."""

    text: str
    score: float
    ended: bool


def reply(
    model: Any,
    tokenizer: Any,
    prefixes: Sequence[Sequence[int]],
    patches: Patched | None,
    *,
    max_new_tokens: int,
    batch_size: int,
    label: str = "generate",
) -> list[Reply]:
    """Greedy answers in the order of `prefixes` (`Templates.prefix`), `patches[i]` being the picture of row i.

    `patches=None` withholds the pictures: their tokens are left out, nothing else changes. `label` names the bar.
    UserError when prefix and answer don't fit the language model's positions.
    """
    from tqdm import tqdm

    image = int(llava_of(model).config.image_token_id)
    if patches is not None and len(patches) != len(prefixes):
        raise ValueError(f"{len(prefixes)} prefixes, but {len(patches)} pictures")
    ids = [list(one) if patches is not None else [token for token in one if token != image] for one in prefixes]
    _require_room(model, ids, max_new_tokens)
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    replies: dict[int, Reply] = {}
    model.eval()
    compute_as_in_training(model)
    with tqdm(total=len(ids), desc=label, unit="row") as bar:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            seen = None if patches is None else patches[rows]
            said = _generate(model, tokenizer, [ids[row] for row in rows], seen, max_new_tokens)
            replies.update(zip(rows, said, strict=True))
            bar.update(len(rows))
    return [replies[row] for row in range(len(ids))]


def _generate(
    model: Any, tokenizer: Any, ids: list[list[int]], patches: "np.ndarray | None", max_new_tokens: int
) -> list[Reply]:
    """One batch, padded on the left."""
    import torch

    longest, llava = max(map(len, ids)), llava_of(model)
    given = torch.tensor([[tokenizer.pad_token_id] * (longest - len(one)) + one for one in ids], device=llava.device)
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in ids], device=llava.device)
    with torch.inference_mode():
        out = model.generate(
            inputs_embeds=inputs_embeds(model, given, None if patches is None else torch.as_tensor(patches)),
            attention_mask=mask,
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            # <image>, and the rows of the head that no token has, mean nothing
            suppress_tokens=list(range(llava.config.image_token_id, llava.lm_head.out_features)),
            return_dict_in_generate=True,
            output_scores=True,
        )
    taken = out.sequences[:, -len(out.scores) :]
    gains = torch.stack(
        [score.float().log_softmax(-1).gather(1, taken[:, step, None])[:, 0] for step, score in enumerate(out.scores)],
        1,
    )
    return [_reply(tokenizer, tokens, logs) for tokens, logs in zip(taken.tolist(), gains.tolist(), strict=True)]


def _reply(tokenizer: Any, tokens: list[int], gains: list[float]) -> Reply:
    ended = tokenizer.eos_token_id in tokens
    end = tokens.index(tokenizer.eos_token_id) if ended else len(tokens)
    text = str(tokenizer.decode(tokens[:end], skip_special_tokens=True)).strip()
    return Reply(text, round(min(1.0, math.exp(sum(gains[: end + ended]))), 6), ended)


def _require_room(model: Any, ids: list[list[int]], max_new_tokens: int) -> None:
    room = getattr(llava_of(model).config.text_config, "max_position_embeddings", None)
    longest = max(map(len, ids), default=0)
    if any(not one for one in ids):
        raise ValueError("a prefix is empty: there is nothing to answer")
    if room is not None and longest + max_new_tokens > room:
        raise UserError(
            f"{longest} tokens of prompt and `max_new_tokens` = {max_new_tokens} make {longest + max_new_tokens}; the "
            f"language model has positions for {room}. Start a new conversation, or lower `max_new_tokens`."
        )
