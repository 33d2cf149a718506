"""German and Korean descriptions, with fewer patterns than the English ones."""

from random import Random

from stages.samples.descriptions.attributes import BODIES, COLOURS, ELEMENTS, FEATURES, STAGES, TEMPERS
from stages.samples.descriptions.creatures import Creature
from stages.samples.descriptions.english import NAMED

GERMAN = (
    "{who} ist ein {stage}, {colour} Wesen mit {feature}. Es sieht aus wie {body} und {element}.",
    "Wie {body} lebt {who} im Wald: ein {stage} Tier mit {feature}, das oft {temper} ist. Es {element}.",
    "Es {element} und ist {temper}. Man erkennt {who} an {feature}, ein {stage} Tier, fast wie {body}.",
    "Mit {feature} ist {who} leicht zu erkennen: ein {stage} Tier, das wie {body} aussieht. Es {element}.",
)
# A particle in brackets is chosen by the word before it: the first after a consonant, the second after a vowel.
KOREAN = (
    "{who}[은/는] {element} {stage} {body}[이다/다]. {colour} 몸에 {feature}[이/가] 있다.",
    "{feature}[을/를] 가진 {stage} {body}[이다/다]. {who}[은/는] {element} {temper} 생물이다.",
    "{element} {body}[이/가] 보이면 {who}일 것이다. {stage} 몸에 {feature}[이/가] 달려 있다.",
    "사람들은 {who}[을/를] {stage} {body}[이라/라]고 부른다. {element} 생물이며 {feature}[이/가] 눈에 띈다.",
)


def german(creature: Creature, chance: Random) -> str:
    who = creature.name if chance.random() < NAMED else "dieses Geschöpf"
    text = chance.choice(GERMAN).format(
        who=who,
        element=chance.choice(ELEMENTS[creature.element].german),
        body=chance.choice(BODIES[creature.body].german),
        feature=chance.choice(FEATURES[creature.feature].german),
        stage=chance.choice(STAGES[creature.stage].german),
        colour=chance.choice(COLOURS[creature.colour].german),
        temper=chance.choice(TEMPERS[creature.temper].german),
    )
    return text[0].upper() + text[1:]


def korean(creature: Creature, chance: Random) -> str:
    text = chance.choice(KOREAN).format(
        who=creature.korean if chance.random() < NAMED else "이 생물",
        element=chance.choice(ELEMENTS[creature.element].korean),
        body=chance.choice(BODIES[creature.body].korean),
        feature=chance.choice(FEATURES[creature.feature].korean),
        stage=chance.choice(STAGES[creature.stage].korean),
        colour=chance.choice(COLOURS[creature.colour].korean),
        temper=chance.choice(TEMPERS[creature.temper].korean),
    )
    return with_particles(text)


def with_particles(text: str) -> str:
    """`text` with one of each pair "[은/는]" chosen."""
    before, bracket, rest = text.partition("[")
    while bracket:
        pair, _, rest = rest.partition("]")
        closed, open_ = pair.split("/")
        before += closed if (ord(before[-1]) - 0xAC00) % 28 else open_
        more, bracket, rest = rest.partition("[")
        before += more
    return before
