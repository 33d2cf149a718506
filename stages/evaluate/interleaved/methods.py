"""Every way to answer the same questions: the base alone and behind examples, the tuned model, and it blindfolded."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from stages.adapter import attach
from stages.bases import load_processor, load_quantised, pick_device
from stages.evaluate.interleaved.asking import Examples, Questions, Respondent, no_examples
from stages.features.store import read_features
from stages.features.tower import Identity
from stages.interleaved.choice import choose_rows
from stages.interleaved.contexts import Contexts, Vectors
from stages.interleaved.model import Views
from stages.interleaved.recipe import InterleavedRecipe
from stages.interleaved.templates import stops
from stages.record import Record, read_manifest
from stages.tokenize.interleaved.rows import TokenizedRow

Answer = TypeVar("Answer")
Ask = Callable[[Respondent, Questions, str], Answer]


@dataclass
class Methods(Generic[Answer]):
    """Answers to one list of questions. `few_shot`: by number of examples, one entry a seed."""

    zero_shot: Answer
    tuned: Answer
    blind: Answer
    few_shot: dict[int, list[Answer]] = field(default_factory=dict)

    @property
    def by_shots(self) -> Iterator[tuple[int, list[Answer]]]:
        yield from sorted(self.few_shot.items())


def ask_all(
    params: InterleavedRecipe,
    base: Path,
    trained: Path,
    train: list[TokenizedRow],
    rows: list[TokenizedRow],
    views: Views,
    vectors: Vectors | None,
    ask: Ask[Answer],
) -> Methods[Answer]:
    """Put `rows` to the base, then to the model with the adapter of `trained`.

    Examples come from the rows that were trained on, so that few-shot and tuned know the same pictures.
    """
    settings = params.evaluate
    processor = load_processor(base, params.model)
    respond = Respondent(
        load_quantised(base, params.model, params.train, pick_device(settings.device)),
        processor,
        settings.batch_size,
        settings.max_new_tokens,
        stops(params.tokenize, params.task),
    )
    taught = choose_rows(train, params.train.per_class, params.train.seed)

    def questions(examples: Examples, blind: bool = False) -> Questions:
        return Questions(rows, examples, views, blind)

    zero_shot = ask(respond, questions(no_examples), "zero-shot")
    few_shot = {
        shots: [
            ask(respond, questions(_behind(Contexts(taught, settings.choose, seed, vectors), shots)), f"{shots}-shot")
            for seed in seeds_of(params)
        ]
        for shots in settings.shots
        if shots
    }
    attach(respond.model, trained)
    respond = replace(respond)  # looks at every picture anew: an adapter may change the tower too
    tuned = ask(respond, questions(no_examples), "tuned")
    return Methods(zero_shot, tuned, ask(respond, questions(no_examples, blind=True), "blind"), few_shot)


def seeds_of(params: InterleavedRecipe) -> tuple[int, ...]:
    """Seeds of the examples; the nearest ones are the same for every seed."""
    return params.evaluate.context_seeds[:1] if params.evaluate.choose == "nearest" else params.evaluate.context_seeds


def vectors_of(params: InterleavedRecipe, features: Path, records: dict[str, Record]) -> Vectors | None:
    """The pictures' frozen features by row id, where examples are chosen by them."""
    if params.evaluate.choose != "nearest":
        return None
    found = read_features(features, Identity(**read_manifest(features)["tower"]))  # any tower's will do
    pairs = [(record.id, record.image.sha256) for record in records.values()]
    return Vectors([record for record, _ in pairs], found.of(pairs))


def _behind(contexts: Contexts, shots: int) -> Examples:
    return lambda row: contexts.examples(row, shots)
