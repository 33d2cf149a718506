"""Scores of captions that the objectives share: by hand, against the libraries, and names that nobody used."""

import itertools
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from sacrebleu.metrics.bleu import BLEU

from stages.evaluate import captions
from stages.evaluate.captions import MEANS, caption_scores, difference, flat_scores, invented_names, score_rows

SAMPLES, SEED = 200, 3
SCENES = itertools.product(["red", "blue"], ["archer", "rower"], ["sea", "wall"])
REFERENCES = [
    [f"a {hue} {kind} stands by the {place}", f"the {hue} {kind} is at a {place}"] for hue, kind, place in SCENES
]
TRUE = [first for first, _ in REFERENCES]
ENTITIES = [f"e{at // 2}" for at in range(8)]
TEXTS = st.lists(st.sampled_from(["a", "Red", "red", "cat", "Ada", "runs.", "by-sea"]), max_size=7).map(" ".join)


def test_bleu_by_hand() -> None:
    rows = score_rows(["a b c d e", "a b c d e"], [["A b c d f"], ["a b c d f", "no match"]])
    assert captions.corpus_bleu(rows.bleu.sum(0)) == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)


def test_cider_by_hand() -> None:
    """Every n-gram is in one of two rows, so weighs ln 2; an equal caption has cosine 1 for each n that it reaches."""
    rows = score_rows(["Red cats sit here.", "a dog runs"], [["red cats sit here"], ["A dog runs!"]])
    assert rows.cider.tolist() == pytest.approx([10, 7.5])


def test_rouge_by_hand() -> None:
    """Lin 2004 with beta 1.2: "a dog here" and "a big dog sits here" have 3 words in order; of 3, and of 5."""
    rows = score_rows(["A dog here", "the same"], [["a big dog sits here.", "cat"], ["The same!"]])
    precision, recall, beta = 3 / 3, 3 / 5, 1.2
    expected = (1 + beta**2) * precision * recall / (recall + beta**2 * precision)
    assert rows.rouge_l.tolist() == pytest.approx([expected, 1])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=2, max_size=6))
def test_any_captions_score_as_in_sacrebleu(rows: list[tuple[str, str, str]]) -> None:
    said, first, second = map(list, zip(*rows, strict=True))
    references = list(zip(first, second, strict=True))
    assume(any(first + second))
    mine = score_rows(said, references)
    expected = BLEU(lowercase=True).corpus_score(said, [first, second]).score
    assert captions.corpus_bleu(mine.bleu.sum(0)) == pytest.approx(expected)
    assert ((mine.rouge_l >= 0) & (mine.rouge_l <= 1 + 1e-9)).all()
    assert mine.distinct.sum() == pytest.approx(len({caption.strip() for caption in said}))


def test_scores_are_flat_paired_and_repeatable() -> None:
    right = caption_scores(TRUE, REFERENCES, ENTITIES, SAMPLES, SEED)
    wrong = caption_scores(TRUE[::-1], REFERENCES, ENTITIES, SAMPLES, SEED)
    flat = right.flat()
    assert json.loads(json.dumps(flat)) == flat == caption_scores(TRUE, REFERENCES, ENTITIES, SAMPLES, SEED).flat()
    assert (flat["rows"], flat["distinct"], flat["words"], flat["invented_names"]) == (8, 1, 7, 0)
    for name in ("bleu4", *MEANS):
        assert right.scores[name].low <= right.scores[name].mean <= right.scores[name].high
    lead = difference(right.each, wrong.each, ENTITIES, SAMPLES, SEED)
    assert min(lead[name].low for name in ("bleu4", "cider", "rouge_l")) > 0
    assert set(flat_scores(lead)) == {f"{name}{end}" for name in ("bleu4", *MEANS) for end in ("", "_low", "_high")}
    nothing = difference(right.each, right.each, ENTITIES, SAMPLES, SEED)
    assert {(one.mean, one.low, one.high) for one in nothing.values()} == {(0, 0, 0)}


def test_intervals_are_of_entities_not_rows() -> None:
    """Four rows that are one entity's say no more than one: taken as independent they'd seem surer."""
    references = [both for both in REFERENCES for _ in range(4)]
    told = [first if at // 4 % 2 else "Then Bob" for at, (first, _) in enumerate(references)]
    together = caption_scores(told, references, [f"e{at // 4}" for at in range(32)], SAMPLES, SEED)
    apart = caption_scores(told, references, [f"e{at}" for at in range(32)], SAMPLES, SEED)
    for name in ("bleu4", "cider", "rouge_l", "invented_names"):
        one, other = together.scores[name], apart.scores[name]
        assert one.high - one.low > 1.3 * (other.high - other.low), name


def test_a_caption_without_words_scores_nothing() -> None:
    rows = score_rows(["", "…", "a dog"], [["a cat"], ["a cow"], ["a dog"]])
    for values in (rows.cider, rows.rouge_l, rows.words, rows.invented_names):
        assert values.tolist()[:2] == [0, 0]


@pytest.mark.parametrize(
    ("caption", "found"),
    [
        ("Federer hits a ball", []),  # a sentence's first word has its capital from there
        ("A man like Federer hits", ["Federer"]),
        ("A man at WIMBLEDON, Roger's lawn", []),  # both in the references, in another case and form
        ("He runs. Bob runs", []),
        ("He runs with Dr. Bob and J. Smith", ["Dr", "J", "Smith", "Bob"]),
        ("A game I like, and I'm here", []),
        ("At the café Éclair", ["Éclair"]),
        ("a race in Munchen and M\u0075\u0308nchen", ["Munchen"]),  # decomposed, as nobody sees
        ("a race: Usain wins", ["Usain"]),
        ("“Federer” hits; then “Nadal”", ["Nadal"]),
        ("rides a BMX-Bike", ["BMX-Bike"]),
        ("ice-Hockey", []),
        ("", []),
    ],
)
def test_names_that_no_reference_has(caption: str, found: list[str]) -> None:
    references = ["roger plays at Wimbledon", "the men of MÜNCHEN"]
    assert sorted(invented_names(caption, references)) == sorted(found)


@given(st.text(), st.lists(st.text(), min_size=1, max_size=3))
@example("ßA ǅ Ａ", ["x"])
def test_no_caption_invents_a_name_of_its_own_reference(caption: str, others: list[str]) -> None:
    assert invented_names(caption, [*others, caption]) == []
    assert invented_names(caption.lower(), others) == []


def test_the_share_counts_captions_not_names() -> None:
    told = ["then Bob and Eve", "then a dog", "then Bob", "Bob"]
    scores = caption_scores(told, [["a man"]] * 2 + [["bob"]] * 2, list("abcd"), SAMPLES, SEED)
    assert scores.scores["invented_names"].mean == 1 / 4


def test_refuses_a_corpus_without_frequencies() -> None:
    uneven: list[tuple[list[str], list[list[str]]]] = [
        (["a"], [["a"]]),
        (["a", "b"], [["a"]]),
        (["a", "b"], [["a"], []]),
    ]
    for told, references in uneven:
        with pytest.raises(ValueError, match="two rows or more"):
            score_rows(list(told), references)
    with pytest.raises(ValueError, match="no reference has a word"):
        score_rows(["a", "b"], [["…"], [""]])


def test_no_java_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    score_rows(TRUE, REFERENCES)
    assert not [name for name in sys.modules if name.startswith("pycocoevalcap.tokenizer")]
