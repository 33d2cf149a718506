"""Documents and pictures as the model's inputs: the same numbers as IdeficsProcessor's, without its cost a sample."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.foundation.idefics.architecture import PIXEL_MEAN, PIXEL_STD
from stages.foundation.idefics.documents import Document


@dataclass(frozen=True)
class Batch:
    """Padded on the right. (n, length): ids, mask, weights of tokens; `seen` (n, length, pictures): 1 at the picture
    that a token attends to, the last before it; `pictures` (n, pictures): numbers, 0 where a row has fewer;
    one at least, which nothing attends to where a row has none."""

    ids: Any
    mask: Any
    weights: Any
    seen: Any
    pictures: Any


def encode(tokenizer: Any, documents: list[Document]) -> Batch:
    import torch

    found = tokenizer.backend_tokenizer.encode_batch([one.text for one in documents], add_special_tokens=False)
    image = tokenizer.convert_tokens_to_ids("<image>")
    shape = (len(documents), max(len(one.ids) for one in found))
    most = max(1, *(len(one.pictures) for one in documents))
    ids, mask = np.full(shape, tokenizer.pad_token_id), np.zeros(shape, int)
    weights, pictures = np.zeros(shape, np.float32), np.zeros((len(documents), most), int)
    for row, (document, tokens) in enumerate(zip(documents, found, strict=True)):
        length = len(tokens.ids)
        ids[row, :length], mask[row, :length] = tokens.ids, 1
        # A token counts as its last character does: the first may be the blank that belongs to what is before.
        weights[row, :length] = [document.weights[max(start, end - 1)] for start, end in tokens.offsets]
        pictures[row, : len(document.pictures)] = document.pictures
    last = np.cumsum(ids == image, axis=1) - 1
    seen = (last[..., None] == np.arange(most)) & (mask[..., None] == 1)
    arrays = (ids, mask, weights, seen.astype(int), pictures)
    return Batch(*(torch.from_numpy(array) for array in arrays))


def to_pixels(pictures: np.ndarray) -> Any:
    """uint8 n x SIDE x SIDE x 3 -> what the image processor makes of them."""
    import torch

    values = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div_(255)
    return values.sub_(torch.tensor(PIXEL_MEAN)[:, None, None]).div_(torch.tensor(PIXEL_STD)[:, None, None])


def hidden_of(model: Any, batch: Batch, towers: Any) -> Any:
    """(n, length, HIDDEN) of the decoder. `towers`: (pictures, patches + 1, VISION_HIDDEN), the tower's last states."""
    return model.model(
        input_ids=batch.ids,
        attention_mask=batch.mask,
        image_encoder_embeddings=towers[batch.pictures],
        image_attention_mask=batch.seen,
        use_cache=False,
    ).last_hidden_state
