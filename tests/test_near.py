import io
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps

from stages.creatures.drawing import draw
from stages.creatures.species import species_of
from stages.curate import bands, buckets, near, perceptual
from stages.curate.near import near_groups, near_pairs
from stages.curate.perceptual import oriented_hashes, perceptual_hash
from stages.params import UserError

RADIUS = 23  # for 256 bits, as bench/near_duplicates.py found it


def apart(one, other):
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def brute_pairs(rows, radius):
    """All pairs of distinct hashes, by the first row of each."""
    first = {bytes(row): number for number, row in reversed(list(enumerate(rows)))}
    numbers = sorted(first.values())
    return [[i, j] for i, j in itertools.combinations(numbers, 2) if apart(rows[i], rows[j]) <= radius]


def brute_groups(rows, radius):
    first = {bytes(row): number for number, row in reversed(list(enumerate(rows)))}
    labels = [first[bytes(row)] for row in rows]
    for i, j in brute_pairs(rows, radius):
        low, high = sorted((labels[i], labels[j]))
        labels = [low if label == high else label for label in labels]
    return labels


def random_rows(seed, count, width, share=0.5):
    random = np.random.default_rng(seed)
    return np.packbits(random.random((count, 8 * width)) < share, axis=1)


@st.composite
def tables(draw_):
    """Few originals and copies of them with some bits flipped; equal rows, equal bands and near misses are common."""
    width = draw_(st.sampled_from([8, 32]))
    count = draw_(st.integers(0, 40))
    originals = random_rows(draw_(st.integers(0, 99)), 4, width, draw_(st.sampled_from([0.5, 0.1, 0.01])))
    random = np.random.default_rng(draw_(st.integers(0, 999)))
    rows = originals[random.integers(0, 4, count)]
    flips = random.random((count, 8 * width)) < draw_(st.sampled_from([0, 0.01, 0.03, 0.1]))
    flips[:, : draw_(st.integers(0, 8 * width))] = False  # so many bits that whole bands are equal
    return rows ^ np.packbits(flips, axis=1)


@st.composite
def plans(draw_, width, radius):
    """Bands that the pigeonhole principle allows, over any bits: also those that no cost would choose."""
    count = draw_(st.integers(1, min(radius + 1, 6)))
    wide = draw_(st.integers(0, 8))
    order = draw_(st.permutations(range(8 * width)))
    radii = bands._radii(count, radius)
    return [bands.Band(tuple(order[k : count * wide : count]), min(radii[k], wide)) for k in range(count)]


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    rows=tables(),
    large=st.sampled_from([2, 30, 1 << 14]),
    piece=st.sampled_from([5, 1 << 16]),
    few=st.sampled_from([1, 1 << 10]),
)
def test_exactly_the_pairs_and_groups_of_brute_force(data, rows, large, piece, few):
    radius = data.draw(st.integers(0, 24))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(buckets, "LARGE", large)
        patched.setattr(buckets, "PIECE", piece)
        patched.setattr(buckets, "AT_ONCE", piece)
        patched.setattr(buckets, "FEW", few)
        if data.draw(st.booleans()):
            chosen = data.draw(plans(rows.shape[1], radius))
            patched.setattr(near, "plan", lambda words, radius: chosen)
        assert near_pairs(rows, radius).tolist() == brute_pairs(rows, radius)
        assert near_groups(rows, radius).tolist() == brute_groups(rows, radius)
        assert near_groups([row.tobytes() for row in rows], radius).tolist() == near_groups(rows, radius).tolist()


@pytest.mark.parametrize(("width", "radius"), [(8, 3), (8, 8), (32, 15), (32, RADIUS)])
def test_the_plan_finds_what_is_planted_among_many(width, radius):
    rows = random_rows(1, 6000, width)
    random = np.random.default_rng(2)
    for number in range(0, 1000, 2):  # half of them at the very radius, half one bit beyond
        flips = np.zeros(8 * width, bool)
        flips[random.permutation(8 * width)[: radius + number // 2 % 2]] = True
        rows[number + 1] = rows[number] ^ np.packbits(flips)
    words = rows.view(np.uint64)
    expected = [
        [number, number + 1 + int(other)]
        for number in range(len(rows))
        for other in np.flatnonzero(np.bitwise_count(words[number] ^ words[number + 1 :]).sum(axis=1) <= radius)
    ]
    assert len(expected) >= 250
    assert near_pairs(rows, radius).tolist() == expected
    assert len(bands.plan(bands.words_of(rows), radius)) > 1  # not by brute force itself


@pytest.mark.parametrize("radius", [0, 7, 23])
def test_bands_share_no_bit_and_their_radii_suffice(radius):
    planned = bands.plan(bands.words_of(random_rows(3, 50_000, 32)), radius)
    bits = [bit for band in planned for bit in band.bits]
    assert len(set(bits)) == len(bits)
    assert sum(band.radius + 1 for band in planned) > radius  # fewer bits differ in no set of bands


@settings(max_examples=150, deadline=None)
@given(data=st.data(), seed=st.integers(0, 999))
def test_some_bands_sieve_lets_a_near_pair_pass(data, seed):
    """Wherever the bits lie in which they differ: also all in one band, or just as many in each as it may miss."""
    count, random = data.draw(st.integers(1, 24)), np.random.default_rng(seed)
    wide = 256 // count
    order = random.permutation(256)
    radii = bands._radii(count, RADIUS)
    chosen = [bands.Band(tuple(order[k : count * wide : count].tolist()), radii[k]) for k in range(count)]
    places = random.permutation([bit for band in data.draw(st.permutations(chosen))[:4] for bit in band.bits])
    flips = np.isin(np.arange(256), places[: data.draw(st.integers(0, RADIUS))])
    rows = np.repeat(random_rows(seed, 1, 32), 2, axis=0) ^ np.packbits([flips, np.zeros(256, bool)], axis=1)
    words = rows.view(">u8").astype(np.uint64).T.copy()
    keys = [band.keys(words) for band in chosen]
    passed = []
    for number, band in enumerate(chosen):
        first = bands.sieve(words, keys, chosen, number, RADIUS)
        apart = int(keys[number][0] ^ keys[number][1]).bit_count()
        sifted = sum(int(numbers[0] ^ numbers[1]).bit_count() for numbers in first.numbers)
        passed.append(apart <= band.radius and sifted <= first.allowed - apart)
    assert any(passed)


def test_the_sieve_settles_nearly_all_candidates(monkeypatch):
    rows = random_rows(8, 5000, 32, 0.25)
    compared = []
    compare = buckets.Bucketed._near

    def counted(bucketed, one, other):
        compared.append(len(one))
        return compare(bucketed, one, other)

    monkeypatch.setattr(buckets.Bucketed, "_near", counted)
    expected = near_pairs(rows, RADIUS).tolist()
    few = sum(compared)

    compared.clear()
    all_pass = bands.Sieve([np.zeros(len(rows), np.uint32)], RADIUS)
    monkeypatch.setattr(near, "sieve", lambda *given: all_pass)
    assert near_pairs(rows, RADIUS).tolist() == expected
    assert sum(compared) > 50 * few


def test_bits_that_say_nothing_are_left_out():
    rows = random_rows(4, 20_000, 32)
    rows[:, :16] = 7
    words = bands.words_of(rows)
    assert np.ptp(words[2]) == np.ptp(words[3]) == 0  # the telling words come first
    bits = [bit for band in bands.plan(words, RADIUS) for bit in band.bits]
    assert sum(bit < 128 for bit in bits) > 100
    assert sum(bit >= 128 for bit in bits) < 24


def test_equal_hashes_count_as_one_row(monkeypatch):
    seen = []
    words_of = bands.words_of
    monkeypatch.setattr(near, "words_of", lambda rows: seen.append(len(rows)) or words_of(rows))
    rows = np.repeat(random_rows(5, 2, 32), 5000, axis=0)
    assert set(near_groups(rows, RADIUS).tolist()) == {0, 5000}
    assert near_pairs(rows, RADIUS).tolist() == []
    assert seen == [2, 2]


def test_hashes_that_mix_to_one_number_stay_different():
    factor, one = 0x9E3779B97F4A7C15, np.array([[1, 2], [1 << 20, 0], [1, 2]], np.uint64)
    mixed = [((int(word) ^ (int(word) >> 29)) * factor) % 2**64 for word in one[:, 0]]
    one[1, 1] = (mixed[0] + 2 - mixed[1]) % 2**64
    assert near_groups(one.view(np.uint8), 0).tolist() == [0, 1, 0]


def test_rows_of_one_group_are_not_compared_again(monkeypatch):
    random = np.random.default_rng(6)
    ball = np.repeat(random_rows(7, 1, 32), 3000, axis=0) ^ np.packbits(random.random((3000, 256)) < 0.02, axis=1)
    joined = []
    join = near._Groups.join

    def counted(groups, one, other):
        joined.append(len(one))
        join(groups, one, other)

    monkeypatch.setattr(near._Groups, "join", counted)
    monkeypatch.setattr(near, "plan", lambda words, radius: [bands.Band((), 0)])
    assert set(near_groups(ball, RADIUS).tolist()) == {0}
    assert sum(joined) < 20 * len(ball)

    joined.clear()
    monkeypatch.setattr(buckets.Bucketed, "_learn", lambda bucketed: None)
    assert set(near_groups(ball, RADIUS).tolist()) == {0}
    assert sum(joined) > 1000 * len(ball)


def test_none_and_one():
    assert near_groups([], 3).tolist() == []
    assert near_pairs([], 3).shape == (0, 2)
    assert near_groups([b"12345678"], 3).tolist() == [0]
    assert near_pairs([b"12345678"], 3).shape == (0, 2)


@pytest.mark.parametrize(
    ("hashes", "radius", "said"),
    [
        ([b"12345678"], -1, "`radius` = -1 is not allowed: 0 to 63"),
        ([b"12345678"], 64, "`radius` = 64 is not allowed: 0 to 63"),
        ([b"12345678", b"1" * 32], 3, "found 8, 32 bytes"),
        ([b"1234567"], 3, "found \\(1, 7\\)"),
        (np.zeros((3, 8), np.int64), 3, "found \\(3, 8\\) of int64"),
    ],
)
def test_what_is_refused(hashes, radius, said):
    with pytest.raises(UserError, match=said):
        near_groups(hashes, radius)


# the hashes


def figure(seed):
    """Two-sided, on a flat ground: half of its frequencies are nothing but noise."""
    random = np.random.default_rng(seed)
    page = Image.new("RGB", (512, 512), "white")
    pen = ImageDraw.Draw(page)
    for _ in range(4):
        (x, y), (a, b) = random.uniform(120, 400, 2), random.uniform(10, 110, 2)
        for centre in (x, 512 - x):
            pen.ellipse((centre - a, y - b, centre + a, y + b), fill=tuple(random.integers(0, 256, 3).tolist()))
    return page.reduce(2)


def saved(picture, format_, **how):
    stream = io.BytesIO()
    picture.save(stream, format_, **how)
    return Image.open(stream).convert("RGB")


COPIES = {
    "smaller": lambda picture: picture.resize((64, 64)),
    "larger": lambda picture: picture.resize((512, 512)),
    "JPEG 30": lambda picture: saved(picture, "JPEG", quality=30),
    "WEBP": lambda picture: saved(picture, "WEBP", quality=50),
    "GIF": lambda picture: saved(picture, "GIF"),
    "PNG": lambda picture: saved(picture, "PNG"),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "smaller JPEG": lambda picture: saved(picture.resize((128, 128)), "JPEG", quality=50),
}


@pytest.fixture(scope="module")
def pictures():
    creatures = [draw(species, view, 1, 256) for species in species_of(1, 12) for view in range(3)]
    return creatures + [figure(seed) for seed in range(12)]


@pytest.mark.parametrize(("bits", "radius"), [(256, RADIUS), (64, 4)])
def test_copies_are_found_and_different_pictures_are_not_merged(pictures, bits, radius):
    own = [perceptual_hash(picture, bits) for picture in pictures]
    assert {len(code) for code in own} == {bits // 8}
    assert near_groups(own, radius).tolist() == list(range(len(pictures)))
    missed = [
        (name, number)
        for name, change in COPIES.items()
        for number, picture in enumerate(pictures)
        if apart(perceptual_hash(change(picture), bits), own[number]) > radius
    ]
    assert len(missed) <= len(COPIES) * len(pictures) // 100, missed


def sky(seed):
    """One thing before a smooth ground: most frequencies are nothing but noise."""
    random = np.random.default_rng(seed)
    (x, y), (a, b) = random.uniform(60, 196, 2), random.uniform(10, 40, 2)
    down = random.uniform(40, 120) + random.uniform(30, 110) * np.linspace(0, 1, 256)[:, None]
    picture = Image.fromarray(np.repeat(down, 256, axis=1).astype(np.uint8)).convert("RGB")
    ImageDraw.Draw(picture).ellipse((x - a, y - b, x + a, y + b), fill=tuple(random.integers(0, 256, 3).tolist()))
    return picture


def test_without_the_dead_zone_smooth_pictures_lose_their_copies(monkeypatch):
    def lost():
        pairs = [(sky(seed), saved(sky(seed), "WEBP", quality=50)) for seed in range(12)]
        return sum(apart(perceptual_hash(one, 256), perceptual_hash(other, 256)) > RADIUS for one, other in pairs)

    assert lost() == 0
    monkeypatch.setattr(perceptual, "_threshold", lambda low: 0.0)  # the sign alone
    assert lost() >= 3
    monkeypatch.setattr(perceptual, "_threshold", lambda low: float(np.median(low)))  # as pHash has it
    assert lost() >= 3


def test_a_hash_is_the_same_everywhere():
    down, across = np.mgrid[:96, :128]
    levels = (127.5 + 60 * np.sin(across / 9) + 60 * np.cos(down * across / 700)).astype(np.uint8)
    picture = Image.fromarray(levels).convert("RGB")
    assert perceptual_hash(picture, 64).hex() == "fec3239800000000"
    assert perceptual_hash(Image.new("RGB", (50, 90), "teal"), 256) == bytes(32)


@pytest.mark.parametrize("bits", [0, 65, 128])
def test_other_widths_are_refused(bits):
    with pytest.raises(UserError, match=f"`bits` = {bits} is not allowed: 64 or 256"):
        perceptual_hash(Image.new("RGB", (9, 9)), bits)


@pytest.mark.parametrize(
    "change",
    [
        *[lambda picture, how=how: picture.transpose(how) for how in Image.Transpose],
        lambda picture: ImageOps.crop(picture, 12),
        lambda picture: picture.crop((0, 25, 230, 256)),
        lambda picture: picture.crop((38, 0, 256, 256)),
        lambda picture: saved(ImageOps.mirror(ImageOps.crop(picture, 12)), "JPEG", quality=60),
    ],
)
def test_turned_and_cropped_copies_are_found_with_their_variants(pictures, change):
    for picture in pictures[:36:6]:
        own, copy = (oriented_hashes(each, 256) for each in (picture, change(picture)))
        assert own[0] == perceptual_hash(picture, 256)
        assert apart(own[0], copy[0]) > RADIUS
        assert min(apart(a, b) for a in own for b in copy) <= RADIUS
