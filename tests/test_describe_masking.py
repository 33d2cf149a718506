"""A name is found however it is spelt, and nothing else is."""

import unicodedata
from collections.abc import Iterable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stages.describe import leaks, masking
from stages.describe.folding import folded
from stages.describe.leaks import Ordinary, leak, one_edit
from stages.describe.masking import Masker, name_of
from stages.describe.text import normalised


def masked(text: str, *names: str) -> str:
    return Masker(names, "it")(normalised(text)).text


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Pikachu", "PIKACHU pikachu PiKaChU", "it it it"),
        ("Pikachu", "Pikachu's tail, Pikachu’s ears, Pikachus", "it's tail, it’s ears, its"),
        ("Pikachu", "Mega-Pikachu-like, Superpikachus", "Mega-it-like, Superits"),
        ("Pikachu", "Pi\u00adkachu P\u200bi\u2060kachu Pika\u00ad\nchu", "it it it"),
        ("Pikachu", "Ｐｉｋａｃｈｕ Pi\u0301kachu pikachü, 𝐏𝐢𝐤𝐚𝐜𝐡𝐮", "it it it, it"),
        ("Flabébé", "Flabebe, FLABÉBÉ, Flabe\u0301be\u0301", "it, it, it"),
        ("Mr. Mime", "Mr. Mime, MR MIME, Mr.Mime, MrMime, Mr.\u00a0Mime's", "it, it, it, it, it's"),
        ("Nidoran♀", "Nidoran♀ and NIDORAN ♀ and nidorans", "it and it and its"),
        ("Farfetch’d", "Farfetch'd, FARFETCH’D, Farfetchd", "it, it, it"),
        ("Type: Null", "Type: Null and TYPE:NULL and Type Null", "it and it and it"),
        ("Porygon2", "Porygon2, Porygon 2, porygon-2", "it, it, it"),
        ("Ho-Oh", "Ho-Oh, Ho‑Oh, HO OH, HoOh", "it, it, it, it"),
        ("Straße", "die STRASSE dort", "die it dort"),
        ("피카츄", "피카츄는 노랗다. 메가피카츄의", "it는 노랗다. 메가it의"),
        ("뮤", "뮤는 뮤에게는 뮤! 뮤츠와 뮤직", "it는 it에게는 it! 뮤츠와 뮤직"),
        ("ピカチュウ", "ピカチュウは ﾋﾟｶﾁｭｳが ぴかちゅう", "itは itが it"),
        ("ミュウ", "ミュウのしっぽ、ミュウツー", "itのしっぽ、ミュウツー"),
        ("皮卡丘", "这只皮卡丘很黄", "这只it很黄"),
        ("Mew", "Mew, MEW's, Mews, Mew-like, Mew는", "it, it's, its, it-like, it는"),
        ("Mew", "mewing, Mewtwo, homew", "mewing, Mewtwo, homew"),
        ("Abra", "abracadabra, Kadabra", "abracadabra, Kadabra"),
    ],
)
def test_every_spelling_is_masked_and_no_other_word(name: str, text: str, expected: str) -> None:
    assert masked(text, name) == expected


def test_the_longest_name_goes_first_and_relatives_are_counted_apart() -> None:
    masker = Masker(["Kabuto", "Kabutops", "カブト"], "it")
    found = masker("KABUTOPS was a Kabuto once, カブト in Japan.", ["Kabuto", "カブト"])
    assert found.text == "it was a it once, it in Japan."
    assert (found.count, found.relatives) == (3, 1)


def test_a_mask_between_two_halves_makes_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert masked("KKittenten runs", "Kitten") == "it runs"
    monkeypatch.setattr(masking, "ROUNDS", 1)
    assert masked("KKittenten runs", "Kitten") == "Kitten runs"


def test_a_mask_that_is_a_name_is_known() -> None:
    assert Masker(["It"], "it").in_the_mask
    assert not Masker(["Kitten"], "it").in_the_mask


NAMES = st.sampled_from(
    ["Pikachu", "Mr. Mime", "Flabébé", "Nidoran♀", "Ho-Oh", "Type: Null", "Porygon2", "피카츄", "ピカチュウ", "皮卡丘"]
)
AROUND = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


def spelt(name: str, how: int) -> str:
    forms = (
        str.upper,
        str.lower,
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: "\u00ad".join(text),
        lambda text: "\u200b".join(text),
        lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    )
    return forms[how % len(forms)](name)


@settings(max_examples=100, deadline=None)
@given(NAMES, st.integers(0, 5), AROUND, AROUND)
def test_a_masked_text_never_holds_the_name(name: str, how: int, before: str, after: str) -> None:
    text = normalised(f"{before} {spelt(name, how)} {after}")
    found = Masker([name], "it")(text)
    assert found.count >= 1
    core = name_of(name)
    assert core is not None
    assert core.core not in folded(found.text)
    assert folded(name) not in folded(found.text)
    assert not Masker([name], "it").finds(found.text)


@settings(max_examples=100, deadline=None)
@given(AROUND, st.lists(AROUND, min_size=1, max_size=3))
def test_a_text_without_the_names_stays_as_it_is(text: str, names: list[str]) -> None:
    masker = Masker(names, "it")
    plain = normalised(text)
    assert normalised(plain) == plain
    assume(not masker.finds(plain))
    found = masker(plain)
    assert (found.text, found.count) == (plain, 0)


@settings(max_examples=100, deadline=None)
@given(AROUND, AROUND, AROUND)
def test_text_around_a_name_is_kept(before: str, after: str, name: str) -> None:
    left, right = normalised(before), normalised(after)
    masker = Masker([f"qxzzy{name}", "wvxxk"], "\ue000")
    found = masker(normalised(f"{left} wvxxk {right}"))
    assume(found.count == 1)
    assert found.text == normalised(f"{left} \ue000 {right}")


def ordinary(*texts: str) -> Ordinary:
    words = Ordinary()
    for line in range(leaks.LEAST_LINES):
        for text in texts:
            words.add(str(line), text)
    return words


def given_away(text: str, *names: str, known: Iterable[str] = ()) -> str:
    masker = Masker(names, "it")
    return leak(masker(normalised(text)).text, masker.names, ordinary(*known))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("P-i-k-a-c-h-u runs", "Pikachu"), ("p i k a c h u", "Pikachu"), ("a Pika chu runs", "Pikachu"),
        ("p.i.k.a.c.h.u", "Pikachu"), ("it says M-E-W", "Mew"), ("a pickachu", "Pikachu"), ("pikahcus", "Pikachu"),
        ("Pikacho", "Pikachu"), ("ikachu", "Pikachu"), ("Pіkachu with a Cyrillic letter", "Pikachu"),
        ("the charizar family", "Charizard"), ("피카추는 노랗다", "피카츄"), ("피 카 츄", "피카츄"),
        ("皮 卡 丘", "皮卡丘"),
    ],
)  # fmt: skip
def test_what_gives_a_name_away(text: str, name: str) -> None:
    assert given_away(text, name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a mewing cat", "Mew"), ("the bulb on its back", "Bulbasaur"), ("a dragon", "Dragonite"),
        ("like a butterfly", "Butterfree"), ("electric shocks", "Electrode"), ("a kitten in town", "Skitty"),
        ("노란 쥐가 있다", "피카츄"), ("a m", "Am"), ("", "Pikachu"),
    ],
)  # fmt: skip
def test_what_does_not(text: str, name: str) -> None:
    assert given_away(text, name) == ""


def test_a_word_of_many_descriptions_gives_nothing_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert given_away("it is seeking food", "Seaking")
    assert given_away("it is seeking food", "Seaking", known=["always seeking"]) == ""
    monkeypatch.setattr(leaks.Ordinary, "__contains__", lambda self, word: False)
    assert given_away("it is seeking food", "Seaking", known=["always seeking"])


def test_an_ordinary_word_stands_on_several_lines() -> None:
    words = Ordinary()
    for line in ("1", "1", "1", "2"):
        words.add(line, "Seeking")
    assert "seeking" not in words
    words.add("3", "seeking!")
    assert "seeking" in words


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_one_edit_is_what_the_table_says(one: str, other: str) -> None:
    table = {(i, 0): i for i in range(len(one) + 1)} | {(0, j): j for j in range(len(other) + 1)}
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            change = table[i - 1, j - 1] + (one[i - 1] != other[j - 1])
            table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, change)
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    assert one_edit(one, other) == (table[len(one), len(other)] <= 1)
