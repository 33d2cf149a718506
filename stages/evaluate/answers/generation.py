"""What a model says to a picture and a prompt, by real generation: no teacher forcing.

PaliGemma numbers positions without looking at the padding, so a batch holds prompts of one length.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stages.bases import compute_as_in_training
from stages.generated import Answer

if TYPE_CHECKING:
    from PIL import Image


def answer(
    model: Any,
    processor: Any,
    prefixes: Sequence[Sequence[int]],
    picture: "Callable[[int], Image.Image]",
    *,
    batch_size: int,
    max_new_tokens: int,
    label: str = "generate",
) -> list[Answer]:
    """Greedy answers, in the order of `prefixes`.

    `prefixes[i]` are the token ids of one prompt as tokenized (image tokens, <bos>, prompt, newline);
    `picture(i)` is its picture as RGB, already fitted to the model (`images.__getitem__` for a list);
    it is called once a row, batch by batch, so the pictures need not fit into memory. `label` names
    the progress bar.
    """
    from tqdm import tqdm

    by_length: dict[int, list[int]] = {}
    for i, prefix in enumerate(prefixes):
        by_length.setdefault(len(prefix), []).append(i)
    answers: dict[int, Answer] = {}
    model.eval()
    compute_as_in_training(model)
    with tqdm(total=len(prefixes), desc=label, unit="row") as bar:
        for length in sorted(by_length):
            group = by_length[length]
            for start in range(0, len(group), batch_size):
                rows = group[start : start + batch_size]
                given = [prefixes[i] for i in rows], [picture(i) for i in rows]
                answers.update(zip(rows, _generate(model, processor, *given, max_new_tokens), strict=True))
                bar.update(len(rows))
    return [answers[i] for i in range(len(prefixes))]


def _generate(
    model: Any,
    processor: Any,
    prefixes: "Sequence[Sequence[int]]",
    pictures: "Sequence[Image.Image]",
    max_new_tokens: int,
) -> list[Answer]:
    """One batch of prompts of equal length."""
    import torch

    tokenizer = processor.tokenizer
    ids = torch.tensor([list(prefix) for prefix in prefixes], device=model.device)
    pixels = processor.image_processor(list(pictures), do_resize=False, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        out = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            token_type_ids=torch.zeros_like(ids),  # all of it prefix: seen in both directions
            pixel_values=pixels.to(model.device, model.dtype),
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            return_dict_in_generate=True,
            output_scores=True,
        )
    new = out.sequences[:, ids.shape[1] :]
    logs = torch.stack(out.scores, dim=1).float().log_softmax(-1)  # rows x new tokens x vocabulary
    taken = logs.gather(-1, new[..., None])[..., 0]
    ended = (new == tokenizer.eos_token_id).int().cumsum(1)
    kept = (ended == 0) | ((ended == 1) & (new == tokenizer.eos_token_id))  # up to the first <eos>, included
    scores = (taken * kept).sum(1).exp().clamp(0, 1)
    return [
        Answer(tokenizer.decode(tokens[keep], skip_special_tokens=True).strip(), round(float(score), 6))
        for tokens, keep, score in zip(new, kept, scores, strict=True)
    ]
