"""One picture, in this process: what is refused, what the pixels are, and that nothing but pixels comes out."""

import io
import struct
import zlib

import hostile
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageFile, ImageFilter

from stages import pictures
from stages.curate import measures
from stages.curate.decode import Facts, Limits, Quarantine, Reencoded
from stages.pictures import Decoded, RefusedPictureError, decode, open_picture, png_bytes
from stages.shards import sha256

LIMITS = Limits()


def reencoded(data: bytes, longest_side: int | None = None) -> Image.Image:
    done = measures.reencoded(data, LIMITS, longest_side)
    assert isinstance(done, Reencoded), done
    image = Image.open(io.BytesIO(done.png))
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (done.width, done.height))
    return image


def facts(data: bytes) -> Facts:
    found = measures.facts(data, LIMITS, None, False)
    assert isinstance(found, Facts), found
    return found


def difference(one: Image.Image, other: Image.Image) -> float:
    """Largest mean difference of a channel, 0 to 255."""
    assert one.size == other.size
    return float(np.asarray(ImageChops.difference(one, other)).reshape(-1, 3).mean(axis=0).max())


def secret_file() -> bytes:
    """A JPEG with something to hide wherever one can write."""
    tags = Image.Exif()
    tags[0x010E] = "secret description"
    tags.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 29: "secret place"})
    data = hostile.saved(
        hostile.picture(),
        "JPEG",
        exif=tags,
        comment=b"secret comment",
        icc_profile=b"secret profile",
        xmp=b"secret xmp",
    )
    return data + b"secret appendix"


def naive_decode(source: io.BytesIO, *_: object) -> Decoded:
    picture = Image.open(source)
    return Decoded(picture, "JPEG", *picture.size)


def naive_png_bytes(picture: Image.Image) -> bytes:
    return hostile.saved(picture, "PNG", exif=picture.getexif(), icc_profile=picture.info["icc_profile"])


@pytest.mark.parametrize("guarded", [True, False])
def test_nothing_but_pixels_comes_out(guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = secret_file()
    assert data.count(b"secret") == 6
    if not guarded:
        monkeypatch.setattr(measures, "decode", naive_decode)
        monkeypatch.setattr(measures, "png_bytes", naive_png_bytes)
    done = measures.reencoded(data, LIMITS, None)
    assert isinstance(done, Reencoded)
    assert (b"secret" in done.png) is not guarded
    kinds = {done.png[place - 4 : place] for place in chunk_places(done.png)}
    assert (kinds == {b"IHDR", b"IDAT", b"IEND"}) is guarded


def chunk_places(png: bytes) -> list[int]:
    """Where each chunk's data starts."""
    places = [16]
    while png[places[-1] - 4 : places[-1]] != b"IEND":
        (length,) = struct.unpack(">I", png[places[-1] - 8 : places[-1] - 4])
        places.append(places[-1] + length + 12)
    return places


def test_the_same_pixels_are_the_same_bytes_on_every_machine() -> None:
    rows = np.indices((300, 900)).prod(axis=0) * 7 // 5 % 251
    rows[:, :200] = 40
    picture = Image.frombytes("RGB", (300, 300), rows.astype(np.uint8).tobytes())
    assert sha256(png_bytes(picture)) == "bb4b2c9c3131536337d8d8b2ac5ef02603106a1bad033d15db5ef9e8bdb2c9fe"


@pytest.mark.parametrize("guarded", [True, False])
def test_the_header_is_read_before_the_pixels(guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []
    load = ImageFile.ImageFile.load
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: [loaded.append(self), load(self)][1])
    if not guarded:
        monkeypatch.setattr(pictures, "_check_size", lambda *_: None)
    for make in (hostile.VALID["jpeg"], hostile.VALID["png"], hostile.VALID["gif"]):
        loaded.clear()
        if guarded:
            with pytest.raises(RefusedPictureError, match="too many pixels"):
                decode(io.BytesIO(make()), most_pixels=1000)
        else:
            decode(io.BytesIO(make()), most_pixels=1000)
        assert bool(loaded) is not guarded


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize("name", [name for name, _ in hostile.huge() if "webp" in name])
def test_a_webp_decoder_makes_no_room_for_900_megapixels(
    name: str, guarded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(Image, "open", lambda *_, **__: opened.append(name) or 1 / 0)
    if not guarded:
        monkeypatch.setattr(pictures, "_webp_size", lambda _: (1, 1))
    with pytest.raises(RefusedPictureError, match="too many pixels" if guarded else "ZeroDivisionError"):
        decode(io.BytesIO(dict(hostile.huge())[name]))
    assert bool(opened) is not guarded


@pytest.mark.parametrize("kind", ["VP8", "VP8L", "VP8X"])
def test_the_size_of_a_webp_is_read_off_its_header(kind: str) -> None:
    options = {"VP8": (), "VP8L": {"lossless": True}, "VP8X": {"icc_profile": b"any"}}[kind]
    data = hostile.saved(hostile.picture((123, 45)), "WEBP", **dict(options))
    assert data[12:16].decode().strip() == kind
    assert pictures._webp_size(data[:30]) == (123, 45)


@pytest.mark.parametrize("guarded", [True, False])
def test_other_formats_are_refused(guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not guarded:
        monkeypatch.setattr(pictures, "FORMATS", (*pictures.FORMATS, "TIFF", "BMP", "PPM", "PCX"))
    for name, data in hostile.others():
        if name in ("refused/TIFF", "refused/BMP", "refused/PPM", "refused/PCX"):
            if guarded:
                with pytest.raises(RefusedPictureError, match="not a PNG, JPEG, WEBP or GIF picture"):
                    open_picture(io.BytesIO(data))
            else:
                open_picture(io.BytesIO(data))


@pytest.mark.parametrize("at_least", [None, 8])
@pytest.mark.parametrize("guarded", [True, False])
def test_a_cut_jpeg_is_refused_even_when_decoded_small(
    guarded: bool, at_least: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", not guarded)
    data = hostile.VALID["jpeg"]()[:-40]
    if guarded:
        with pytest.raises(RefusedPictureError, match="truncated"):
            decode(io.BytesIO(data), at_least=at_least)
    else:
        decode(io.BytesIO(data), at_least=at_least)


@pytest.mark.parametrize("guarded", [True, False])
def test_a_png_with_changed_pixels_is_refused(guarded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (b"\0" + bytes(range(48))) * 8
    sums = [zlib.crc32(b"IDAT" + zlib.compress(each, 9)).to_bytes(4, "big") for each in (rows, rows[:-1] + b"\xff")]
    data = hostile.png(16, 8, rows[:-1] + b"\xff", colour=2).replace(sums[1], sums[0])
    if not guarded:
        monkeypatch.setattr(pictures, "_check_png", lambda _: None)
        assert decode(io.BytesIO(data)).picture.getpixel((15, 7)) == (45, 46, 255)
    else:
        with pytest.raises(RefusedPictureError, match="bad header checksum"):
            decode(io.BytesIO(data))


def test_every_orientation_is_turned_upright() -> None:
    upright = hostile.picture()
    marked = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }
    for number, stored in marked.items():
        tags = Image.Exif()
        tags[0x0112] = number
        for kind in ("JPEG", "WEBP", "PNG"):
            data = hostile.saved(stored, kind, exif=tags, quality=95, subsampling=0, lossless=True)
            assert difference(reencoded(data), upright) < 6, (number, kind)
            assert (facts(data).width, facts(data).height) == upright.size
            assert reencoded(data, 24).size == (24, 16)


def swapped_profile() -> bytes:
    """sRGB with red and blue exchanged, and without its name."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    place = {bytes(profile[at : at + 4]): at + 4 for at in range(132, 132 + 12 * profile[131], 12)}
    red, blue = place[b"rXYZ"], place[b"bXYZ"]
    profile[red : red + 8], profile[blue : blue + 8] = profile[blue : blue + 8], profile[red : red + 8]
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "test".encode("utf-16-be"))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_colours_are_those_that_the_profile_means(mode: str) -> None:
    red = Image.new("RGB", (4, 4), (255, 0, 0)).convert(mode)
    with_profile = hostile.saved(red, "PNG", icc_profile=swapped_profile())
    assert difference(reencoded(with_profile), Image.new("RGB", (4, 4), (0, 0, 255))) < 3
    for profile in (b"", b"nonsense", ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()):
        assert reencoded(hostile.saved(red, "PNG", icc_profile=profile)).getpixel((0, 0)) == (255, 0, 0)


def test_transparency_lies_on_white_and_animations_give_their_first_frame() -> None:
    clear = Image.new("RGBA", (3, 700), (0, 0, 0, 0))
    clear.putpixel((1, 600), (10, 20, 30, 255))
    done = reencoded(hostile.saved(clear, "PNG"))
    assert (done.getpixel((0, 0)), done.getpixel((1, 600))) == ((255, 255, 255), (10, 20, 30))
    reds, blues = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    for kind in ("GIF", "WEBP", "PNG"):
        data = hostile.saved(reds, kind, save_all=True, append_images=[blues] * 3, lossless=True)
        assert reencoded(data).getpixel((4, 4)) == (255, 0, 0)


@pytest.mark.parametrize(("longest_side", "size"), [(None, (90, 30)), (300, (90, 30)), (45, (45, 15)), (1, (1, 1))])
def test_pictures_are_shrunk_and_never_enlarged(longest_side: int | None, size: tuple[int, int]) -> None:
    assert reencoded(hostile.saved(hostile.picture((90, 30)), "PNG"), longest_side).size == size


def test_a_large_jpeg_is_decoded_small_and_looks_the_same() -> None:
    large = hostile.picture((3000, 2001))
    data = hostile.saved(large, "JPEG", quality=95)
    assert decode(io.BytesIO(data), at_least=300).picture.size == (375, 251)
    assert (facts(data).width, facts(data).height) == (3000, 2001)
    assert difference(reencoded(data, 300), large.resize((300, 200), Image.Resampling.LANCZOS)) < 2
    assert facts(data).sharpness == pytest.approx(facts(hostile.saved(large, "PNG")).sharpness, rel=0.1)


def test_facts_tell_blurred_from_sharp_and_blank_from_full() -> None:
    sharp = Image.effect_noise((300, 200), 80).convert("RGB")
    blurred = sharp.filter(ImageFilter.GaussianBlur(4))
    measured = [facts(hostile.saved(image, "PNG")) for image in (sharp, blurred, Image.new("RGB", (300, 200), "teal"))]
    assert measured[0].sharpness > 20 * measured[1].sharpness > measured[2].sharpness == 0
    assert measured[0].contrast > measured[1].contrast > measured[2].contrast == 0
    halves = Image.new("L", (256, 256))
    halves.paste(255, (0, 0, 128, 256))
    assert facts(hostile.saved(halves, "PNG")).contrast == 127.5
    assert measures.sharpness(np.array([[0, 0, 0], [0, 9, 0], [0, 0, 0]])) == (36**2 + 4 * 9**2) / 9
    data = hostile.VALID["gif"]()
    assert facts(data) == Facts(48, 32, "GIF", len(data), facts(data).sharpness, facts(data).contrast, ())


def test_hashes_are_as_asked_for() -> None:
    data = hostile.VALID["png"]()
    for bits in (64, 256):
        plain, oriented = (measures.facts(data, LIMITS, bits, turned) for turned in (False, True))
        assert isinstance(plain, Facts)
        assert isinstance(oriented, Facts)
        assert [len(each) * 8 for each in plain.hashes] == [bits]
        assert oriented.hashes[:1] == plain.hashes
        assert len(oriented.hashes) > 4


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(hostile.VALID)),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=4)), max_size=6),
    cut=st.integers(0, 10_000),
)
def test_a_mutated_file_is_taken_or_refused(kind: str, changes: list[tuple[int, bytes]], cut: int) -> None:
    data = hostile.VALID[kind]()
    for place, new in changes:
        place %= len(data)
        data = data[:place] + new + data[place + len(new) :]
    done = measures.reencoded(data[: len(data) - cut % 7], Limits(most_pixels=1_000_000), 64)
    assert isinstance(done, Reencoded | Quarantine)
    if isinstance(done, Quarantine):
        assert " at 0x" not in done.detail
