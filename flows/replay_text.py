"""A replay as a table: what each factor does to the metric, and what is left over."""

from collections.abc import Iterator

from flows.replay import Effect, Replayed, Variant
from stages.lineage.diff.text import number, signed, wrapped
from stages.lineage.reading import plain


def replay_text(replayed: Replayed) -> str:
    lines = [f"replay of {plain(replayed.recipe)}, one factor at a time from A to B: {replayed.name}"]
    lines += [_side("A", replayed.a, replayed.sealed_a), _side("B", replayed.b, replayed.sealed_b), ""]
    lines.append(f"  {'factor':12}  {'A with it':>9}  {'change':>8}  {'share':>6}  95 % on identical rows")
    for effect in replayed.effects:
        lines += _effect(effect)
    lines += _rest(replayed)
    lines.append(f"  {'B - A':12}  {'':9}  {signed(replayed.change):>8}")
    lines += ["", *_environment(replayed)]
    return "\n".join(lines) + "\n"


def _side(letter: str, variant: Variant, sealed: float | None) -> str:
    same = "as sealed" if sealed == variant.metric else f"sealed was {number(sealed)}"
    return f"  {letter}  {number(variant.metric)}  {same}, {_source(variant.ran)}"


def _source(ran: tuple[str, ...]) -> str:
    return f"ran {len(ran)} stage{'' if len(ran) == 1 else 's'}" if ran else "from the cache"


def _effect(effect: Effect) -> Iterator[str]:
    if not effect.differs:
        yield f"  {effect.factor:12}  the same on both sides"
    elif effect.change is None:
        yield f"  {effect.factor:12}  can't stand alone on A:"
        for line in effect.failed.splitlines():
            yield from wrapped(plain(line), 16)
    else:
        paired = effect.paired
        interval = f"{signed(paired.low)} to {signed(paired.high)} ({paired.rows} rows)" if paired else "-"
        yield (
            f"  {effect.factor:12}  {number(effect.metric):>9}  {signed(effect.change):>8}  {_share(effect.share):>6}"
            f"  {interval}; {_source(effect.ran)}"
        )


def _rest(replayed: Replayed) -> list[str]:
    if replayed.rest is None:
        return wrapped("rest          can't be told, since a factor couldn't be built alone", 2)
    share = replayed.rest / replayed.change if abs(replayed.change) > 1e-9 else None
    return [f"  {'rest':12}  {'':9}  {signed(replayed.rest):>8}  {_share(share):>6}  what factors do only together"]


def _environment(replayed: Replayed) -> list[str]:
    differs = {
        True: "A and B were made in different ones, which may show in any line where no stage ran, and in the rest",
        False: "A and B were made in equal ones",
        None: "a side noted none, so whether it differed can't be told",
    }[replayed.environment_differs]
    said = f"environment: can't be swapped, what ran here ran in this machine's. {differs}."
    apart = [
        f"{letter} was sealed with {number(sealed)} and came out here as {number(variant.metric)}"
        for letter, variant, sealed in (
            ("A", replayed.a, replayed.sealed_a),
            ("B", replayed.b, replayed.sealed_b),
        )
        if sealed is not None and variant.metric is not None and abs(sealed - variant.metric) > 1e-9
    ]
    if apart:
        said += f" {'; '.join(apart)}: that is the environment's doing, or training that doesn't repeat itself."
    return wrapped(said, 2)


def _share(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
