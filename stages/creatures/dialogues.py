"""Dialogues about drawn pictures, from the species' attributes and the view's plan; wordings are in `topics`.

The first question names the creature, the others refer back to it ("And its ears?"), or to what was answered last
("What colour are they?"). No topic comes twice, so no question gives away a later answer.
"""

from stages.creatures.chance import Chance
from stages.creatures.species import CLOSE, Species
from stages.creatures.topics import (
    ABSENT,
    ALWAYS,
    CHECKS,
    COLOURED_WINGS,
    PLURAL,
    TOPICS,
    Check,
)
from stages.creatures.views import View, view_of

TURNS = 5
MOST_TURNS = len(ALWAYS)
CHECKED = 0.6  # of the dialogues that could have a yes-or-no question have one
FOLLOWED = 0.5  # of the chances to ask for the colour of what was answered last
LACKING_ASKED = 0.3  # of the wings and horns that a creature doesn't have: "none" must not be the safe answer
THESE = ("What colour are they?", "And what colour are they?")


def dialogue_of(species: Species, view: int, seed: int, turns: int = TURNS) -> list[tuple[str, str]]:
    """`turns` questions about one picture with their answers of 1 to 4 words. ValueError outside 1..MOST_TURNS."""
    if not 1 <= turns <= MOST_TURNS:
        raise ValueError(f"the number of turns must be in 1..{MOST_TURNS}, found {turns}")
    chance = Chance(seed, species.name, "dialogue", view)
    plan = view_of(species, view, seed)
    topics = _topics(species, plan, turns, chance)
    checkable = [topic for topic in topics if topic in CHECKS and CHECKS[topic].value(species, plan) in _pool(topic)]
    checked = chance.pick(checkable) if checkable and chance.happens(CHECKED) else ""
    said: list[tuple[str, str]] = []
    for place, topic in enumerate(topics):
        follows = place > 0 and topic == "second colour" and said[-1][1] in PLURAL
        if topic == checked:
            said.append(_check(CHECKS[topic], species, plan, place, chance))
        else:
            wordings = TOPICS[topic].back if place else TOPICS[topic].full
            said.append((chance.pick(THESE if follows else wordings), TOPICS[topic].answer(species, plan)))
    return said


def _pool(topic: str) -> tuple[str, ...]:
    return CHECKS[topic].pool


def _topics(species: Species, plan: View, turns: int, chance: Chance) -> list[str]:
    """Distinct topics in drawn order; the second colour often comes right after what has it."""
    lacking = {topic for topic in ABSENT if TOPICS[topic].answer(species, plan) == ABSENT[topic]}
    left_out = {topic for topic in lacking if not chance.happens(LACKING_ASKED)}
    shows_second = species.pattern != "plain" or species.wings in COLOURED_WINGS
    possible = [topic for topic in TOPICS if topic not in left_out and (topic != "second colour" or shows_second)]
    topics = chance.shuffled(possible)[:turns]
    for place, topic in enumerate(topics[:-1]):
        if TOPICS[topic].answer(species, plan) in PLURAL and chance.happens(FOLLOWED):
            if "second colour" in topics:
                topics.remove("second colour")
                topics.insert(topics.index(topic) + 1, "second colour")
            else:
                topics[place + 1] = "second colour"
            break
    return topics


def _check(check: Check, species: Species, plan: View, place: int, chance: Chance) -> tuple[str, str]:
    """A yes-or-no question about one of the pool's values; either answer is as likely for every value."""
    value = check.value(species, plan)
    true = chance.happens(0.5)
    if not true:
        unlike = {value, species.second_colour, *CLOSE.get(value, ())}
        value = chance.pick([other for other in check.pool if other not in unlike])
    asked = check.wording.format(it="it" if place else "this creature", value=check.phrase(value))
    return asked, "yes" if true else "no"
