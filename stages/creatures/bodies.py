"""The ten body shapes by name."""

from collections.abc import Callable

from stages.creatures import low, upright
from stages.creatures.anatomy import Build
from stages.creatures.views import View


def build(body: str, view: View) -> Build:
    return BUILDERS[body](view)


BUILDERS: dict[str, Callable[[View], Build]] = {
    "round": upright.round_,
    "tall": upright.tall,
    "serpentine": upright.serpentine,
    "four-legged": low.four_legged,
    "bird-like": upright.bird,
    "beetle-like": low.beetle,
    "fish-like": low.fish,
    "ghost-like": upright.ghost,
    "turtle-like": low.turtle,
    "snail-like": low.snail,
}
