"""Captions from what was drawn: five a picture, in different words, 8 to 20 words each.

Three of the five name the sport, two only say what is to be seen, as people who caption photographs do.
They end in " ." as those of Flickr30k do, and name no person and no team.
"""

from random import Random

from stages.samples.sports.catalogue import SPORTS
from stages.samples.sports.scene import Facts

COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
GROUNDS = {
    "hall": ("in a hall with {a} floor", "indoors on {a} floor"),
    "field": ("outside on {} ground", "on {a} field"),
    "water": ("on {} water", "in an area of {} water"),
    "snow": ("on {} snow", "in a place with {} snow"),
    "ice": ("on {} ice", "in a place with {} ice"),
}
BEHIND = {
    "the open sky": ("under the open sky", "with nothing but sky behind"),
    "a plain wall": ("in front of a plain wall", "with a plain wall behind"),
}
NAMING = (
    "{who} {is} {doing} {where} .",
    "{who} {is} {doing} {behind} .",
    "{who} {doing} {where} {behind} .",
    "a picture of {name} with {who} {where} .",
    "{who} {action} during {name} {where} .",
    "{who} taking part in {name} {where} {behind} .",
    "a scene of {name} {where} , with {who} {action} .",
    "{who} with {gear} {is} {doing} {where} .",
)
PLAIN = (
    "{who} {is} {action} {where} .",
    "{who} {is} {action} {behind} .",
    "{who} {action} {where} {behind} .",
    "{where} , {who} {is} {action} .",
    "{who} with {gear} {is} {action} .",
)
SHARED = {"ball", "boat", "canoe", "flag", "sail", "sled", "table"}  # one for all
SHORTEST, LONGEST = 8, 20


def captions_of(facts: Facts, chance: Random) -> list[str]:
    """Five different captions: three that name the sport, two that don't, in mixed order."""
    chosen = _some(NAMING, 3, facts, chance) + _some(PLAIN, 2, facts, chance)
    chance.shuffle(chosen)
    return chosen


def word_count(caption: str) -> int:
    """Words without the marks that stand alone."""
    return sum(any(letter.isalnum() for letter in word) for word in caption.split())


def _some(templates: tuple[str, ...], count: int, facts: Facts, chance: Random) -> list[str]:
    """`count` captions of different templates that have the right length."""
    fitting = []
    for template in chance.sample(templates, len(templates)):
        if "{gear}" in template and not facts.gear:
            continue
        for brief in (False, False, True):  # a long action leaves no room for the colours
            caption = _filled(template, facts, chance, brief=brief)
            if SHORTEST <= word_count(caption) <= LONGEST and caption not in fitting:
                fitting.append(caption)
                break
    if len(fitting) < count:
        raise RuntimeError(f"only {len(fitting)} of {count} captions of {SHORTEST} to {LONGEST} words for {facts}")
    return fitting[:count]


def _filled(template: str, facts: Facts, chance: Random, *, brief: bool) -> str:
    sport = SPORTS[facts.sport]
    behind = BEHIND.get(facts.behind, (f"in front of {facts.behind}", f"with {facts.behind} behind"))
    text = template.format(
        who=_people(facts, chance, brief=brief),
        **{"is": "is" if facts.people == 1 else "are"},
        doing=sport.doing,
        name=sport.name(chance),
        action=facts.action,
        gear=_gear(facts),
        where=chance.choice(GROUNDS[facts.place]).format(facts.ground, a=_article(facts.ground)),
        behind=chance.choice(behind),
    )
    return text[0].upper() + text[1:]


def _people(facts: Facts, chance: Random, *, brief: bool) -> str:
    """Who is there: "a player in red", "two players in red and blue", "three people"."""
    sport = SPORTS[facts.sport]
    noun = sport.person if facts.people == 1 else sport.persons
    if chance.random() < 0.3:
        noun = "person" if facts.people == 1 else "people"
    counted = _article(noun) if facts.people == 1 else f"{COUNTS[facts.people]} {noun}"
    if brief or len(facts.shirts) > 2 or chance.random() < 0.25:
        return counted
    return f"{counted} in {' and '.join(facts.shirts)}"


def _gear(facts: Facts) -> str:
    """What they have: "a red ball", "black bows" where each one has a bow."""
    shared = facts.people == 1 or facts.gear.split(" ")[-1] in SHARED
    return _article(facts.gear) if shared else f"{facts.gear.removesuffix('s')}s"


def _article(noun: str) -> str:
    """`noun` with "a" or "an"; a plural stays as it is."""
    if noun.endswith("s"):
        return noun
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"
