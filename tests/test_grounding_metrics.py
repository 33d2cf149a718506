import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU

from stages.evaluate import captions
from stages.evaluate import looks as looks_of
from stages.evaluate.grounding import probe, retrieval, shallow
from stages.evaluate.grounding.results import _caption_figures
from stages.evaluate.grounding.retrieval import MEASURES, graded_gains, rank_queries
from stages.evaluate.grounding.shallow import Split

SAMPLES, SEED = 50, 1
WORDS = ["a", "red", "blue", "cat", "dog", "sits", "runs", "here", "fish-shaped"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(" ".join)


def random_scores(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


# Retrieval


def one_order(gains, order):
    """Every measure of one query in a strict order of its items, straight from the definitions."""
    ranked = [gains[at] for at in order]
    rank = ranked.index(2) + 1
    ideal = sorted(gains, reverse=True)
    dcg, best = (sum(gain / math.log2(1 + at) for at, gain in enumerate(row, 1)) for row in (ranked, ideal))
    return [rank, rank <= 1, rank <= 5, rank <= 10, 1 / rank, dcg / best]


@st.composite
def rankings(draw):
    count = draw(st.integers(1, 6))
    scores = draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    gains = draw(st.lists(st.sampled_from([0, 0, 1, 2]), min_size=count, max_size=count))
    gains[draw(st.integers(0, count - 1))] = 2
    return scores, gains


@given(rankings())
def test_measures_are_the_mean_over_all_orders_of_tied_items(ranking):
    scores, gains = ranking
    orders = [order for order in itertools.permutations(range(len(scores))) if _descends([scores[at] for at in order])]
    expected = np.mean([one_order(gains, order) for order in orders], axis=0)
    found = rank_queries([scores], [gains])
    np.testing.assert_allclose([found.rank[0], *(getattr(found, name)[0] for name in MEASURES)], expected, atol=1e-12)


def _descends(values):
    return all(one >= other for one, other in itertools.pairwise(values))


def test_a_ranking_by_hand():
    found = rank_queries([[3, 1, 2]], [[1, 0, 2]])
    assert (found.rank[0], found.r1[0], found.r5[0], found.mrr[0]) == (2, 0, 1, 0.5)
    assert found.ndcg[0] == pytest.approx((1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)))


def test_ties_by_hand():
    found = rank_queries([[1, 1, 1, 0]], [[2, 2, 0, 0]])  # two own among three tied: first with 2/3, second with 1/3
    assert found.r1[0] == pytest.approx(2 / 3)
    assert found.mrr[0] == pytest.approx(5 / 6)


def test_a_constant_is_chance_and_the_order_of_rows_is_no_help():
    entities = [f"e{at // 3}" for at in range(30)]
    gains = graded_gains(np.arange(30), np.arange(30), entities)
    constant = rank_queries(np.full((30, 30), 0.5), gains)
    assert constant.r1.mean() == pytest.approx(1 / 30)
    assert constant.r10.mean() == pytest.approx(1 / 3)
    assert {name: getattr(constant, name).mean() for name in MEASURES} == retrieval.chance_levels(gains)
    by_row = rank_queries(-np.abs(np.subtract.outer(np.arange(30), np.arange(30))) * 1e-12, gains)
    assert by_row.r1.mean() == 1  # what ties broken by the row's own place would look like


@pytest.mark.parametrize(("items", "own"), [(12, 1), (30, 3), (8, 8)])
def test_chance_is_the_hypergeometric_one(items, own):
    gains = np.zeros((1, items))
    gains[0, -own:] = 2
    levels = retrieval.chance_levels(gains)
    for cut in (1, 5, 10):
        drawn = min(cut, items)
        assert levels[f"r{cut}"] == pytest.approx(1 - math.comb(items - own, drawn) / math.comb(items, drawn))


@given(st.integers(0, 999))
def test_perfect_scores_are_one_and_the_gallerys_order_does_not_matter(seed):
    random = np.random.default_rng(seed)
    owners, entities = np.repeat(np.arange(6), 2), list("aabbcc")
    gains = graded_gains(owners, np.arange(6), entities)
    perfect = rank_queries(gains, gains)
    assert all((getattr(perfect, name) == 1).all() for name in ("rank", *MEASURES))
    scores, order = random.integers(0, 4, gains.shape), random.permutation(6)
    one, other = rank_queries(scores, gains), rank_queries(scores[:, order], gains[:, order])
    for name in ("rank", *MEASURES):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-12)


def test_gains_both_ways():
    gains = graded_gains([0, 0, 1, 2], [0, 1, 2], ["a", "a", "b"])
    assert gains.tolist() == [[2, 1, 0], [2, 1, 0], [1, 2, 0], [0, 0, 2]]
    np.testing.assert_array_equal(graded_gains([0, 1, 2], [0, 0, 1, 2], ["a", "a", "b"]), gains.T)


@pytest.mark.parametrize(
    ("scores", "gains", "said"),
    [
        ([[1, 2]], [[2]], "must be one"),
        ([[1, math.nan]], [[2, 0]], "not finite"),
        ([[1, 2], [1, 2]], [[2, 0], [1, 0]], "query 1 has no item of its own"),
    ],
)
def test_refuses_what_can_not_be_ranked(scores, gains, said):
    with pytest.raises(ValueError, match=said):
        rank_queries(scores, gains)


def test_summary_is_flat_plain_and_paired():
    entities = [f"e{at // 2}" for at in range(12)]
    gains = graded_gains(np.arange(12), np.arange(12), entities)
    good, bad = rank_queries(gains + random_scores(1, 12, 12), gains), rank_queries(random_scores(2, 12, 12), gains)
    flat = retrieval.summarise("t2i", good, gains, entities, SAMPLES, SEED).flat()
    assert json.loads(json.dumps(flat)) == flat
    for name in MEASURES:
        assert flat[f"t2i_{name}_low"] <= flat[f"t2i_{name}"] <= flat[f"t2i_{name}_high"]
        assert f"t2i_{name}_chance" in flat
    assert (flat["t2i_queries"], flat["t2i_gallery"]) == (12, 12)
    gap = retrieval.difference(good, bad, entities, SAMPLES, SEED)
    assert gap["mrr"].mean == pytest.approx(good.mrr.mean() - bad.mrr.mean())
    assert retrieval.difference(good, good, entities, SAMPLES, SEED)["mrr"].high == 0
    with pytest.raises(ValueError, match="can't be paired"):
        retrieval.difference(good, rank_queries([[1]], [[2]]), entities, SAMPLES, SEED)


# Captions


def test_bleu_by_hand():
    rows = captions.score_rows(["a b c d e", "a b c d e"], [["A b c d f"], ["a b c d f", "no match"]])
    assert captions.corpus_bleu(rows.bleu.sum(0)) == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    assert "nrefs:var" in rows.signature


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(SENTENCES, SENTENCES, SENTENCES), min_size=2, max_size=8))
def test_bleu_from_summed_rows_is_sacrebleus(rows):
    hypotheses, first, second = map(list, zip(*rows, strict=True))
    scored = captions.score_rows(hypotheses, list(zip(first, second, strict=True)))
    expected = BLEU(lowercase=True).corpus_score(hypotheses, [first, second]).score
    assert captions.corpus_bleu(scored.bleu.sum(0)) == pytest.approx(expected)
    again = captions.score_rows(hypotheses[::-1], list(zip(first, second, strict=True))[::-1])
    np.testing.assert_allclose(again.cider[::-1], scored.cider)


def test_cider_by_hand():
    """Every n-gram is in one of two rows, so weighs ln 2; an equal caption has cosine 1 for each n that it reaches."""
    rows = captions.score_rows(["Red cats sit here.", "a dog runs"], [["red cats sit here"], ["A dog runs!"]])
    assert rows.cider.tolist() == pytest.approx([10, 7.5])


SCENES = itertools.product(["red", "blue"], ["cat", "dog"], ["sea", "wall"])
REFERENCES = [
    [f"a {hue} {kind} sits by the {place}", f"the {hue} {kind} is at a {place}"] for hue, kind, place in SCENES
]


def test_true_captions_score_above_shuffled_ones():
    true = [first for first, _ in REFERENCES]
    entities = [f"e{at // 2}" for at in range(8)]
    right = captions.score_rows(true, REFERENCES)
    wrong = captions.score_rows(true[::-1], REFERENCES)
    assert right.cider.mean() > wrong.cider.mean()
    gap = captions.difference(right, wrong, entities, SAMPLES, SEED)
    assert gap["bleu4"].low > 0
    assert gap["cider"].low > 0
    assert captions.difference(right, right, entities, SAMPLES, SEED)["bleu4"].high == 0


def test_summary_of_captions_sees_recited_ones():
    told = ["a red cat sits by the sea", "a red cat sits by the sea", "", *(first for first, _ in REFERENCES[3:])]
    scores = captions.caption_scores(told, REFERENCES, list("aabbccdd"), SAMPLES, SEED)
    flat, rows = _caption_figures(scores, told, {"a red cat sits by the sea"}), scores.each
    assert json.loads(json.dumps(flat)) == flat
    assert flat["caption_distinct"] == 7 / 8
    assert flat["caption_repeated"] == 2 / 8
    assert flat["caption_mean_words"] == 7 * 7 / 8
    assert rows.cider[2] == 0
    assert flat["bleu4_low"] <= flat["bleu4"] <= flat["bleu4_high"]
    assert flat["bleu4_signature"].startswith("nrefs:2|case:lc|eff:no|tok:13a")


def test_intervals_are_of_entities_not_rows():
    """Four rows that are one entity's say no more than one: taken as independent they'd seem surer."""
    references = [both for both in REFERENCES for _ in range(4)]
    told = [first if at // 4 % 2 else "a blue dog" for at, (first, _) in enumerate(references)]
    rows = captions.score_rows(told, references)
    together = captions.bleu_interval(rows.bleu, [f"e{at // 4}" for at in range(32)], 200, SEED)
    apart = captions.bleu_interval(rows.bleu, [f"e{at}" for at in range(32)], 200, SEED)
    assert together.high - together.low > 1.3 * (apart.high - apart.low)


def test_refuses_a_corpus_without_frequencies():
    for told, references in ([["a"], [["a"]]], [["a", "b"], [["a"]]], [["a", "b"], [["a"], []]]):
        with pytest.raises(ValueError, match="two rows or more"):
            captions.score_rows(told, references)


# Linear probe


def test_average_precision_by_hand():
    scores, labels = np.array([[3.0], [2.0], [1.0]]), np.array([[True], [False], [True]])
    weights = np.array([[1.0, 1, 1], [2, 1, 1], [0, 1, 1]])
    found = probe.average_precisions(scores, labels, weights)[:, 0]
    assert found.tolist() == pytest.approx([1 / 2 * (1 + 2 / 3), 2 / 3 * 1 + 1 / 3 * 3 / 4, 1 / 2])
    constant = probe.average_precisions(np.zeros((3, 1)), labels, weights)[:, 0]
    assert constant.tolist() == pytest.approx([2 / 3, 3 / 4, 1 / 2])  # the prevalence
    assert probe.f1_scores(scores > 1.5, labels, weights)[:, 0].tolist() == pytest.approx([1 / 2, 2 / 3, 0])


def worded(seed, count=60):
    """Pictures with colours and kinds by chance, and features in which these lie open, as a linear map of both."""
    random = np.random.default_rng(seed)
    drawn = random.integers(0, 3, (count, 2))
    texts = [[f"a {['red', 'blue', 'grey'][c]} {['cat', 'dog', 'fish-shaped'][k]} of the sea"] for c, k in drawn]
    open_ = np.eye(6)[drawn[:, 0]] + np.eye(6)[3 + drawn[:, 1]]
    mixed = open_ @ np.random.default_rng(99).standard_normal((6, 8)) + 0.02 * random.standard_normal((count, 8))
    return mixed, texts, [f"e{at // 3}" for at in range(count)]


def test_probe_reads_what_is_there_and_retrieves_by_it():
    fitted = probe.fit_probe(*worded(1))
    assert fitted.words == ("blue", "cat", "dog", "fish-shaped", "grey", "red")  # `sea` is everywhere, `a` says nothing
    features, texts, entities = worded(2)
    scores = probe.score_probe(fitted, features, texts, entities)
    assert fitted.penalty < 1
    assert scores.mean_ap.mean > 0.99
    assert scores.f1.mean > 0.95
    assert scores.mean_ap_chance == pytest.approx(1 / 3, abs=0.05)
    assert json.loads(json.dumps(scores.flat())) == scores.flat()
    alike = np.array([[one == other for other in texts] for one in texts])
    near = probe.pictures_by_text(fitted, [text for (text,) in texts], features)
    assert (alike[np.arange(60), near.argmax(1)]).mean() > 0.95
    assert np.ptp(probe.pictures_by_text(fitted, ["a green owl"], features)) == 0


def test_probe_finds_nothing_in_noise():
    features, texts, entities = worded(1)
    fitted = probe.fit_probe(np.random.default_rng(5).standard_normal(features.shape), texts, entities)
    scores = probe.score_probe(fitted, np.random.default_rng(6).standard_normal((60, 8)), *worded(2)[1:])
    assert scores.mean_ap.low - 0.1 < scores.mean_ap_chance
    assert scores.mean_ap.mean < 0.5
    blind = probe.score_probe(fitted, np.zeros((60, 8)), *worded(2)[1:])
    assert blind.mean_ap.mean == pytest.approx(blind.mean_ap_chance)


def test_probe_is_at_the_least_loss():
    """The slope of the loss as it is written, without the change of basis, vanishes there."""
    features, texts, entities = worded(3)
    features[:, 7] = features[:, 6] + 1e-6 * features[:, 5]  # as good as singular
    fitted = probe.fit_probe(features, texts, entities, penalties=[0.01])
    labels = probe.word_labels(texts, fitted.words)
    wrong = 1 / (1 + np.exp(-fitted.log_odds(features))) - labels
    inputs = (features - fitted.mean) / fitted.scale
    assert np.abs(inputs.T @ wrong / len(inputs) + 0.01 * fitted.weights).max() < 1e-3
    assert np.abs(wrong.mean(0)).max() < 1e-3


def test_probe_is_the_same_twice_and_refuses_what_it_can_not_fit():
    one, other = probe.fit_probe(*worded(1)), probe.fit_probe(*worded(1))
    np.testing.assert_array_equal(one.weights, other.weights)
    with pytest.raises(ValueError, match="no content word"):
        probe.fit_probe(np.ones((4, 2)), [["a sea"]] * 4, list("abcd"))
    with pytest.raises(ValueError, match="tells the 4 test pictures apart"):
        probe.score_probe(one, np.ones((4, 8)), [["an owl"]] * 4, list("abcd"))


# Shallow baselines


def squares(colours):
    return [np.full((8, 8, 3), colour, np.uint8) for colour in colours]


def split(colours, told):
    pictures = squares(colours)
    looks = {name: describe(pictures) for name, describe in looks_of.LOOKS.items()}
    return Split(looks, tuple(text for texts in told for text in texts), np.repeat(np.arange(len(told)), 2))


RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)
TRAIN = split([RED, GREEN, WHITE], [["red cat", "it is red"], ["green cat", "it is green"], ["pale cat", "it is pale"]])
TEST = split([GREEN, WHITE, RED], [["a green dog", "green"], ["a pale dog", "pale"], ["a red dog", "red"]])


@pytest.mark.parametrize("look", ["histogram", "thumbnail"])
def test_shallow_baselines_find_colours(look):
    gains = graded_gains(TEST.owners, np.arange(3), list("abc"))
    assert rank_queries(shallow.pictures_by_text(TRAIN, TEST, look, k=1), gains).r1.all()
    assert rank_queries(shallow.captions_by_picture(TRAIN, TEST, look, k=1), gains.T).r1.all()
    assert shallow.nearest_captions(TRAIN, TEST, look) == ["green cat", "pale cat", "red cat"]


def test_blind_is_chance_whatever_it_prefers():
    gains = graded_gains(TEST.owners, np.arange(3), list("abc"))
    chance = retrieval.chance_levels(gains)
    for prior in (np.zeros(3), [3, 1, 2], shallow.typical_pictures(TRAIN, TEST, "histogram")):
        ranks = rank_queries(shallow.blind(prior, 6), gains)
        assert ranks.r1.mean() == pytest.approx(chance["r1"])
        assert ranks.mrr.mean() == pytest.approx(chance["mrr"])
    typical = shallow.typical_captions(TRAIN, TEST)
    assert rank_queries(shallow.blind(typical, 3), gains.T).r1.mean() == pytest.approx(1 / 3)


def test_looks_are_whole_numbers():
    (red,) = looks_of.colour_histograms(squares([RED]))
    assert red.sum() == red[48] == 64 * 64  # level 3 of red, 0 of green and of blue
    assert set(looks_of.thumbnails(squares([WHITE]))[0]) == {255}
    near = looks_of.nearness("histogram", TRAIN.looks["histogram"], TRAIN.looks["histogram"])
    assert (near == np.eye(3) * 64 * 64).all()
    assert near.dtype == np.int64


def test_unknown_words_tie_all_pictures():
    strange = Split(TEST.looks, ("xyz",) * 6, TEST.owners)
    assert (np.ptp(shallow.captions_by_picture(TRAIN, strange, "histogram"), axis=1) == 0).all()


def test_tfidf_by_hand():
    rare, common = math.log(3 / 2) + 1, math.log(3 / 3) + 1
    found = shallow._tfidf(["red cat", "blue cat"], ["cat red red owl"]).toarray()[0]
    expected = np.array([0, common, 2 * rare])
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected))
