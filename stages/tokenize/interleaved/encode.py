"""Token ids of a row by the base's own tokenizer, and what is refused before anything is trained on it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stages.interleaved.model import AROUND, IMAGE, ids_of, picture_tokens
from stages.interleaved.recipe import Tokenize
from stages.interleaved.templates import interleaved
from stages.params import UserError

CHECKS = {
    "prompt": "no token of picture or prompt is supervised: the answer's tokens begin where the prompt's end",
    "end": "the last supervised token is the end of sequence, and the only one",
    "image": "each row has one picture token, between the two that stand around it",
    "length": "nothing was cut: the row fits max_length",
    "context": "examples before a row are the tokens that the processor makes of the whole list",
}
PICTURE = None  # where a picture stands; its pixels change no token


@dataclass(frozen=True)
class Encoded:
    """Token ids of one sample: prefix (<s>, picture, prompt), suffix (answer, </s>), and the row as an example."""

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]
    example: tuple[int, ...]


class Encoder:
    """Encodes answers in the recipe's template; each distinct one once."""

    def __init__(self, processor: Any, template: Tokenize) -> None:
        self.processor, self.template = processor, template
        self.tokenizer = processor.tokenizer
        self.encode = lru_cache(maxsize=None)(self._encode)
        self.special = tuple(sorted({*self.tokenizer.all_special_tokens, IMAGE, AROUND}))

    def held(self, text: str) -> list[str]:
        """The special tokens that `text` spells out: it can't be tokenized as plain text."""
        return [token for token in self.special if token in text]

    def _encode(self, answer: str) -> Encoded:
        """Ids of a training sample; UserError when its mask is refused."""
        prefix, whole = self.prefix(), self._ids(interleaved(self.template, PICTURE, answer), end=True)
        example = self._ids(interleaved(self.template, PICTURE, examples=[(PICTURE, answer)]))
        self.refuse(prefix, whole, example, answer)
        return Encoded(prefix, whole[len(prefix) :], example[1 : len(example) - len(prefix) + 1])

    def prefix(self) -> tuple[int, ...]:
        """Ids of a question alone, as generation starts from."""
        return self._ids(interleaved(self.template, PICTURE))

    def refuse(self, prefix: tuple[int, ...], whole: tuple[int, ...], example: tuple[int, ...], answer: str) -> None:
        """Raise UserError for the first of CHECKS that a row fails. `example`: the row before another question."""
        image, around = picture_tokens(self.tokenizer)
        about = f"mask refused (prompt {self.template.prompt!r}, answer {answer!r}):"
        if whole[: len(prefix)] != prefix:
            raise UserError(
                f"{about} {CHECKS['prompt']}; the tokenizer joins the prompt's last token with the answer. "
                "End `tokenize.prompt` with a mark such as a colon."
            )
        end = self.tokenizer.eos_token_id
        if len(whole) < len(prefix) + 2 or whole[-1] != end or whole.count(end) != 1:
            raise UserError(f"{about} {CHECKS['end']}; stopping would never be learned.")
        if whole.count(image) != 1 or whole[1:4] != (around, image, around):
            raise UserError(f"{about} {CHECKS['image']}; the base's tokenizer marks pictures otherwise.")
        if len(whole) > self.template.max_length:
            raise UserError(
                f"{about} {CHECKS['length']}; it has {len(whole)} tokens, `tokenize.max_length` is "
                f"{self.template.max_length}: raise it, or shorten the text."
            )
        if example[-len(prefix) + 1 :] != prefix[1:]:
            raise UserError(f"{about} {CHECKS['context']}; a question reads otherwise behind an example.")

    def check_with_processor(self, answer: str) -> None:
        """UserError unless two examples and a question, put together from our ids, are the processor's own."""
        import numpy as np

        blank = np.full((8, 8, 3), 255, np.uint8)
        parts = interleaved(self.template, blank, examples=[(blank, answer), (blank, answer)])
        theirs = tuple(self.processor(text=[parts], return_tensors="pt")["input_ids"][0].tolist())
        encoded = self.encode(answer)
        if theirs != (*encoded.prefix[:1], *encoded.example * 2, *encoded.prefix[1:]):
            raise UserError(
                f"mask refused (prompt {self.template.prompt!r}, answer {answer!r}): {CHECKS['context']}; "
                f"it says {self.tokenizer.decode(list(theirs))!r}."
            )

    def _ids(self, parts: list[Any], end: bool = False) -> tuple[int, ...]:
        return ids_of(parts, self.tokenizer, end)
