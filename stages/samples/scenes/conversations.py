"""Conversations about a scene: two to five turns, closed questions and open ones, none answered by an earlier turn."""

from random import Random

from stages.samples.scenes.questions import CLOSED, Asked, Fact, described, overview
from stages.samples.scenes.scene import Scene

FEWEST, MOST = 2, 5  # turns
TRIES = 60

Turn = tuple[str, str]  # question, answer


def conversation_of(scene: Scene, chance: Random) -> list[Turn]:
    """The turns. An open description comes last, since it says everything that the others ask for."""
    wanted = chance.randint(FEWEST, MOST)
    asked: list[Asked] = []
    told: set[Fact] = set()
    if chance.random() < 0.15:
        asked.append(overview(scene, chance))
        told |= asked[0].tells
    ending = chance.random() < 0.4
    for _ in range(TRIES):
        if len(asked) == wanted - ending:
            break
        ways, weights = zip(*CLOSED, strict=True)
        one = chance.choices(ways, weights)[0](scene, chance, told)
        if one is not None and not one.asks & told:
            asked.append(one)
            told |= one.tells
    if ending or len(asked) < FEWEST:
        asked.append(described(scene, chance))
    return [(one.question, one.answer) for one in asked]
