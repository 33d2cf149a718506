"""What the page's visitors do: one conversation a tab, the pictures that they gave, one model for all of them."""

import io
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from stages.demo.shelf import Shelf
from stages.grounding.build import Trained
from stages.grounding.conversation import Conversation
from stages.params import UserError
from stages.pictures import open_picture, png_bytes

if TYPE_CHECKING:
    from PIL import Image

V = TypeVar("V")

MOST_TALKS = 32  # conversations that are kept; the one unused for longest goes first
MOST_WAITING = 8  # given pictures in full size that no question has come with yet
MOST_SHOWN = 256  # given pictures as the page shows them
SHOWN_SIDE = 512  # pixels of their longer side


@dataclass
class Talk:
    """A conversation, and under which token the page shows each turn's given picture ("" for none)."""

    conversation: Conversation
    given: list[str] = field(default_factory=list)


class Room:
    """Every method may be called from any thread; the model answers one at a time."""

    def __init__(self, trained: Trained, shelf: Shelf, *, max_new_tokens: int) -> None:
        self.trained, self.shelf, self.max_new_tokens = trained, shelf, max_new_tokens
        self._talks: OrderedDict[str, Talk] = OrderedDict()
        self._waiting: OrderedDict[str, Image.Image] = OrderedDict()
        self._shown: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def start(self) -> str:
        """A new conversation's token, which nobody can guess."""
        token = secrets.token_hex(16)
        conversation = Conversation(self.trained, self.shelf.pictures, max_new_tokens=self.max_new_tokens)
        with self._lock:
            self._talks[token] = Talk(conversation)
            _cut(self._talks, MOST_TALKS)
        return token

    def knows(self, token: str) -> bool:
        with self._lock:
            return token in self._talks

    def talk(self, token: str) -> Talk:
        with self._lock:
            if token not in self._talks:
                raise UserError("This conversation is over (the demo was started anew): reload the page.")
            self._talks.move_to_end(token)
            return self._talks[token]

    def give(self, data: bytes) -> str:
        """Take an uploaded file; the token to ask with. RefusedPictureError when it is no usable picture."""
        picture = open_picture(io.BytesIO(data))
        small = picture.copy()
        small.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        token = secrets.token_hex(16)
        with self._lock:
            self._waiting[token], self._shown[token] = picture, png_bytes(small)
            _cut(self._waiting, MOST_WAITING)
            _cut(self._shown, MOST_SHOWN)
        return token

    def shown(self, token: str) -> bytes | None:
        """A given picture as the page shows it, as PNG."""
        with self._lock:
            return self._shown.get(token)

    def ask(self, token: str, question: str, given: str, factor: float) -> None:
        """Add a turn. A question that is refused leaves its picture waiting."""
        talk = self.talk(token)
        with self._lock:
            if given and given not in self._waiting:
                raise UserError("That picture is no longer here: choose it again.")
            picture = self._waiting[given] if given else None
            talk.conversation.ask(question, picture, ret_scale_factor=factor)
            talk.given.append(given)
            self._waiting.pop(given, None)

    def find(self, text: str, k: int) -> list[tuple[str, float]]:
        with self._lock:
            return Conversation(self.trained, self.shelf.pictures).find(text, k)

    def reset(self, token: str) -> None:
        talk = self.talk(token)
        with self._lock:
            talk.conversation.reset()
            talk.given.clear()


def _cut(kept: OrderedDict[str, V], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
