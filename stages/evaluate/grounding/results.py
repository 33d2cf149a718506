"""From similarities, captions and answers to the metrics file and the predictions file."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.evaluate.captions import CaptionScores, caption_scores, difference, flat_scores
from stages.evaluate.grounding import retrieval
from stages.evaluate.grounding.dialogue import by_turn, right
from stages.evaluate.grounding.retrieval import Ranks, graded_gains, rank_queries
from stages.evaluate.grounding.rows import Rows
from stages.evaluate.metrics import rounded
from stages.evaluate.provenance import kind_of_pictures
from stages.evaluate.statistics import Interval, mean_interval
from stages.grounding.recipe import Evaluate

if TYPE_CHECKING:
    import numpy as np

SHALLOW = ("blind", "histogram", "thumbnail")  # retrieval without a model
RIVALS = ("clip", "probe", "before", *SHALLOW)  # what tuned is compared with on the same queries


@dataclass
class Results:
    """What each method gave for the test rows, by the method's name."""

    rows: Rows
    by_text: "dict[str, np.ndarray]" = field(default_factory=dict)  # (captions, pictures)
    by_picture: "dict[str, np.ndarray]" = field(default_factory=dict)  # (pictures, captions)
    captions: dict[str, list[str]] = field(default_factory=dict)  # one a picture
    answers: dict[str, list[list[str]]] = field(default_factory=dict)  # one a turn of each dialogue

    def add(self, name: str, by_text: "np.ndarray", by_picture: "np.ndarray | None" = None) -> None:
        """A retrieval method; one whose similarity works both ways needs to give it once."""
        self.by_text[name] = by_text
        self.by_picture[name] = by_text.T if by_picture is None else by_picture

    def ranks(self) -> dict[str, tuple[Ranks, Ranks]]:
        """{method: (text to image, image to text)}"""
        by_text, by_picture = self.gains()
        return {
            name: (rank_queries(one, by_text), rank_queries(self.by_picture[name], by_picture))
            for name, one in self.by_text.items()
        }

    def gains(self) -> "tuple[np.ndarray, np.ndarray]":
        import numpy as np

        pictures = np.arange(len(self.rows.records))
        entities = self.rows.entities
        return (
            graded_gains(self.rows.owners, pictures, entities),
            graded_gains(pictures, self.rows.owners, entities),
        )


def metrics_of(results: Results, train: Rows, settings: Evaluate) -> dict[str, Any]:
    """The metrics file's content: rounded, intervals over entities, the same rows for every method."""
    rows = results.rows
    found = {
        "rows": len(rows.records),
        "entities": len(set(rows.entities)),
        "captions": len(rows.captions),
        "dialogues": len(rows.dialogues),
        "pictures": kind_of_pictures(rows.records),
        **_retrieval(results, settings),
        "captioning": _captioning(results, train, settings),
    }
    if rows.dialogues:
        found["dialogue"] = _dialogue(results, settings)
    return dict(rounded(found))


def _retrieval(results: Results, settings: Evaluate) -> dict[str, Any]:
    """Each method's scores both ways, and what tuned has over each rival on the same queries, paired."""
    ranks, entities = results.ranks(), results.rows.entities
    samples, seed = settings.bootstrap_samples, settings.seed
    queries = {"t2i": [entities[owner] for owner in results.rows.owners], "i2t": entities}
    gains = dict(zip(queries, results.gains(), strict=True))
    scored: dict[str, dict[str, float]] = {name: {} for name in ranks}
    over: dict[str, dict[str, float]] = {name: {} for name in RIVALS if name in ranks}
    for place, (direction, owners) in enumerate(queries.items()):
        for name, both in ranks.items():
            summary = retrieval.summarise(direction, both[place], gains[direction], owners, samples, seed)
            scored[name] |= summary.flat()
        for rival in over:
            lead = retrieval.difference(ranks["tuned"][place], ranks[rival][place], owners, samples, seed)
            over[rival] |= retrieval.flat_intervals(direction, lead)
    return {"retrieval": scored, "tuned_over": over}


def _captioning(results: Results, train: Rows, settings: Evaluate) -> dict[str, Any]:
    """BLEU-4 and CIDEr of every method's captions against all of a picture's, and tuned's lead, paired."""
    entities, known = results.rows.entities, {row.text.strip() for row in train.captions}
    samples, seed = settings.bootstrap_samples, settings.seed
    scores = {
        name: caption_scores(said, results.rows.texts, entities, samples, seed)
        for name, said in results.captions.items()
    }
    scored: dict[str, Any] = {
        name: _caption_figures(one, results.captions[name], known) for name, one in scores.items()
    }
    for rival in ("before", "histogram", "unseen"):
        lead = difference(scores["tuned"].each, scores[rival].each, entities, samples, seed)
        scored[f"tuned_over_{rival}"] = flat_scores({name: lead[name] for name in ("bleu4", "cider")})
    return scored


def _caption_figures(scores: CaptionScores, said: Sequence[str], known: Collection[str]) -> dict[str, Any]:
    """`caption_repeated` is the share that is, to the letter, a caption of the training split: a model that recites."""
    flat = scores.flat()
    return {
        **{name: value for name, value in flat.items() if name.startswith(("bleu4", "cider"))},
        "caption_rows": scores.rows,
        "caption_distinct": flat["distinct"],
        "caption_mean_words": flat["words"],
        "caption_repeated": sum(caption.strip() in known for caption in said) / len(said),
    }


def _named(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.mean, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _dialogue(results: Results, settings: Evaluate) -> dict[str, Any]:
    """Share of right answers by turn, every method on the same questions."""
    rows = results.rows.dialogues
    entities = [row.entity for row in rows]
    return {
        name: {
            key: asdict(mean_interval(values, owners, settings.bootstrap_samples, settings.seed)) | {"n": len(values)}
            for key, (values, owners) in by_turn(right(rows, said), entities).items()
        }
        for name, said in results.answers.items()
    }


def write_predictions(path: Path, results: Results) -> None:
    """One JSON line a test picture: its captions' ranks before and after, what was said of it, and its dialogue."""
    ranks = results.ranks()
    dialogues = {row.id: (number, row) for number, row in enumerate(results.rows.dialogues)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as stream:
        for place, record in enumerate(results.rows.records):
            line: dict[str, Any] = {"id": record.id, "entity": record.entity, "captions": results.rows.texts[place]}
            own = [i for i, owner in enumerate(results.rows.owners) if owner == place]
            for name in ("before", "tuned", "clip"):
                line[f"{name}_ranks"] = [round(float(ranks[name][0].rank[i]), 1) for i in own]
            line |= {f"{name}_caption": results.captions[name][place] for name in ("before", "tuned")}
            if record.id in dialogues:
                number, row = dialogues[record.id]
                line["dialogue"] = _turns(row.questions, row.answers, results.answers, number)
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def _turns(
    questions: Sequence[str], answers: Sequence[str], said: dict[str, list[list[str]]], number: int
) -> list[dict[str, str]]:
    return [
        {"question": question, "answer": answer, **{name: said[name][number][turn] for name in ("before", "tuned")}}
        for turn, (question, answer) in enumerate(zip(questions, answers, strict=True))
    ]
