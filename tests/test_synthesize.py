"""Drawing circled letters: the same rows whoever draws them, and pictures that show what rows say."""

import io
import json
import string
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.foundation.paligemma2.typefaces import Typeface, find_typefaces
from stages.foundation.paligemma2.withheld import is_test_family, is_test_word
from stages.params import UserError, check_params
from stages.record import read_manifest, read_rows
from stages.shards import ShardReader, shard_of
from stages.synthesize import stage
from stages.synthesize.drawing import draw, glyph_of, lay_out
from stages.synthesize.parameters import Synthesize, Words
from stages.synthesize.plan import Picture, Side, plan_picture
from stages.synthesize.png import encode_palette_png
from stages.synthesize.words import Vocabulary, WordList, read_withheld, read_word_list, vocabulary_of

ROOT = Path(__file__).parents[1]
WORDS = ROOT / "data" / "words"
BENCHMARK = {"acknowledgement", "subdermatoglyphic", "thyuikarbnqweopxczvm"}

VALUES: dict[str, Any] = {
    "seed": 7,
    "train_images": 24,
    "test_images": 8,
    "image_size": 512,
    "words": {
        "source": "common",
        "folder": None,
        "listed": 0.4,
        "random": 0.3,
        "mixed_case": 0.3,
        "shortest": 3,
        "longest": 20,
    },
    "families": ["DejaVu Sans", "cmr10", "Caladea"],
    "font_sources": ["matplotlib", "font_caladea"],
    "font_size": [48, 96],
    "largest": 0.3,
    "padding": [10, 200],
    "thickness": [4, 14],
    "ellipse_scale": [1.2, 1.6],
    "offset": 0.06,
    "stretch": [0.85, 1.2],
    "weight": [0.6, 1.6],
    "blur": 0.3,
    "tinted": 0.2,
    "other_colours": 0.15,
}


def params_with(**changes: Any) -> Synthesize:
    """Valid parameters but for `changes`; those of `words` are merged into it."""
    words = {**VALUES["words"], **changes.pop("words", {})}
    return check_params(Synthesize, {**VALUES, **changes, "words": words}, "synthesize.toy")


def a_typeface(family: str = "DejaVu Sans", style: str = "Book") -> Typeface:
    faces = find_typefaces([family], ["matplotlib"])[family]
    return next(face for face in faces if face.style == style)


def a_picture(word: str = "banana", index: int = 3, **changes: Any) -> Picture:
    values: dict[str, Any] = {
        "kind": "listed",
        "typeface": a_typeface(),
        "font_size": 96,
        "padding": 50,
        "thickness": 8,
        "ellipse_scale": 1.4,
        "offset": (0.0, 0.0),
        "stretch": 1.0,
        "weight": 1.0,
        "blur": 0.0,
        "place": (0.5, 0.5),
    }
    return Picture(word, index, **{**values, **changes})


def sides_of(params: Synthesize) -> dict[str, Any]:
    word_list = read_word_list(params.words, WORDS)
    planned = stage.plan_sides(params, word_list, read_withheld(WORDS), stage.typefaces_of(params))
    return {side.name: side for side, _ in planned}


def a_word_folder(folder: Path, words: list[str]) -> Path:
    (folder / "common.txt").write_text("\n".join(words) + "\n")
    (folder / "withheld.txt").write_text("Acknowledgement\n")
    return folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("drawn") / "out"
    stage.run(params_with(), words=WORDS, out=out)
    return out


def test_rows_say_what_was_drawn_and_keep_the_sides_apart(drawn: Path) -> None:
    rows = read_rows(drawn)
    assert len(rows) == 32
    for row in rows:
        facts = row.source.drawn
        word, index = facts["word"], facts["index"]
        assert row.label == word[index]
        assert (row.entity, row.split, row.texts) == (word.casefold(), "", ())
        assert facts["repeated"] == (word.count(row.label) > 1)
        assert facts["length"] == len(word)
        assert 3 <= len(word) <= 20
        assert set(word) <= set(string.ascii_letters)
        assert is_test_word(word) == is_test_family(facts["family"]) == ("-test-" in row.id)
        assert (row.source.licence, row.source.seed, row.source.generator) == ("CC0-1.0", 7, "plumbline.synthesize/1")
        assert (row.image.shard, row.image.member) == (shard_of(row.id), f"{row.id}.png")
        assert "/" not in row.source.parameters, "a path of this machine"


def test_every_picture_opens_at_its_size_with_nothing_at_its_border(drawn: Path) -> None:
    with ShardReader(drawn) as reader:
        for row in read_rows(drawn):
            with Image.open(io.BytesIO(reader.read(row.image.shard, row.image.member, row.image.sha256))) as image:
                image.load()
                assert (image.format, image.size) == ("PNG", (512, 512))
                levels = np.asarray(image)
                paper = tuple(row.source.drawn["colours"]["paper"])
                assert image.convert("RGB").getpixel((0, 0)) == paper
            border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
            assert not border.any()
            assert min((levels >> 4).max(), (levels & 15).max()) > 7, "type and ellipse are there"


def test_manifest_counts_and_names_sources(drawn: Path) -> None:
    manifest = read_manifest(drawn)
    assert manifest["rows_out"] == sum(manifest["kinds"].values()) == sum(manifest["families"].values()) == 32
    assert manifest["words"]["source"] == "common.txt"
    assert len(manifest["words"]["sha256"]) == 64
    assert "DejaVuSans.ttf" in manifest["fonts"]
    assert {"rows.parquet", "drops.csv"} < set(manifest["files"])
    assert (drawn / "drops.csv").read_text() == "id,reason,detail\n"


def test_workers_do_not_change_a_byte(drawn: Path, tmp_path: Path) -> None:
    for workers in (2, 3):
        out = tmp_path / str(workers)
        stage.draw_dataset(params_with(), WORDS, out, workers=workers)
        assert (out / "manifest.json").read_bytes() == (drawn / "manifest.json").read_bytes()  # holds every sha256


def test_another_seed_draws_something_else_and_more_rows_leave_the_first_alone() -> None:
    params, more = params_with(), params_with(train_images=99)
    first = [plan_picture(params, sides_of(params)["test"], number) for number in range(8)]
    assert first == [plan_picture(more, sides_of(more)["test"], number) for number in range(8)]
    other = params_with(seed=8)
    assert first != [plan_picture(other, sides_of(other)["test"], number) for number in range(8)]


def test_kinds_of_words_lengths_and_repeated_letters() -> None:
    params = params_with()
    side = sides_of(params)["train"]
    pictures = [plan_picture(params, side, number) for number in range(600)]
    kinds = {kind: [p.word for p in pictures if p.kind == kind] for kind in ("listed", "random", "mixed_case")}
    assert 0.3 < len(kinds["listed"]) / 600 < 0.5
    assert len(kinds["random"]) > 120 < len(kinds["mixed_case"])
    assert 0.4 < np.mean([len(word) >= 13 for word in kinds["random"] + kinds["mixed_case"]]) < 0.6
    assert all(word in (word.lower(), word.upper(), word.capitalize()) for word in kinds["listed"] + kinds["random"])
    assert sum(word not in (word.lower(), word.upper()) for word in kinds["mixed_case"]) > 100
    assert any(p.word.count(p.word[p.index]) > 1 for p in pictures), "repeated letters are kept"


def test_a_repeated_letter_is_circled_where_its_index_says() -> None:
    boxes = [draw(a_picture("banana", index), 512, 0.3)[1].box for index in (1, 3, 5)]
    assert boxes[0][2] < boxes[1][2] < boxes[2][2]
    seen = [np.asarray(Image.open(io.BytesIO(draw(a_picture("banana", index), 512, 0.3)[0]))) for index in (1, 3, 5)]
    assert np.array_equal(seen[0] >> 4, seen[1] >> 4), "the word stays"
    assert not np.array_equal(seen[0] & 15, seen[1] & 15), "the ellipse moves"


@settings(max_examples=40, deadline=None)
@given(
    word=st.text(string.ascii_letters, min_size=3, max_size=20),
    where=st.floats(0, 0.999),
    stretch=st.floats(0.85, 1.2),
    padding=st.floats(10, 200),
    thickness=st.floats(4, 14),
    place=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    offset=st.tuples(st.floats(-0.06, 0.06), st.floats(-0.06, 0.06)),
)
def test_the_ellipse_surrounds_its_letter_and_all_ink_lies_inside(
    word: str, where: float, stretch: float, padding: float, thickness: float, place: Any, offset: Any
) -> None:
    picture = a_picture(
        word,
        int(where * len(word)),
        stretch=stretch,
        padding=padding,
        thickness=thickness,
        place=place,
        offset=offset,
        ellipse_scale=1.6,
    )
    data, layout = draw(picture, 512, 0.3)
    glyph = glyph_of(picture.typeface.path, word[picture.index])
    before = sum(glyph_of(picture.typeface.path, letter).advance for letter in word[: picture.index])
    (scale_x, scale_y), (pen_x, pen_y) = layout.scale, layout.pen
    rows, columns = glyph.cover.shape
    left, top, right, bottom = layout.box
    assert top < pen_y + glyph.top * scale_y
    assert bottom > pen_y + (glyph.top + rows) * scale_y
    middle = pen_x + (before + glyph.left + columns / 2) * scale_x
    assert left < middle < right
    assert abs((left + right) / 2 - middle) <= 0.06 * layout.em + 1
    levels = np.asarray(Image.open(io.BytesIO(data)))
    ys, xs = np.nonzero(levels & 15)
    assert np.allclose([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], layout.box, atol=1.6)
    assert layout.em <= 0.3 * 512 + 1e-6
    border = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    assert not (border >> 4).any()  # no type on the picture's edge
    assert min(layout.box[:2]) >= 0  # nothing is cut, though a line may end within the outermost pixel
    assert max(layout.box[2:]) <= 512


def test_layout_fits_word_plus_padding_to_the_width() -> None:
    picture = a_picture("Acknowledgements", padding=25)
    layout = lay_out(picture, 512, 0.3)
    width = sum(glyph_of(picture.typeface.path, letter).advance for letter in picture.word)
    assert layout.em == pytest.approx(96 * 512 / (width + 50))
    assert layout.line == pytest.approx(0.08 * layout.em)
    assert lay_out(a_picture("ill", 0, padding=10), 512, 0.3).em == pytest.approx(0.3 * 512), "a short word stays small"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_png_holds_exactly_what_it_was_given(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    above = data.draw(st.integers(0, height))
    count = data.draw(st.integers(0, height - above))
    rows = np.frombuffer(data.draw(st.binary(min_size=count * width, max_size=count * width)), np.uint8)
    palette = bytes(range(256)) * 3
    encoded = encode_palette_png(rows.reshape(count, width), above, height, palette)
    with Image.open(io.BytesIO(encoded)) as check:
        check.verify()  # chunk checksums
    with Image.open(io.BytesIO(encoded)) as image:
        assert image.mode == "P"
        assert bytes(image.getpalette() or []) == palette
        expected = np.zeros((height, width), np.uint8)
        expected[above : above + count] = rows.reshape(count, width)
        assert np.array_equal(np.asarray(image), expected)


def test_withheld_words_are_never_drawn() -> None:
    assert read_withheld(WORDS) == BENCHMARK
    assert not BENCHMARK & set((WORDS / "common.txt").read_text().split())
    params = Words(source="common", listed=0.0, random=0.5, mixed_case=0.5, shortest=3, longest=3)
    withheld = frozenset(a + b + c for a in "abcdefghijklmnopqrst" for b in string.ascii_lowercase for c in "aeiounrst")
    vocabulary = Vocabulary(params, False, (), withheld)
    rng = np.random.default_rng(1)
    assert not withheld & {vocabulary.draw(rng)[0].casefold() for _ in range(300)}


def test_withheld_words_of_a_list_are_left_out(tmp_path: Path) -> None:
    words = ["acknowledgement", *(WORDS / "common.txt").read_text().split()[:40]]
    folder = a_word_folder(tmp_path, words)
    word_list = read_word_list(params_with().words, folder)
    assert "acknowledgement" in word_list.words
    for test in (False, True):
        vocabulary = vocabulary_of(word_list, read_withheld(folder), params_with().words, test)
        assert "acknowledgement" not in vocabulary.listed
        assert all(is_test_word(word) == test for word in vocabulary.listed)


def test_tracked_list_is_clean() -> None:
    words = (WORDS / "common.txt").read_text().split("\n")[:-1]
    assert words == sorted(set(words))
    assert len(words) >= 1000
    assert all(3 <= len(word) <= 15 and set(word) <= set(string.ascii_lowercase) for word in words)


def test_words_with_other_letters_or_lengths_are_not_used(tmp_path: Path) -> None:
    folder = a_word_folder(tmp_path, ["naïve", "it's", "Zebra", "zebra", "ox", "x" * 21, "\u212aelvin", "cat dog"])
    assert read_word_list(params_with().words, folder).words == ("zebra",)


def test_an_empty_word_list_is_refused(tmp_path: Path) -> None:
    folder = a_word_folder(tmp_path, ["ox", "it's"])
    with pytest.raises(UserError, match=r"common\.txt has no word .* 3 to 20 letters.*words\.shortest"):
        stage.run(params_with(), words=folder, out=tmp_path / "out")


def test_a_side_without_words_is_refused(tmp_path: Path) -> None:
    only_training = [word for word in (WORDS / "common.txt").read_text().split() if not is_test_word(word)]
    folder = a_word_folder(tmp_path, only_training)
    with pytest.raises(UserError, match=r"is a test word .*use a longer list"):
        stage.run(params_with(), words=folder, out=tmp_path / "out")
    stage.run(params_with(test_images=0, train_images=2), words=folder, out=tmp_path / "out")
    assert len(read_rows(tmp_path / "out")) == 2


@pytest.mark.parametrize(("family", "side"), [("DejaVu Sans", "test"), ("Caladea", "training")])
def test_a_side_without_fonts_is_refused(family: str, side: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"has no {side} font.*add one, or set"):
        stage.run(params_with(families=[family]), words=WORDS, out=tmp_path / "out")


@pytest.mark.parametrize(
    ("family", "message"), [("STIXSizeOneSym", "cannot draw every letter"), ("No Such Sans", "families there: ")]
)
def test_unusable_fonts_are_refused(family: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"`families` or `font_sources`.*{family}.*{message}"):
        stage.run(params_with(families=["DejaVu Sans", "Caladea", family]), words=WORDS, out=tmp_path / "out")


def nltk_words(folder: Path | None) -> Words:
    return params_with(words={"source": "nltk", "folder": folder and str(folder)}).words


@pytest.mark.parametrize("shape", ["en", "words/en", "words.zip"])
def test_nltk_corpus_is_read_from_a_folder(shape: str, tmp_path: Path) -> None:
    import nltk.data

    before = list(nltk.data.path)
    if shape == "words.zip":
        with zipfile.ZipFile(tmp_path / shape, "w") as archive:
            archive.writestr("words/", "")
            archive.writestr("words/en", "Aardvark\nzebra\n")
    else:
        (tmp_path / shape).parent.mkdir(exist_ok=True)
        (tmp_path / shape).write_text("Aardvark\nzebra\n")
    word_list = read_word_list(nltk_words(tmp_path), WORDS)
    assert (word_list.name, word_list.words) == ("nltk words/en", ("aardvark", "zebra"))
    assert nltk.data.path == before


def test_a_missing_nltk_corpus_names_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk.data

    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    for folder in (None, tmp_path):
        with pytest.raises(UserError, match=r"nltk\.download\('words'\).*words\.folder"):
            read_word_list(nltk_words(folder), WORDS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words": {"listed": 0.5}}, "must add up to 1, not to 1.1"),
        ({"words": {"shortest": 9, "longest": 8}}, r"`shortest` \(9\) must not be above `longest` \(8\)"),
        ({"words": {"shortest": 2}}, r"words\.shortest` = 2 is not allowed"),
        ({"words": {"longest": 21}}, r"words\.longest` = 21 is not allowed"),
        ({"words": {"source": "web"}}, "'common' or 'nltk'"),
        ({"words": {"folder": "x"}}, "`folder` is for `source: nltk` only"),
        ({"padding": [20, 10]}, "low <= high"),
        ({"thickness": [0, 5]}, r"must lie in 1\.\.30"),
        ({"blur": 1.5}, "blur` = 1.5 is not allowed"),
        ({"train_images": 0, "test_images": 0}, "must not both be 0"),
        ({"families": []}, "families"),
        ({"blurr": 1}, "`synthesize.toy.blurr` is not a parameter"),
    ],
)
def test_wrong_parameters_are_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        params_with(**changes)


def test_tracked_parameters_are_valid() -> None:
    from stages.params import load_params

    params = load_params(Synthesize, "synthesize.circled_letter", ROOT / "params.yaml")
    assert params.words.longest == 20


def test_half_written_output_is_removed_and_the_manifest_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "z.tar").write_bytes(b"left by a killed run")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(stage, "write_drops", fail)
        with pytest.raises(OSError, match="disk full"):
            stage.run(params_with(), words=WORDS, out=out)
    assert not (out / "z.tar").exists()
    assert not (out / "manifest.json").exists()
    stage.run(params_with(train_images=3, test_images=1), words=WORDS, out=out)
    assert len(read_rows(out)) == 4
    assert len(json.loads((out / "manifest.json").read_text())["files"]) == len(list(out.iterdir())) - 1


def test_only_training_pictures_are_slanted_and_the_ellipse_follows() -> None:
    params = Synthesize.model_validate({**VALUES, "slanted": 1.0})
    faces = find_typefaces(["DejaVu Sans"], ["matplotlib"])["DejaVu Sans"]
    vocabulary = vocabulary_of(WordList("made up", "0" * 64, ("plumb", "line")), frozenset(), params.words, test=False)
    train, test = (Side(name, 0, vocabulary, (tuple(faces),)) for name in ("train", "test"))
    assert all(plan_picture(params, train, number).slant for number in range(20))
    assert not any(plan_picture(params, test, number).slant for number in range(20))
    plain, leaning = glyph_of(faces[0].path, "l"), glyph_of(faces[0].path, "l", 0.24)
    assert leaning.cover.shape[0] == plain.cover.shape[0]
    assert leaning.cover.shape[1] > plain.cover.shape[1]
    assert abs(float(leaning.cover.sum()) / float(plain.cover.sum()) - 1) < 0.02  # no ink is lost
