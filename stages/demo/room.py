"""What the page's visitors do: one conversation a tab, the pictures that they gave, one model for all of them.

A kind of conversation has a subclass of `Talks`, which says in words what the page shows of it: `Room` for a
grounding adapter, which may show pictures of its own, `PictureRoom` for a chat adapter, which answers in words.
"""

import io
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from stages.chat import conversation as chat
from stages.demo.shelf import Shelf
from stages.grounding import conversation as grounding
from stages.params import UserError
from stages.pictures import open_picture, png_bytes

if TYPE_CHECKING:
    from PIL import Image

    from stages.chat.trained import Trained as ChatTrained
    from stages.grounding.build import Trained

MOST_TALKS = 32  # conversations that are kept; the one unused for longest goes first
MOST_WAITING = 8  # given pictures in full size that no question has come with yet
MOST_SHOWN = 256  # given pictures as the page shows them
SHOWN_SIDE = 512  # pixels of their longer side


class Reply(Protocol):
    """`left_out` turns no longer fitted into the memory when this was said."""

    @property
    def text(self) -> str: ...
    @property
    def left_out(self) -> int: ...


class Turn(Protocol):
    """A question, the sha256 of the picture that came with it, and what the model said."""

    @property
    def question(self) -> str: ...
    @property
    def given(self) -> str | None: ...
    @property
    def reply(self) -> Reply: ...


class Conversation(Protocol):
    """What was said, oldest first. `ask` adds a turn, or raises UserError and remembers nothing."""

    @property
    def turns(self) -> Sequence[Turn]: ...
    def ask(self, text: str, picture: "Image.Image | None" = None, /) -> Reply: ...
    def reset(self) -> None: ...
    def transcript(self) -> str: ...


V = TypeVar("V")
C = TypeVar("C", bound=Conversation)
T = TypeVar("T", bound=Turn)


@dataclass
class Talk(Generic[C]):
    """A conversation, and under which token the page shows each turn's given picture ("" for none)."""

    conversation: C
    given: list[str] = field(default_factory=list)


class Talks(Generic[C, T]):
    """Every method may be called from any thread; the model answers one at a time. `new` makes a conversation."""

    introduction: str  # what the page says below its title
    invitation: str  # and where no turn is yet
    shelf: Shelf | None = None  # the pictures that the model may show

    def __init__(self, new: Callable[[], C]) -> None:
        self._new = new
        self._talks: OrderedDict[str, Talk[C]] = OrderedDict()
        self._waiting: OrderedDict[str, Image.Image] = OrderedDict()
        self._shown: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, turns: Sequence[T], number: int) -> str:
        """What the page says above turn `number`."""
        return ""

    def remark(self, turn: T) -> str:
        """What the page says behind the model's words."""
        return ""

    def found(self, turn: T) -> tuple[str, float] | None:
        """The picture of the shelf (id, cosine) that stands behind the model's words."""
        return None

    def find(self, text: str, k: int) -> list[tuple[str, float]]:
        """The `k` pictures of the shelf (id, cosine) nearest to `text`; UserError where there is none."""
        raise UserError("There are no pictures to find here: this model answers in words.")

    def start(self) -> str:
        """A new conversation's token, which nobody can guess."""
        token = secrets.token_hex(16)
        with self._lock:
            self._talks[token] = Talk(self._new())
            _cut(self._talks, MOST_TALKS)
        return token

    def known(self, token: str) -> Talk[C] | None:
        """The conversation, or None for one that is over."""
        with self._lock:
            return self._talks.get(token)

    def talk(self, token: str) -> Talk[C]:
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

    def ask(self, token: str, question: str, given: str, *settings: float) -> None:
        """Add a turn. A question that is refused leaves its picture waiting. `settings` are the page's sliders."""
        talk = self.talk(token)
        with self._lock:
            if given and given not in self._waiting:
                raise UserError("That picture is no longer here: choose it again.")
            self._say(talk.conversation, question, self._waiting[given] if given else None, *settings)
            talk.given.append(given)
            self._waiting.pop(given, None)

    def _say(self, conversation: C, question: str, picture: "Image.Image | None", *settings: float) -> None:
        conversation.ask(question, picture)

    def reset(self, token: str) -> None:
        talk = self.talk(token)
        with self._lock:
            talk.conversation.reset()
            talk.given.clear()


class Room(Talks[grounding.Conversation, grounding.Turn]):
    """With a grounding adapter: pictures on both sides, and a search among those of the shelf."""

    shelf: Shelf
    invitation = "Ask something, with or without a picture."

    def __init__(self, trained: "Trained", shelf: Shelf, *, max_new_tokens: int) -> None:
        super().__init__(lambda: grounding.Conversation(trained, shelf.pictures, max_new_tokens=max_new_tokens))
        self.shelf, self.introduction = shelf, f"It can show {len(shelf.names)} pictures."

    def remark(self, turn: grounding.Turn) -> str:
        asked_in_vain = turn.reply.asked and turn.reply.picture is None
        return "(asked for a picture, but all of them were shown)" if asked_in_vain else ""

    def found(self, turn: grounding.Turn) -> tuple[str, float] | None:
        picture, score = turn.reply.picture, turn.reply.score
        return None if picture is None or score is None else (picture, score)

    def find(self, text: str, k: int) -> list[tuple[str, float]]:
        with self._lock:
            return self._new().find(text, k)

    def _say(
        self, conversation: grounding.Conversation, question: str, picture: "Image.Image | None", *settings: float
    ) -> None:
        (factor,) = settings
        conversation.ask(question, picture, ret_scale_factor=factor)


class PictureRoom(Talks[chat.Conversation, chat.Turn]):
    """With a chat adapter: words about one picture that the visitor gives."""

    introduction = "It answers about one picture that you give; a new picture starts a new conversation."
    invitation = "Add a picture and ask about it."

    def __init__(self, trained: "ChatTrained", *, max_new_tokens: int) -> None:
        super().__init__(lambda: chat.Conversation(trained, max_new_tokens=max_new_tokens))

    def note(self, turns: Sequence[chat.Turn], number: int) -> str:
        new = number > 0 and turns[number].given is not None
        return "A new picture, a new conversation: what stands above is no longer remembered." if new else ""

    def remark(self, turn: chat.Turn) -> str:
        return "" if turn.reply.ended else "(cut off: --max-new-tokens)"


def _cut(kept: OrderedDict[str, V], most: int) -> None:
    while len(kept) > most:
        kept.popitem(last=False)
