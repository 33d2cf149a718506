"""The headline metric of two adapters, compared on the test rows that both answered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.lineage.diff.facts import params_of, value_at
from stages.lineage.diff.headlines import Headline, Marked, headline_of
from stages.lineage.diff.revisions import file_at
from stages.lineage.diff.shelf import Shelf
from stages.lineage.diff.sides import Side
from stages.lineage.form import Lineage

SAMPLES, SEED = 2000, 1  # of the bootstrap, where `evaluate` names none
ROUNDING = 0.002  # between the metrics file and its rows: four digits, and ties among ranks
LARGEST = 512 * 2**20  # bytes of a predictions file that is read


@dataclass(frozen=True)
class Paired:
    """B minus A on `rows` rows of `entities` entities, with the 95 % interval; p: McNemar's, of right and wrong."""

    rows: int
    entities: int
    a: float
    b: float
    change: float
    low: float
    high: float
    p: float | None


@dataclass(frozen=True)
class Score:
    """`a` and `b` as the metrics files have them. `paired` is None where `unknown` says why."""

    name: str
    a: float | None
    b: float | None
    paired: Paired | None
    only_a: int = 0
    only_b: int = 0
    asked_otherwise: int = 0
    unknown: str = ""


def score_change(a: Side, b: Side, shelf: Shelf) -> Score | None:
    """The headline of both sides and its paired interval; None when neither has a headline that is known."""
    headline, other = headline_of(a.lineage.metrics), headline_of(b.lineage.metrics)
    if headline is None or other is None:
        return None
    value_a, value_b = value_at(a.lineage.metrics, headline.name), value_at(b.lineage.metrics, other.name)
    if headline.name != other.name:
        name = f"{headline.name} / {other.name}"
        return Score(name, value_a, value_b, None, unknown="the two recipes have different headline metrics")
    found = [_predictions(side, headline, shelf) for side in (a, b)]
    lacking = [said for said in found if isinstance(said, str)]
    if lacking:
        return Score(headline.name, value_a, value_b, None, unknown="; ".join(dict.fromkeys(lacking)))
    one, two = (marked for marked in found if isinstance(marked, dict))
    return paired_score(headline, value_a, value_b, one, two, settings_of(b.lineage))


def paired_score(
    headline: Headline,
    value_a: float | None,
    value_b: float | None,
    a: Mapping[str, Marked],
    b: Mapping[str, Marked],
    settings: tuple[int, int],
) -> Score:
    """B minus A on identical rows: the same id, and the same asked of the model."""
    from stages.evaluate.statistics import mcnemar, mean_interval

    shared = sorted(a.keys() & b.keys())
    same = [key for key in shared if (a[key].target, a[key].entity) == (b[key].target, b[key].entity)]
    left = len(a) - len(shared), len(b) - len(shared), len(shared) - len(same)
    if not same or (headline.captions and len(same) < 2):
        return Score(headline.name, value_a, value_b, None, *left, unknown="no test row is the same on both sides")
    one, two = _values(headline, [a[key] for key in same]), _values(headline, [b[key] for key in same])
    entities = [a[key].entity for key in same]
    change = mean_interval([after - before for before, after in zip(one, two, strict=True)], entities, *settings)
    binary = {*one, *two} <= {0.0, 1.0}
    paired = Paired(
        rows=len(same),
        entities=len(set(entities)),
        a=sum(one) / len(one),
        b=sum(two) / len(two),
        change=change.mean,
        low=change.low,
        high=change.high,
        p=mcnemar([bool(mark) for mark in one], [bool(mark) for mark in two]).p if binary else None,
    )
    return Score(headline.name, value_a, value_b, paired, *left)


def read_marked(path: Path, headline: Headline) -> dict[str, Marked] | str:
    """What each test question of a predictions file gives to the headline; a sentence when it has another form."""
    if path.stat().st_size > LARGEST:
        return f"{path.name} has {path.stat().st_size} bytes, {LARGEST} at most are read"
    marked: dict[str, Marked] = {}
    with path.open(encoding="utf-8") as stream:
        for number, text in enumerate(stream, 1):
            try:
                marked |= {one.key: one for one in headline.marked(json.loads(text))}
            except (ValueError, LookupError, TypeError) as error:
                return f"line {number} of {path.name} has another form ({type(error).__name__}: {error})"
    return marked or f"{path.name} holds no row of {headline.name}"


def settings_of(lineage: Lineage) -> tuple[int, int]:
    """(resamples, seed) of the recipe's own intervals."""
    params = params_of(lineage)
    prefix = f"recipes.{lineage.recipe}.evaluate."
    samples, seed = params.get(f"{prefix}bootstrap_samples"), params.get(f"{prefix}seed")
    return (samples if isinstance(samples, int) else SAMPLES, seed if isinstance(seed, int) else SEED)


def predictions_of(recipe: str) -> str:
    return f"reports/predictions/{recipe}.jsonl"


def _predictions(side: Side, headline: Headline, shelf: Shelf) -> dict[str, Marked] | str:
    """The rows behind the sealed metric: of the tree or DVC's cache, if they give the number that was sealed."""
    path = predictions_of(side.lineage.recipe)
    recorded = [_recorded(side, path), _md5_in(_tree_lock(side.project), side.lineage.recipe, path)]
    candidates = [shelf.project / path, *(shelf.cached(md5) for md5 in recorded if md5)]
    sealed = value_at(side.lineage.metrics, headline.name)
    said = f"{side.name}: its {path} is neither in the tree nor in DVC's cache"
    for candidate in candidates:
        if candidate is None or not candidate.is_file():
            continue
        marked = read_marked(candidate, headline)
        if isinstance(marked, str):
            said = f"{side.name}: {marked}"
            continue
        values = _values(headline, list(marked.values()))
        if sealed is not None and abs(sum(values) / len(values) - sealed) <= ROUNDING:
            return marked
        said = f"{side.name}: the {path} that is left gives {sum(values) / len(values):.4f}, sealed is {sealed}"
    return said


def _values(headline: Headline, marked: list[Marked]) -> list[float]:
    if not headline.captions:
        return [one.mark for one in marked]
    if len(marked) < 2:
        return [0.0] * len(marked)
    from stages.evaluate.captions import score_rows

    scored = score_rows([one.said for one in marked], [one.references for one in marked])
    return [float(value) for value in scored.cider]


def _recorded(side: Side, path: str) -> str | None:
    """DVC's md5 of the predictions: in the lineage, or in dvc.lock at the side's commit."""
    if path in side.lineage.outs:
        return side.lineage.outs[path].md5
    lock = file_at(side.project, side.commit, "dvc.lock") if side.commit else None
    return _md5_in(lock, side.lineage.recipe, path)


def _tree_lock(project: Path) -> bytes | None:
    path = project / "dvc.lock"
    return path.read_bytes() if path.is_file() else None


def _md5_in(lock: bytes | None, recipe: str, path: str) -> str | None:
    """The md5 of `path` in a dvc.lock, None where it has none."""
    import yaml

    if lock is None:
        return None
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        stages = yaml.load(lock, Loader=loader)["stages"]
        outs = stages[f"evaluate@{recipe}"]["outs"]
        return next((str(out["md5"]) for out in outs if out["path"] == path), None)
    except (yaml.YAMLError, LookupError, TypeError):
        return None
