"""PaliGemma's prefix/suffix format, as its processor defines it, and the four refusals of the mask."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stages.params import UserError

CHECKS = {
    "prompt": "no token of image or prompt is supervised",
    "end": "the last supervised token is the end of sequence",
    "image": "as many image tokens as the vision tower has features",
    "length": "nothing was cut: the row fits max_length",
}


@dataclass(frozen=True)
class Encoded:
    """Token ids of one sample: prefix (image, <bos>, prompt, newline), suffix (answer, <eos>)."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]


class Encoder:
    """Encodes (prompt, answer) by the processor itself; each distinct pair once."""

    def __init__(self, processor: Any, image_features: int, max_length: int) -> None:
        self.processor, self.image_features, self.max_length = processor, image_features, max_length
        self.encode = lru_cache(maxsize=None)(self._encode)

    def _encode(self, prompt: str, answer: str) -> Encoded:
        """Ids of a training sample; UserError when its mask is refused."""
        result = self._process(prompt, suffix=answer)
        ids, kinds = list(result["input_ids"][0]), list(result["token_type_ids"][0])
        supervised = [label != -100 for label in result["labels"][0]]
        split = kinds.index(1) if 1 in kinds else len(kinds)
        self.refuse(ids, supervised, split, prompt, answer)
        return Encoded(tuple(ids[:split]), tuple(ids[split:]))

    def prefix(self, prompt: str) -> tuple[int, ...]:
        """Ids of a question alone, as generation starts from."""
        return tuple(self._process(prompt)["input_ids"][0])

    def refuse(self, ids: list[int], supervised: list[bool], split: int, prompt: str, answer: str) -> None:
        """Raise UserError for the first of CHECKS that a row fails. `split`: where the answer starts."""
        tokenizer = self.processor.tokenizer
        about = f"prompt {prompt!r}, answer {answer!r}"
        if any(supervised[:split]) or not all(supervised[split:]):
            raise UserError(f"mask refused ({about}): {CHECKS['prompt']}; the base's processor masks otherwise.")
        if split >= len(ids) or ids[-1] != tokenizer.eos_token_id or not supervised[-1]:
            raise UserError(f"mask refused ({about}): {CHECKS['end']}; stopping would never be learned.")
        found = ids.count(self.processor.image_token_id)
        if found != self.image_features:
            raise UserError(
                f"mask refused ({about}): {CHECKS['image']}; {found} tokens, {self.image_features} features. "
                "Processor and weights of the base do not belong together."
            )
        if len(ids) > self.max_length:
            raise UserError(
                f"mask refused ({about}): {CHECKS['length']}; it has {len(ids)} tokens, `tokenize.max_length` is "
                f"{self.max_length}: raise it, or shorten the prompt."
            )

    def _process(self, prompt: str, **suffix: str) -> Any:
        import numpy as np

        blank = np.full((8, 8, 3), 255, np.uint8)
        return self.processor(images=blank, text=f"<image>{prompt}", **suffix)


def image_features(config: Any, height: int, width: int) -> int:
    """Features that the vision tower makes of one picture; UserError when its positions are others."""
    vision = config.vision_config
    features: int = (height // vision.patch_size) * (width // vision.patch_size)
    positions = (vision.image_size // vision.patch_size) ** 2
    if features != positions:
        raise UserError(
            f"pictures of {height} x {width} make {features} patches of {vision.patch_size}, but the base's tower has "
            f"{positions} positions: its processor and its config do not belong together."
        )
    return features
