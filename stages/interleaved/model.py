"""What IDEFICS is given: marks in the text where a picture stands, and tensors as its processor makes them.

The architecture: Laurençon et al. 2023, "OBELICS" (arXiv:2306.16527), after Flamingo (arXiv:2204.14198):
a token looks, by cross-attention, at the last picture before it.
"""

import io
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from stages.record import Image
from stages.shards import ShardReader

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

IMAGE, AROUND = "<image>", "<fake_token_around_image>"
IGNORED = -100
KEPT = 512 * 2**20  # bytes of decoded views that a reader keeps

Levels = npt.NDArray[np.uint8]  # a fitted picture, (3, height, width)
Side = Literal["left", "right"]  # of the padding


def as_text(parts: Sequence[Any], tokenizer: Any, end: bool = False) -> str:
    """Pictures and texts by turns, as the text that IdeficsProcessor makes of them: <s>, marks, texts, maybe </s>."""
    texts = (part if isinstance(part, str) else f"{AROUND}{IMAGE}{AROUND}" for part in parts)
    return f"{tokenizer.bos_token}{''.join(texts)}{tokenizer.eos_token if end else ''}"


def ids_of(parts: Sequence[Any], tokenizer: Any, end: bool = False) -> tuple[int, ...]:
    """The token ids of `as_text`, <s> first."""
    return tuple(tokenizer(as_text(parts, tokenizer, end), add_special_tokens=False)["input_ids"])


def picture_tokens(tokenizer: Any) -> tuple[int, int]:
    """Ids of <image> and of the token around it: what an answer must never hold."""
    image, around = tokenizer.convert_tokens_to_ids([IMAGE, AROUND])
    return int(image), int(around)


def image_mask(ids: npt.NDArray[np.int64], image: int, end: int, pictures: int) -> npt.NDArray[np.int64]:
    """(rows, length, pictures): 1 where a token looks at a picture, the last one before it in its row.

    Tokens before the first picture, and those after an </s>, look at none.
    """
    places = np.arange(ids.shape[1])
    last_picture = np.maximum.accumulate(np.where(ids == image, places, -1), axis=1)
    last_end = np.maximum.accumulate(np.where(ids == end, places, -1), axis=1)
    ended = np.pad(last_end, ((0, 0), (1, 0)), constant_values=-1)[:, :-1] > last_picture
    seen = np.where(ended, -1, np.cumsum(ids == image, axis=1) - 1)
    looks: npt.NDArray[np.int64] = (seen[..., None] == np.arange(pictures)).astype(np.int64)
    return looks


def levels(picture: "Picture") -> Levels:
    """The 256 levels of a fitted picture, (3, height, width)."""
    return np.ascontiguousarray(np.asarray(picture.convert("RGB")).transpose(2, 0, 1))


class Views:
    """Fitted pictures of a tokenized folder by their rows' `view`: each decoded once while there is room."""

    def __init__(self, shards: ShardReader, kept: int = KEPT) -> None:
        self.shards, self.room = shards, kept
        self._known: OrderedDict[str, Levels] = OrderedDict()

    def __call__(self, view: Image) -> Levels:
        from PIL import Image as Pillow

        if view.sha256 not in self._known:
            data = self.shards.read(view.shard, view.member, view.sha256)
            self._known[view.sha256] = levels(Pillow.open(io.BytesIO(data)))
            self.room -= self._known[view.sha256].nbytes
            while self.room < 0 and len(self._known) > 1:
                self.room += self._known.popitem(last=False)[1].nbytes
        self._known.move_to_end(view.sha256)
        return self._known[view.sha256]


@dataclass(frozen=True)
class Sample:
    """One row for the model. The last `learnt` ids are supervised; pictures in the order of their marks."""

    ids: Sequence[int]
    pictures: Sequence[Levels]
    learnt: int = 0


class Inputs:
    """Samples -> the tensors of IdeficsProcessor, without its work on each picture each time.

    A picture has 256 levels a channel, so what rescaling and normalising make of it is read from a table,
    which the image processor itself fills once.
    """

    def __init__(self, processor: Any) -> None:
        self.tokenizer = processor.tokenizer
        self.image, _ = picture_tokens(self.tokenizer)
        ramp = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
        made = processor.image_processor([ramp], do_resize=False, return_tensors="pt")
        self.table: npt.NDArray[np.float32] = made[0].numpy().reshape(3, 256)

    def __call__(self, samples: Sequence[Sample], side: Side) -> dict[str, Any]:
        """`text`'s tensors and pixel_values (rows, most pictures, 3, height, width), 0 where a row has fewer."""
        import torch

        shown = [picture for sample in samples for picture in sample.pictures]
        most = max(len(sample.pictures) for sample in samples)
        pixels = np.zeros((len(samples), most, *shown[0].shape), np.float32)
        owned = np.arange(most) < np.array([[len(sample.pictures)] for sample in samples])
        pixels[owned] = self.normalised(shown)
        return self.text(samples, side) | {"pixel_values": torch.from_numpy(pixels)}

    def text(self, samples: Sequence[Sample], side: Side) -> dict[str, Any]:
        """input_ids, attention_mask, labels (rows, longest) and image_attention_mask (rows, longest, most pictures).

        Padded on `side`; labels are -100 where nothing is learnt.
        """
        import torch

        shape = (len(samples), max(len(sample.ids) for sample in samples))
        ids = np.full(shape, self.tokenizer.pad_token_id, np.int64)
        mask, labels = np.zeros(shape, np.int64), np.full(shape, IGNORED, np.int64)
        for row, sample in enumerate(samples):
            start = shape[1] - len(sample.ids) if side == "left" else 0
            end = start + len(sample.ids)
            ids[row, start:end], mask[row, start:end] = sample.ids, 1
            labels[row, end - sample.learnt : end] = ids[row, end - sample.learnt : end]
        most = max(len(sample.pictures) for sample in samples)
        arrays = {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": labels,
            "image_attention_mask": image_mask(ids, self.image, self.tokenizer.eos_token_id, most),
        }
        return {name: torch.from_numpy(array) for name, array in arrays.items()}

    def normalised(self, pictures: Sequence[Levels]) -> npt.NDArray[np.float32]:
        """(n, 3, height, width): what the image processor makes of fitted pictures."""
        pixels = np.empty((len(pictures), *pictures[0].shape), np.float32)
        for place, picture in enumerate(pictures):
            for channel in range(3):
                np.take(self.table[channel], picture[channel], out=pixels[place, channel])
        return pixels
