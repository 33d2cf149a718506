"""Whether an invented name could be one: new, pronounceable, and of a usual length.

Pronounceable: by a character model of the training names of the same script, no less likely per sign than the lowest
hundredth of the held-out true names, which that model never saw either. `shuffled` says what the rule is worth: the
share of those names that would still pass with their letters in random order.
"""

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from stages.evaluate.naming.characters import CharacterModel
from stages.evaluate.naming.names import is_one_name, normalised, script_of

LOWEST = 1  # percentile of the held-out names


@dataclass(frozen=True)
class Rule:
    """What a name of one script must reach. `least`: log-likelihood per sign in nats; lengths in letters.

    `names` training names made it, `held_out` true names set `least`; `passed` and `shuffled` are shares of these.
    """

    names: int
    held_out: int
    least: float
    shortest: int
    longest: int
    passed: float
    shuffled: float


@dataclass(frozen=True)
class Verdict:
    """On one answer. `valid`: one name, pronounceable, of a usual length; `new`: no training name."""

    one_name: bool
    new: bool
    pronounceable: bool
    usual_length: bool

    @property
    def valid(self) -> bool:
        return self.one_name and self.pronounceable and self.usual_length


class Inventions:
    """Judges answers by the names that were trained on, script by script."""

    def __init__(self, training: Iterable[str], held_out: Iterable[str], seed: int) -> None:
        self._training = {normalised(name) for name in training}
        true = sorted({normalised(name) for name in held_out} - self._training)
        self._models: dict[str, CharacterModel] = {}
        self.rules: dict[str, Rule] = {}
        self._known = self._training | set(true)
        for script in sorted({script_of(name) for name in self._training}):
            own = sorted(name for name in self._training if script_of(name) == script)
            self._models[script] = CharacterModel.of(own)
            unseen = [name for name in true if script_of(name) == script]
            self.rules[script] = _rule(self._models[script], own, unseen, seed)

    def judge(self, answer: str) -> Verdict:
        """An answer in a script that no training name has is neither pronounceable nor of a usual length."""
        name = normalised(answer)
        rule = self.rules.get(script_of(name))
        return Verdict(
            one_name=is_one_name(answer, self._known),
            new=name not in self._training,
            pronounceable=rule is not None and self._models[script_of(name)].per_sign(name) >= rule.least,
            usual_length=rule is not None and rule.shortest <= len(name) <= rule.longest,
        )


def _rule(model: CharacterModel, own: Sequence[str], unseen: Sequence[str], seed: int) -> Rule:
    """Where no true name is held out, the training names themselves set the rule (a stricter one)."""
    measured = unseen or own
    least = float(np.percentile([model.per_sign(name) for name in measured], LOWEST, method="lower"))
    lengths = [len(name) for name in own]
    mixed = _shuffled(measured, seed)
    return Rule(
        names=len(own),
        held_out=len(unseen),
        least=least,
        shortest=min(lengths),
        longest=max(lengths),
        passed=_share(model, measured, least),
        shuffled=_share(model, mixed, least),
    )


def _shuffled(names: Collection[str], seed: int) -> list[str]:
    """Each name's letters in random order."""
    order = random.Random(seed)
    return ["".join(order.sample(name, len(name))) for name in names]


def _share(model: CharacterModel, names: Sequence[str], least: float) -> float:
    return sum(model.per_sign(name) >= least for name in names) / len(names)
