"""A description as it came -> one line of plain text, or what is wrong with it."""

import re
import unicodedata

SPACES = "\t\n\v\f\r\x85"
OPENINGS = "<[＜［﹤﹇"  # the last four are the first two in NFKC
BIDI = "\u202a-\u202e\u2066-\u2069"  # they show a text in another order than the one in which it is read
_CONTROL = re.compile(rf"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff{BIDI}]")
_TOKEN = re.compile(
    r"<\|[^<>|]{1,40}\|>|</?s>|<{1,2}/?sys>{1,2}|\[/?inst\]|<unused\d+>|\[@bos@\]"
    r"|</?[a-z]+(?:_[a-z]+)+>|<(?:bos|eos|pad|unk|mask|image|sep|cls|2mass)>"
)
# Scripts without a space between words: a line break in them stands for nothing.
WIDE = "\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WIDE_BREAK = re.compile(rf"(?<=[{WIDE}])\n(?=[{WIDE}])")
_NEWLINE = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")


def normalised(raw: str) -> str:
    """`raw` in NFC and in one line.

    Line ends as PokeAPI's flavour text has them: a form feed is a line end, a soft hyphen at a line's end joins the
    halves of a word, a hyphen there is part of it, any other line end is a space (nothing in Han and Kana).
    """
    text = _NEWLINE.sub("\n", raw).replace("\u00ad\n", "").replace("\u00ad", "")
    text = text.replace(" -\n", " - ").replace("-\n", "-")
    return " ".join(unicodedata.normalize("NFC", _WIDE_BREAK.sub("", text)).split())


def has_control_characters(text: str) -> bool:
    """Characters that are none of a text: C0, C1, lone surrogates, changes of direction."""
    return _CONTROL.search(text) is not None


def has_control_token(text: str) -> bool:
    """What a chat template or a tokenizer would take for a turn's end and the like, disguised or not."""
    if not any(opening in text for opening in OPENINGS):
        return False
    seen = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return _TOKEN.search(seen.casefold()) is not None
