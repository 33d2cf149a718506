import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stages.grounding import index as module
from stages.grounding.index import FEW, EmbeddingIndex
from stages.params import UserError

WHOLE = st.integers(-3, 3).map(float)  # products of whole numbers are exact, and many are equal


@st.composite
def searches(draw):
    pictures, width = draw(st.integers(1, 30)), draw(st.integers(1, 4))
    queries = draw(st.sampled_from([1, 2, FEW, FEW + 1]))
    embeddings = draw(hnp.arrays(np.float32, (pictures, width), elements=WHOLE))
    query = draw(hnp.arrays(np.float32, (queries, width), elements=WHOLE))
    shown = draw(st.sets(st.sampled_from([f"p{at}" for at in range(pictures)])))
    return embeddings, query, draw(st.integers(1, 40)), shown


def numbered(embeddings):
    return EmbeddingIndex.build(embeddings, [f"p{at}" for at in range(len(embeddings))])


def random_rows(seed, count, width=8):
    return np.random.default_rng(seed).standard_normal((count, width), np.float32)


@given(searches())
def test_finds_what_a_full_sort_finds(search):
    embeddings, query, k, shown = search
    ids, scores = numbered(embeddings).search(query, k, without=shown)
    for row, found, score in zip(query, ids, scores, strict=True):
        products = embeddings @ row
        order = sorted(range(len(products)), key=lambda at: (-products[at], at))
        expected = [at for at in order if f"p{at}" not in shown][:k]
        assert found == [f"p{at}" for at in expected]
        assert score.tolist() == products[expected].tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 10), st.integers(1, 4))
def test_a_conversation_never_sees_a_picture_twice(pictures, k):
    index = numbered(random_rows(pictures, pictures))
    shown = []
    while True:
        (found,), _ = index.search(np.ones((1, 8)), k, without=shown)
        if not found:
            break
        shown += found
    assert sorted(shown) == sorted(index.ids)


def test_hidden_pictures_would_come_again_without_the_mask(monkeypatch):
    index = numbered(random_rows(1, 5))
    (first,), _ = index.search(index.embeddings[:1], 1)
    assert index.search(index.embeddings[:1], 1, without=first)[0] != [first]
    monkeypatch.setattr(EmbeddingIndex, "_places", lambda *_: [])
    assert index.search(index.embeddings[:1], 1, without=first)[0] == [first]


def test_many_queries_are_searched_in_parts(monkeypatch):
    index, queries = numbered(random_rows(2, 50)), random_rows(3, 40)
    whole = index.search(queries, 3)
    monkeypatch.setattr(module, "AT_ONCE", 50 * 10)
    parts = index.search(queries, 3)
    assert parts[0] == whole[0]
    np.testing.assert_array_equal(parts[1], whole[1])


def test_one_by_one_is_as_all_at_once():
    index, queries = numbered(random_rows(4, 100)), random_rows(5, FEW + 1)
    ids, scores = index.search(queries, 5)
    for query, found, score in zip(queries, ids, scores, strict=True):
        alone, its = index.search(query[None], 5)
        assert alone == [found]
        np.testing.assert_allclose(its[0], score, rtol=1e-5)


def test_unknown_ids_among_the_shown_do_not_matter():
    index = numbered(random_rows(6, 3))
    assert len(index.search(np.ones((1, 8)), 9, without=["a guest's own picture"])[0][0]) == 3


def test_no_queries_find_nothing():
    ids, scores = numbered(random_rows(6, 3)).search(np.empty((0, 8)), 2)
    assert ids == []
    assert scores.shape == (0, 2)


@pytest.mark.parametrize(
    ("embeddings", "ids", "said"),
    [
        (np.empty((0, 4)), [], r"at least one; found \(0, 4\)"),
        (np.ones(4), ["a"], r"found \(4,\)"),
        (np.ones((2, 4)), ["a"], "2 embeddings, but 1 ids"),
        ([[1, 0], [np.nan, 0]], ["a", "b"], "picture b holds values that are not finite"),
        ([[1, np.inf], [0, 0]], ["a", "b"], "picture a holds"),
        (np.ones((3, 4)), ["a", "b", "a"], "Picture a is in the index more than once"),
    ],
)
def test_refuses_what_is_no_index(embeddings, ids, said):
    with pytest.raises(UserError, match=said):
        EmbeddingIndex.build(embeddings, ids)


@pytest.mark.parametrize(
    ("query", "k", "said"),
    [
        (np.ones((1, 7)), 1, r"\(queries, 8\); found \(1, 7\)"),
        (np.ones(8), 1, r"found \(8,\)"),
        (np.full((1, 8), np.nan), 1, "not finite"),
        (np.ones((1, 8)), 0, "`k` = 0"),
    ],
)
def test_refuses_what_is_no_query(query, k, said):
    with pytest.raises(UserError, match=said):
        numbered(random_rows(7, 3)).search(query, k)


def test_an_unfinite_picture_would_win_every_search():
    broken = EmbeddingIndex(np.array([[1, 0], [np.inf, 0]], np.float32), ("good", "broken"))
    assert broken.search([[1, 0]], 1)[0] == [["broken"]]
