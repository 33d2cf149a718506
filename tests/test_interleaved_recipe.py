"""What a recipe may say; how answers are compared; where a name stands for a label."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from interleaved import CAPTIONS, RECIPE, ROW, changed

from stages.interleaved.recipe import InterleavedRecipe
from stages.interleaved.tasks import ARTICLES, CaptionTask, LabelTask, normalised, read_synonyms, said
from stages.interleaved.templates import fill, frame, interleaved, stops
from stages.params import UserError, check_params
from stages.record import Image, Record, Source, Text


def refused(**values: Any) -> str:
    with pytest.raises(UserError) as caught:
        check_params(InterleavedRecipe, ROW | values, "recipes.sport_label")
    return str(caught.value)


def record(label: str = "golf", *texts: str) -> Record:
    told = tuple(Text(text, "person:Ada") for text in texts)
    return Record("r", Image("", "0.tar", "r.png", 4, 4), told, label, "r", Source("folder", "CC0-1.0"))


@pytest.mark.parametrize(
    ("values", "said_of_it"),
    [
        ({"tokenize": {"prompt": "<image>What?", "answer": "{label}"}}, "must not hold <image>"),
        ({"tokenize": {"prompt": "Answer: ", "answer": "{label}"}}, "must not begin or end with a space"),
        ({"tokenize": {"prompt": "Answer:", "answer": "{text}"}}, r"may use {label} only"),
        ({"tokenize": {"prompt": "Answer:", "answer": "kit"}}, "must contain {label}"),
        ({"tokenize": {"prompt": "Answer:", "answer": "{label} "}}, "white space"),
        ({"tokenize": {"prompt": "Answer:", "answer": "{label}", "separator": " "}}, "it would change nothing"),
        ({"tokenize": {"prompt": "Answer:", "answer": "{label}", "separator": "; "}}, '"" or line ends'),
        ({"evaluate": {"shots": [0, 40]}}, "at most 16 examples"),
        ({"evaluate": {"context_seeds": [1, 1]}}, "each number once"),
        ({"evaluate": {"choose": "nearest"}}, "name a row under `features:`"),
        ({"train": ROW["train"] | {"context_examples": 5}}, "less than or equal to 4"),
    ],
)
def test_what_a_recipe_may_not_say(values: dict[str, Any], said_of_it: str) -> None:
    assert said_of_it in refused(**values)


def test_captions_know_no_classes_and_no_synonyms() -> None:
    with pytest.raises(ValueError, match="counts rows a label"):
        changed(CAPTIONS, "train", per_class=10)
    with pytest.raises(ValueError, match="is about labels"):
        changed(CAPTIONS, "evaluate", synonyms="sports")
    assert changed(RECIPE, "train", per_class=10).train.per_class == 10


def test_a_template_is_one_list_of_pictures_and_texts() -> None:
    template = CAPTIONS.tokenize
    parts = interleaved(template, "PIC3", examples=[("PIC1", "They run."), ("PIC2", "A dog.")])
    assert parts == ["PIC1", "Caption: They run.\n", "PIC2", "Caption: A dog.\n", "PIC3", "Caption:"]
    assert interleaved(template, "PIC", "They run.") == ["PIC", "Caption: They run."]
    lines = template.model_copy(update={"prompt": "Caption:\n"})
    assert interleaved(lines, "PIC", "They run.") == ["PIC", "Caption:\nThey run."]
    assert fill(template, "caption", "They run") == "They run."


def test_an_answer_ends_where_its_template_does() -> None:
    assert stops(RECIPE.tokenize, "label") == (".", "\n")
    bare = RECIPE.tokenize.model_copy(update={"answer": "It is {label}"})
    assert (frame(bare, "label"), stops(bare, "label")) == (("It is ", ""), ("\n",))


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Tug of War.", True),
        ("  the tug-of-war", True),
        ("tug_of_war. Question: What sport is in this image?", True),
        ("tug of war\nlog rolling", True),
        ("rope pulling.", False),
        ("log rolling. tug of war.", False),
        ("tug of", False),
        ("", False),
    ],
)
def test_an_answer_names_a_label(answer: str, right: bool) -> None:
    assert LabelTask().score(answer, "tug_of_war") == {"exact": right, "synonym": right}


def test_a_template_s_own_words_are_no_part_of_the_answer() -> None:
    assert LabelTask(frame=("It is ", ".")).score("it is golf.", "golf")["exact"]
    assert not LabelTask().score("it is golf.", "golf")["exact"]


def test_a_synonym_counts_by_its_own_rule_and_both_ways(tmp_path: Path) -> None:
    table = tmp_path / "sports.csv"
    table.write_text("label,synonym\nbobsled,Bobsledding\nfootball,soccer\nfootball,football\n", encoding="utf-8")
    task = LabelTask(read_synonyms(table))
    assert task.score("bobsledding.", "bobsled") == {"exact": False, "synonym": True}
    assert task.score("bobsled.", "bobsledding") == {"exact": False, "synonym": True}  # a set that says it so
    assert task.score("luge.", "bobsled") == {"exact": False, "synonym": False}
    assert LabelTask().score("bobsledding.", "bobsled")["synonym"] is False


@pytest.mark.parametrize(
    ("content", "said_of_it"),
    [
        ("name,other\na,b\n", "needs the columns label and synonym, found: name, other"),
        ("", "found: none"),
        ("label,synonym\nluge,\n", "line 2: 'luge' and '' must both hold a word"),
        ("label,synonym\nluge,sled\nbobsled,Sled\n", "line 3: 'Sled' stands for 'luge' already"),
        ("label,synonym\nsled,luge\nbob,sled\n", "name one label for all of them"),
    ],
)
def test_a_table_of_synonyms_that_contradicts_itself(tmp_path: Path, content: str, said_of_it: str) -> None:
    table = tmp_path / "sports.csv"
    table.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=said_of_it):
        read_synonyms(table)
    with pytest.raises(UserError, match=r"missing: `evaluate\.synonyms`"):
        read_synonyms(tmp_path / "none.csv")


def test_a_class_folder_s_name_is_said_with_spaces() -> None:
    assert LabelTask().targets(record("figure_skating ")) == ("figure skating",)


def test_captions_are_one_line_without_their_full_stop() -> None:
    task, told = CaptionTask(), record("", "They  run .", "Wait...", "\n", "A dog.")
    assert task.targets(told) == ("They run", "Wait...", "", "A dog")
    assert (task.target(told), task.target(record(""))) == ("They run", "")
    assert said("A dog. It runs.") == "A dog. It runs"


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), min_size=1, max_size=4))
def test_case_articles_punctuation_and_space_change_nothing(words: list[str]) -> None:
    chance = random.Random(len(words))
    plain = normalised(" ".join(words))
    spoken = "".join(chance.choice(["The ", "", "a "]) + word + chance.choice([" ", "-", "_", ", "]) for word in words)
    if not any(word in ARTICLES for word in plain.split()):
        assert normalised(f"  {spoken}!") == plain


@given(st.text(max_size=40))
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)
    assert normalised(text) == " ".join(normalised(text).split())
