"""What a model says to pictures and text, by real generation: no teacher forcing.

Padded on the left; IDEFICS counts positions from the attention mask, so a batch may mix lengths and
numbers of pictures.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stages.bases import compute_as_in_training
from stages.generated import Answer
from stages.interleaved.model import Inputs, Levels, Sample, levels, picture_tokens
from stages.interleaved.sight import Sight

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Asked = tuple[Sequence[int], "Sequence[Levels | Picture]"]


def answer(
    model: Any,
    processor: Any,
    inputs: Sequence[Asked],
    *,
    batch_size: int,
    max_new_tokens: int,
    stops: Sequence[str] = (),
    sight: Sight | None = None,
    label: str = "generate",
) -> list[Answer]:
    """Greedy answers, in the order of `inputs`, and the probability of each (of its end too), 0 to 1.

    An input is the token ids to go on from, and its pictures in the order of their marks: fitted, as RGB or
    as `levels` (3, height, width). `inputs` may be a lazy sequence: it is read once for the lengths and
    once batch by batch, so that pictures need not fit into memory.
    An answer ends at </s>, or with the first of the texts `stops` (`templates.stops`) that follows a word.
    `sight` is what this very model saw before of the same pictures. `label` names the progress bar.
    """
    from tqdm import tqdm

    order = sorted(range(len(inputs)), key=lambda i: len(inputs[i][0]))
    sight = sight or Sight(model, Inputs(processor))
    answers: dict[int, Answer] = {}
    model.eval()
    compute_as_in_training(model)
    with tqdm(total=len(inputs), desc=label, unit="row") as bar:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            samples = [_sample(inputs[i]) for i in rows]
            answers.update(zip(rows, _generate(model, sight, samples, max_new_tokens, stops), strict=True))
            bar.update(len(rows))
    return [answers[i] for i in range(len(inputs))]


def _sample(asked: Asked) -> Sample:
    import numpy as np

    ids, pictures = asked
    return Sample(ids, [one if isinstance(one, np.ndarray) else levels(one) for one in pictures])


def _generate(
    model: Any, sight: Sight, samples: Sequence[Sample], max_new_tokens: int, stops: Sequence[str]
) -> list[Answer]:
    """One batch."""
    import torch

    tokenizer = sight.inputs.tokenizer
    batch = sight.inputs.text(samples, side="left")
    given = {name: tensor.to(model.device) for name, tensor in batch.items() if name != "labels"}
    length = given["input_ids"].shape[1]
    with torch.inference_mode():
        out = model.generate(
            **given,
            image_hidden_states=sight(samples),
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            bad_words_ids=[[token] for token in picture_tokens(tokenizer)],
            stopping_criteria=_stopping(tokenizer, length, stops),
            return_dict_in_generate=True,
            output_scores=True,
        )
    new = out.sequences[:, length:]
    logs = torch.stack(out.scores, dim=1).float().log_softmax(-1)  # rows x new tokens x vocabulary
    taken = logs.gather(-1, new[..., None])[..., 0]
    return [
        _cut(tokenizer, tokens.tolist(), chances.tolist(), stops) for tokens, chances in zip(new, taken, strict=True)
    ]


def _cut(tokenizer: Any, tokens: list[int], chances: list[float], stops: Sequence[str]) -> Answer:
    """The answer up to its end: </s>, which is counted and not shown, or the first stop, which is both."""
    import math

    end = tokens.index(tokenizer.eos_token_id) + 1 if tokenizer.eos_token_id in tokens else len(tokens)
    last = next((last for last in range(1, end + 1) if _stopped(_text(tokenizer, tokens[:last]), stops)), end)
    text = _text(tokenizer, tokens[:last])
    stop = _stopped(text, stops)
    score = min(1.0, math.exp(sum(chances[:last])))
    return Answer(text[:stop].strip() if stop else text.strip(), round(score, 6))


def _text(tokenizer: Any, tokens: list[int]) -> str:
    return str(tokenizer.decode(tokens, skip_special_tokens=True))


def _stopped(text: str, stops: Sequence[str]) -> int:
    """Where the first of `stops` behind a word ends in `text`; 0 when none is there."""
    start = len(text) - len(text.lstrip())
    ends = [at + len(stop) for stop in stops if (at := text.find(stop, start + 1)) > 0]
    return min(ends, default=0)


def _stopping(tokenizer: Any, length: int, stops: Sequence[str]) -> Any:
    """transformers' criteria: each row is done once its new text holds a stop."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class AtStops(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, ids: Any, scores: Any, **_: Any) -> Any:
            done = [_stopped(_text(tokenizer, row[length:].tolist()), stops) > 0 for row in ids]
            return torch.tensor(done, device=ids.device)

    return StoppingCriteriaList([AtStops()] if stops else [])
