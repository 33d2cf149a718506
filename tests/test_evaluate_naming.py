"""Names as text, letters, invented names, ranks and TF-IDF: what evaluation knows without a language model."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.evaluate.naming.characters import END, CharacterModel
from stages.evaluate.naming.given import balanced
from stages.evaluate.naming.invention import Inventions
from stages.evaluate.naming.names import edit_distances, edit_similarity, is_one_name, normalised, script_of
from stages.evaluate.naming.nearest import Descriptions, by_kernel, by_nearest, likeness, terms
from stages.evaluate.naming.ranking import best, chance, ranks, recall, recall_curve
from stages.tokenize.naming.rows import TokenizedRow

FIRST, LAST = ("pyr", "aqu", "fol", "lith", "vol", "gel"), ("avi", "ulo", "isco", "orn", "ecta", "imo")
TAUGHT = [f"{one}{other}" for at, one in enumerate(FIRST) for to, other in enumerate(LAST) if (at + to) % 3]
UNSEEN = [f"{one}{other}" for at, one in enumerate(FIRST) for to, other in enumerate(LAST) if not (at + to) % 3]


@pytest.mark.parametrize(
    ("answer", "one"),
    [
        ("Pyravi", True),
        (" Pyravi\n", True),
        ("Farfetch'd", True),
        ("Farfetch’d", True),
        ("Ho-Oh", True),
        ("Flabébé", True),
        ("Flabe\u0301be\u0301", True),  # accents as signs of their own
        ("피카츄", True),
        ("Mr. Mime", True),  # known below
        ("Mr. Meme", False),
        ("1. Pyravi 2. Aquulo 3. Folisco", False),
        ("Pyravi, Aquulo, Folisco, Lithorn, Volecta", False),
        ("* Pyravi\n* Aquulo", False),
        ("Pyravi\nAquulo", False),
        ("The name is Pyravi", False),
        ("Pyravi.", False),
        ("**Pyravi**", False),
        ("-Pyravi", False),
        ("Pyr4vi", False),
        ("'", False),
        ("", False),
    ],
)
def test_an_answer_is_one_name_or_it_is_not(answer: str, one: bool) -> None:
    assert is_one_name(answer, {"mr. mime"}) == one


def test_spellings_of_one_name_are_the_same() -> None:
    assert len({normalised(one) for one in ("Farfetch'd", " farfetch’d.", '"FARFETCH\'D"', "**Farfetchʼd**")}) == 1
    assert normalised("Flabe\u0301be\u0301") == normalised("FLABÉBÉ")
    assert normalised("Ho-Oh") == normalised("ho‐oh") != normalised("Hooh")
    assert normalised("Mr.  Mime") == "mr. mime"


def test_scripts_are_told_apart() -> None:
    assert [script_of(one) for one in ("Pyravi", "피카츄", "ピカ", "'Éa", "25", "")] == [
        "LATIN",
        "HANGUL",
        "KATAKANA",
        "LATIN",
        "",
        "",
    ]


@settings(max_examples=60, deadline=None)
@given(st.text("abcé", max_size=5), st.lists(st.text("abcé", max_size=5), max_size=4))
def test_distances_are_levenshteins(name: str, others: list[str]) -> None:
    assert edit_distances(name, others).tolist() == [levenshtein(name, other) for other in others]


def test_similarity_runs_from_nothing_to_the_same() -> None:
    assert edit_similarity("Pyravi", "pyravi.") == 1
    assert edit_similarity("abc", "xyz") == 0
    assert edit_similarity("Pyravi", "Pyrulo") == pytest.approx(1 - 3 / 6)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(alphabet="abcd", max_size=5), min_size=1, max_size=6), st.text(alphabet="abcd", max_size=4))
def test_chances_of_what_comes_next_add_up_to_one(names: list[str], before: str) -> None:
    model = CharacterModel.of(names)
    seen = sorted({sign for name in names for sign in name} | {END})
    context = ("\x02" * 3 + before)[-3:]
    total = sum(model._probability(context, sign) for sign in seen) + model._probability(context, "z")
    assert total == pytest.approx(1)


def test_a_character_model_prefers_what_it_learned() -> None:
    model = CharacterModel.of(TAUGHT)
    order = random.Random(1)
    mixed = ["".join(order.sample(name, len(name))) for name in UNSEEN]
    assert np.mean([model.per_sign(name) for name in UNSEEN]) > np.mean([model.per_sign(name) for name in mixed]) + 1
    same = CharacterModel.of(TAUGHT[::-1])
    assert [same.log_probability(name) for name in UNSEEN] == [model.log_probability(name) for name in UNSEEN]


def test_invented_names_are_judged_by_newness_letters_and_length() -> None:
    judge = Inventions([*TAUGHT, "피카츄", "라이츄"], [*UNSEEN, "피츄"], seed=1).judge
    told = {answer: judge(answer) for answer in (TAUGHT[0], UNSEEN[0], "xqzkwq", "py", "Pyravi, Aquulo", "Пика", "")}
    assert [verdict.new for verdict in told.values()] == [False, True, True, True, True, True, True]
    assert [verdict.valid for verdict in told.values()] == [True, True, False, False, False, False, False]
    assert told["xqzkwq"].usual_length
    assert not told["xqzkwq"].pronounceable
    assert not told["py"].usual_length
    assert not told["Pyravi, Aquulo"].one_name
    assert not told["Пика"].pronounceable  # no training name is in this script
    assert judge("피카피").one_name
    rules = Inventions(TAUGHT, UNSEEN, seed=1).rules["LATIN"]
    assert (rules.names, rules.held_out) == (len(TAUGHT), len(UNSEEN))
    assert rules.passed > 0.9
    assert rules.shuffled < 0.3  # the rule tells names from their letters


def test_ranks_count_what_is_better_and_break_ties_by_chance() -> None:
    scores = np.array([[0.1, 0.9, 0.5], [0.3, 0.2, 0.1]])
    assert ranks(scores, [2, 0], seed=1).tolist() == [2, 1]
    equal = ranks(np.zeros((4000, 20)), [3] * 4000, seed=1)
    assert (equal.min(), equal.max()) == (1, 20)
    assert recall(equal, 10).mean() == pytest.approx(0.5, abs=0.03)  # chance, and no better
    assert best(scores, 2).tolist() == [[1, 2], [0, 1]]
    assert recall_curve(np.array([1, 3]), 3) == [0.5, 0.5, 1.0]
    assert chance(4, [1, 10])["r_at_1"] == 0.25
    assert chance(4, [1, 10])["r_at_10"] == 1
    assert chance(4, [1])["mrr"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_terms_are_words_and_pairs() -> None:
    assert terms("A fox, a FOX!") == Counter({"a": 2, "fox": 2, "a fox": 2, "fox a": 1})


def test_the_nearest_description_gives_its_name_and_then_what_resembles_it() -> None:
    told = ["a red fox of fire", "a blue fish of water", "a red bird of fire"]
    taught = ["Pyrvul", "Aqupis", "Pyravi"]
    names = ["Aquavi", "Pyrvul", "Pyrpis", "Aqupis"]
    known = Descriptions.of(told)
    assert known.nearness(told).diagonal() == pytest.approx(1)
    assert known.nearness(["nothing known"]).tolist() == [[0, 0, 0]]
    scores = by_nearest(known, taught, ["the red fox of fire"], names)
    assert [names[column] for column in np.argsort(-scores[0], kind="stable")] == [
        "Pyrvul",
        "Pyrpis",
        "Aquavi",
        "Aqupis",
    ]


def test_the_kernel_joins_the_syllables_of_several_neighbours() -> None:
    """A bird of water: the fish of water and the bird of fire each give half of its name."""
    told = ["it is a fish of water", "it is a bird of fire", "it is a fox of stone"]
    taught = ["Aqupis", "Pyravi", "Lithvul"]
    names = ["Aquavi", "Lithfol", "Volimo"]
    known = Descriptions.of(told)
    assert by_kernel(known, taught, ["it is a bird of water"], names).argmax() == 0
    alike = likeness(["Aquavi"], ["aquavi", "Aqupis", "Lith"])
    assert alike[0, 0] == pytest.approx(1)
    assert alike[0, 0] > alike[0, 1] > alike[0, 2] == 0


def levenshtein(one: str, other: str) -> int:
    """As the definition has it."""
    if not one or not other:
        return len(one) + len(other)
    rest = levenshtein(one[1:], other), levenshtein(one, other[1:]), levenshtein(one[1:], other[1:])
    return rest[2] if one[0] == other[0] else 1 + min(rest)


def rows(counts: dict[str, int]) -> list[TokenizedRow]:
    return [
        TokenizedRow(f"{entity}-{at}", "test", entity, entity, "it", "en", (1,), (2,))
        for entity, count in counts.items()
        for at in range(count)
    ]


def test_a_sample_of_rows_is_balanced_by_entity() -> None:
    test = rows({"a": 50, "b": 3, "c": 50})
    chosen = balanced(test, 30, seed=1)
    held = Counter(test[place].entity for place in chosen)
    assert held["b"] == 3
    assert abs(held["a"] - held["c"]) <= 1
    assert chosen == sorted(set(chosen)) == balanced(test, 30, seed=1) != balanced(test, 30, seed=2)
    assert balanced(test, None, 1) == balanced(test, 103, 1) == list(range(103))
