"""What a caption may be: every kind of flaw, and nothing against what people really write."""

import unicodedata

import pytest
from captions import PARAMS
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.caption import validation
from stages.caption.parameters import CaptionParams
from stages.caption.validation import Known, flaws_of, hints_of, unsafe


def reasons(text: str, params: CaptionParams = PARAMS) -> set[str]:
    return {flaw.reason for flaw in flaws_of(params, text)}


@pytest.mark.parametrize(
    "text",
    [
        "Velmofin is a small blue creature with round ears",
        "Ein grüner Frosch – „quakend“ – sitzt auf 3,5 m² Wiese (links im Bild)",
        "a dog & a cat; 50% of them sleep, I <3 both > the rest",
        "می‌خواهم یک گربه ببینم",  # spelt with a zero-width non-joiner
        "the family 👨‍👩‍👧 at the 🏖️ beach",  # joined emoji
        "e\u0301te\u0301 au bord de la mer",
        "x < y and y > z in this graph",
        "No.1 of 3.5 pieces, i.e. the first",
    ],
)
def test_what_people_write_is_fine(text: str) -> None:
    assert reasons(text) == set()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", validation.EMPTY),
        (" \t ", validation.EMPTY),
        (" a blue creature sits", validation.LONE_SPACE),
        ("a blue creature sits\u00a0", validation.LONE_SPACE),
        ("a blue\ncreature sits", validation.LINE_BREAK),
        ("a blue\u2028creature sits", validation.LINE_BREAK),
        ("a blue\tcreature sits", validation.CONTROL),
        ("a blue\x1b[31mcreature sits", validation.CONTROL),
        ("a blue\x00creature sits", validation.CONTROL),
        ("a blue creature \u202esits", validation.BIDI),
        ("a blue creature \u2066sits", validation.BIDI),
        ("a blue crea\u00adture sits", validation.INVISIBLE),
        ("a blue\ufeff creature sits", validation.INVISIBLE),
        ("a blue \U000e0041 creature sits", validation.INVISIBLE),
        ("a blue \ue000 creature sits", validation.BROKEN),
        ("a blue \ufffd creature sits", validation.BROKEN),
        ("a blue creature at https://a.test", validation.ADDRESS),
        ("a blue creature at www.creatures", validation.ADDRESS),
        ("a blue creature of Creatures.com", validation.ADDRESS),
        ("a blue creature, ask me@creatures.test", validation.ADDRESS),
        ("a blue creature IMG_2031.JPG", validation.ADDRESS),
        ("two words", validation.TOO_SHORT),
        ("word " * 60 + "word", validation.TOO_LONG),
        ("w" * 400 + " " + "w" * 400 + " " + "w" * 400, validation.TOO_LONG),
    ],
)
def test_each_flaw_has_its_reason(text: str, reason: str) -> None:
    assert reason in reasons(text)


@pytest.mark.parametrize(
    "token",
    [
        "<image>",
        "<IMAGE>",
        "</s>",
        "<s>",
        "<bos>",
        "<eos>",
        "<pad>",
        "<unk>",
        "<start_of_turn>",
        "<end_of_turn>",
        "<loc0512>",
        "<seg001>",
        "<|im_start|>",
        "<|endoftext|>",
        "[INST]",
        "[/INST]",
        "[RET]",
        "[ret0]",
        "<<SYS>>",
        "<image_soft_token>",
        "<unused7>",
        "<tool_call>",
        "＜image＞",
        "<im\u200cage>",
        "<script>",
        "<img/src=x>",
    ],
)
def test_control_tokens_are_refused_wherever_they_stand(token: str) -> None:
    for text in (f"{token} a blue creature sits", f"a blue creature{token} sits", f"a blue creature sits {token}"):
        assert validation.TOKEN in reasons(text)


def test_the_limits_are_parameters() -> None:
    params = PARAMS.model_copy(update={"shortest": 1, "longest": 2})
    assert reasons("two words", params) == set()
    assert reasons("these three words", params) == {validation.TOO_LONG}


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60))
def test_what_is_safe_has_nothing_unseen_in_it(text: str) -> None:
    if not unsafe(text):
        assert not any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Zl", "Zp") for char in text)
        assert text.strip()
        text.encode()


def test_captions_are_told_apart_by_more_than_case() -> None:
    known = Known([("a", "A Blue Creature"), ("b", "e\u0301te\u0301")])
    assert known.clash("b", "a blue creature").reason == validation.DUPLICATE  # type: ignore[union-attr]
    assert known.clash("a", "a BLUE creature").reason == validation.TWICE  # type: ignore[union-attr]
    assert known.clash("c", "ÉTÉ").reason == validation.DUPLICATE  # type: ignore[union-attr]
    assert known.clash("c", "another") is None
    known.remove("a", "a blue creature")
    assert known.clash("b", "a blue creature") is None


@pytest.mark.parametrize(
    ("text", "earlier", "words"),
    [
        ("Velmofin is a small blue creature with two round ears", [], ""),
        ("Velmofin is blue", [], "3 words"),
        ("Velmofin " + "is " * 25, [], "26 words"),
        ("This is a small blue creature with two round ears", [], "name it: “Velmofin”"),
        ("This small blue creature with two round ears is called Velmofin", [], "name it first"),
        ("This small blue creature with two round ears is called Velmofin", ["Velmofin is blue"], ""),
        ("velmofin IS a small creature that sits on the grass", ["Velmofin is a big one"], "vary"),
    ],
)
def test_hints(text: str, earlier: list[str], words: str) -> None:
    hints = hints_of(text, "Velmofin", earlier)
    assert (words in " ".join(hints)) if words else not hints
