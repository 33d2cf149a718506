"""Every way to name the same rows, as answers and as scores of all names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.evaluate.naming.asking import Heard
from stages.evaluate.naming.characters import CharacterModel
from stages.evaluate.naming.given import Given
from stages.evaluate.naming.names import normalised
from stages.evaluate.naming.nearest import Descriptions, by_kernel, by_nearest
from stages.evaluate.naming.ranking import Scores


@dataclass(frozen=True)
class Methods:
    """`answers`: one a test row and method. `scores`: (ranked rows, names) a method. `ended`: of models."""

    answers: dict[str, list[str]]
    scores: dict[str, Scores]
    ended: dict[str, list[bool]]


def all_methods(given: Given, heard: Mapping[str, Heard]) -> Methods:
    """What the models said (`heard`: zero_shot, tuned, blind) beside what needs none of them.

    `tuned_less_blind` takes off what the model gives a name without any description, which favours names that it was
    trained on (domain-conditional PMI, Holtzman et al. 2021, arXiv:2104.08315).
    """
    shallow = _shallow(given)
    likelihoods = {name: heard[name].likelihoods for name in ("blind", "zero_shot", "tuned")}
    lengths = heard["tuned"].lengths
    scores = {name: one[given.ranked] for name, one in shallow.items()} | likelihoods
    scores["zero_shot_per_token"] = likelihoods["zero_shot"] / lengths
    scores["tuned_per_token"] = likelihoods["tuned"] / lengths
    scores["tuned_less_blind"] = likelihoods["tuned"] - likelihoods["blind"]
    answers = {name: _first(given.names.texts, one) for name, one in shallow.items()}
    answers |= {name: heard[name].said for name in likelihoods}
    return Methods(answers, scores, {name: heard[name].ended for name in likelihoods})


def _shallow(given: Given) -> dict[str, Scores]:
    """Scores of all names for all test rows, (test rows, names), by what was trained on alone."""
    names, asked = given.names.texts, [row.description for row in given.test]
    taught = [row.name for row in given.train]
    known = Descriptions.of([row.description for row in given.train])
    letters = CharacterModel.of(sorted({normalised(name) for name in taught}))
    prior = np.array([letters.log_probability(normalised(name)) for name in names])
    return {
        "prior": np.repeat(prior[None], len(asked), axis=0),
        "tfidf_nearest": by_nearest(known, taught, asked, names),
        "tfidf_kernel": by_kernel(known, taught, asked, names),
    }


def _first(names: Sequence[str], scores: Scores) -> list[str]:
    return [names[column] for column in scores.argmax(1)]
