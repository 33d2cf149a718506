"""English descriptions: sixteen patterns in different orders, each wording drawn, the name said or not.

Each tells element, body, feature and stage, from which the name follows.
"""

import re
from random import Random

from stages.samples.descriptions.attributes import BODIES, COLOURS, ELEMENTS, FEATURES, STAGES, TEMPERS, Words
from stages.samples.descriptions.creatures import Creature

NAMED = 0.5  # of the descriptions say the name
RELATED = 0.1  # of those of a later stage name the one before, too
UPPER = 0.15  # of those that do, in capitals, as old handhelds had them
PATTERNS = (
    "{who} is a {stage} {colour} {body} with {feature} that {element}.",
    "A {temper} {body}, {who} {element}, and it has {feature}. It is {stage} and {colour}.",
    "With {feature}, this {stage} {body} {element}. People call {who} a {temper} guest.",
    "Travellers tell of a {stage} {body} that {element}. They know {who} by {feature} and by how {temper} it is.",
    "Look for {feature} and a {colour} body: so you will find {who}, a {stage} {body} that {element}.",
    "Nobody has seen {who} from near, for it {element}. It is said to be a {stage} {body} with {feature}.",
    "It {element}. {who} looks like a {temper} {body}, is {stage}, and has {feature}.",
    "{who} {element} when it is angry. This {colour} {body} is {stage} and bears {feature}.",
    "What {element}, has {feature} and is {stage}? It is {who}, a {colour} {body}.",
    "A {colour} {body} with {feature}; {who} is {stage}, {temper}, and {element} every day.",
    "Though {temper}, {who} {element}. Its body is that of a {body}, {stage} already, and it has {feature}.",
    "Children draw {who} as a {body} with {feature}. It is {stage} and it {element}.",
    "{who} has {feature}. Like any {temper} {body} it sleeps by day; at dusk it {element}. It is {stage}.",
    "The {stage} {body} known as {who} {element} and shows {feature} to its rivals.",
    "{who}'s {colour} body is that of a {body}; it has {feature}, is {stage}, and {element}.",
    "Among {who}s, every {body} has {feature}. Each of them is {stage}, {temper}, and {element}.",
)


def describe(creature: Creature, chance: Random, count: int) -> list[str]:
    """`count` different descriptions."""
    return [_filled(pattern, creature, chance) for pattern in chance.sample(PATTERNS, count)]


def _filled(pattern: str, creature: Creature, chance: Random) -> str:
    who = "the creature"
    if chance.random() < NAMED:
        who = creature.name.upper() if chance.random() < UPPER else creature.name
    text = pattern.format(
        who=who,
        element=_one(ELEMENTS[creature.element].english, chance),
        body=_one(BODIES[creature.body].english, chance),
        feature=_one(FEATURES[creature.feature].english, chance),
        stage=_one(STAGES[creature.stage].english, chance),
        colour=_one(COLOURS[creature.colour].english, chance),
        temper=_one(TEMPERS[creature.temper].english, chance),
    )
    if creature.before and chance.random() < RELATED:
        text += f" It was a {creature.before} once."
    text = text.replace("the creatures", "these creatures")
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU])", r"\1n ", text)
    return re.sub(r"(?:^|(?<=[.?] ))[a-z]", lambda match: match[0].upper(), text)


def _one(words: Words, chance: Random) -> str:
    return chance.choice(words)
