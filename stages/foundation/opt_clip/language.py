"""Trains the OPT: to go on with general text, to speak about what soft vectors tell, and to sum up a description.

The last is an aid that is thrown away: a vector that stands for no token is put behind a description, and heads on its
hidden state must name what was told and find the other description of the same scene. So a token that
is added later can gather what was said before it.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from stages.foundation.opt_clip.architecture import OPT_HIDDEN, make_opt
from stages.foundation.opt_clip.describe import describe, tell
from stages.foundation.opt_clip.documents import Document, document
from stages.foundation.opt_clip.naming import made_up_name
from stages.foundation.opt_clip.prose import prose_paragraphs
from stages.foundation.opt_clip.scene import draw_scene
from stages.foundation.opt_clip.training import Schedule, fit
from stages.foundation.opt_clip.vision import ATTRIBUTES, targets

LONGEST = 128  # tokens of a training document
SCALES = (0.5, 2.0)  # of a soft vector, both ends
NOISE = 0.15  # of a soft vector, as a share of its length
UNFOUNDED = 0.2  # weight of a token that nothing before it decides: which question is asked, what a name is
GROWING = 0.6  # share of the steps in which documents grow to full length
SUMMED_UP_EVERY = 3  # steps
EMBEDDED = 96  # width in which two descriptions of one scene are matched


class Reader:
    """Token ids of documents and of single keywords."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer, self._known = tokenizer, {}  # type: Any, dict[str, list[int]]
        self.bos, self.eos, self.pad = tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id

    def ids(self, text: str) -> list[int]:
        """Without <s>."""
        found: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def keyword(self, word: str) -> list[int]:
        """As it stands within a text, behind a blank."""
        if word not in self._known:
            self._known[word] = self.ids(" " + word)
        return self._known[word]


class Learning:
    """The model, the summing-up's vector and heads, and the losses of one step."""

    def __init__(self, tokenizer: Any, schedule: Schedule) -> None:
        import torch
        from torch import nn

        torch.manual_seed(schedule.seed)
        self.reader, self.schedule = Reader(tokenizer), schedule
        self.model = make_opt(tokenizer).train()
        self.heads = nn.ModuleDict({name: nn.Linear(OPT_HIDDEN, len(values)) for name, values in ATTRIBUTES.items()})
        self.match = nn.Linear(OPT_HIDDEN, EMBEDDED)
        self.sum_up = nn.Embedding(1, OPT_HIDDEN)
        parts = {"model": self.model, "heads": self.heads, "match": self.match, "sum_up": self.sum_up}
        self.learned = nn.ModuleDict(parts)
        self.prose = list(prose_paragraphs())

    def losses(self, step: int) -> dict[str, Any]:
        """Those of one step; to sum up is soon learned, and asked every third time."""
        rng = np.random.default_rng([self.schedule.seed, step, 2])
        progress = min(1.0, step / (GROWING * self.schedule.steps))
        documents = [document(rng, self.prose, progress) for _ in range(self.schedule.batch)]
        losses = {"text": self._text(documents, rng)}
        if step % SUMMED_UP_EVERY == 0:
            named, matched = self._summed_up(rng)
            losses |= {"named": named, "matched": matched * 0.3}
        return losses

    def _text(self, documents: list[Document], rng: np.random.Generator) -> Any:
        """Weighted mean cross-entropy. Documents of like length go together: padding costs as text does."""
        ordered = sorted(documents, key=lambda one: len(one.text))
        cuts = [round(len(ordered) * third / 3) for third in range(4)]
        losses = [self._text_of(ordered[start:end], rng) for start, end in pairwise(cuts)]
        return sum(loss for loss, _ in losses) / sum(count for _, count in losses)

    def _text_of(self, documents: list[Document], rng: np.random.Generator) -> tuple[Any, float]:
        """(weighted sum of cross-entropies, weights); soft vectors stand before, after or without <s>."""
        import torch
        import torch.nn.functional as functional

        rows, weights, places = [], [], []
        groups: list[tuple[str, ...]] = []
        for row, one in enumerate(documents):
            text, weight = self._weighted(one)
            turn = rng.random() if one.soft else 0.0
            start = [self.reader.bos] if turn < 0.85 else []
            before = len(start) if turn > 0.25 else 0  # soft vectors stand behind <s>, which is first for OPT
            places += [(row, before + place) for place in range(len(one.soft))]
            groups += one.soft
            blank = [self.reader.pad] * len(one.soft)
            head = [*blank, *start] if not before else [*start, *blank]
            rows.append([*head, *text])
            weights.append([0.0] * len(head) + weight)
        width = max(len(row) for row in rows)
        ids = torch.tensor([row + [self.reader.pad] * (width - len(row)) for row in rows])
        weighed = torch.tensor([row + [0.0] * (width - len(row)) for row in weights])[:, 1:]
        vectors = self.model.get_input_embeddings()(ids)
        if groups:
            at = torch.tensor(places)
            vectors = vectors.index_put((at[:, 0], at[:, 1]), self._soft(groups, rng).to(vectors.dtype))
        hidden = self.model.model(inputs_embeds=vectors, use_cache=False).last_hidden_state
        asked = weighed > 0
        logits = self.model.lm_head(hidden[:, :-1][asked]).float()
        losses = functional.cross_entropy(logits, ids[:, 1:][asked], reduction="none")
        return (losses * weighed[asked]).sum(), float(weighed.sum())

    def _weighted(self, one: Document) -> tuple[list[int], list[float]]:
        """Its ids with </s>, and how much each counts."""
        ids: list[int] = []
        weights: list[float] = []
        for piece, decided in one.pieces:
            ids += self.reader.ids(piece)
            weights += [1.0 if decided else UNFOUNDED] * (len(ids) - len(weights))
        return [*ids[: LONGEST - 6], self.reader.eos], [*weights[: LONGEST - 6], weights[-1]]

    def _soft(self, groups: list[tuple[str, ...]], rng: np.random.Generator) -> Any:
        """One vector a group: the sum of its keywords' mean embeddings, scaled and blurred by chance."""
        import torch

        keywords = [self.reader.keyword(word) for group in groups for word in group]
        flat = torch.tensor([token for ids in keywords for token in ids])
        starts = torch.tensor(np.cumsum([0, *(len(ids) for ids in keywords)])[:-1])
        owner = torch.tensor([place for place, group in enumerate(groups) for _ in group])
        table = self.model.get_input_embeddings().weight
        means = torch.nn.functional.embedding_bag(flat, table, starts, mode="mean")
        sums = torch.zeros(len(groups), means.shape[1], dtype=means.dtype).index_add(0, owner, means)
        scale = torch.from_numpy(np.exp(rng.uniform(np.log(SCALES[0]), np.log(SCALES[1]), (len(groups), 1)))).float()
        blur = torch.from_numpy(rng.standard_normal(sums.shape)).float() * sums.detach().std(dim=1, keepdim=True)
        return (sums + NOISE * blur) * scale

    def _summed_up(self, rng: np.random.Generator) -> tuple[Any, Any]:
        """Losses of the vector behind descriptions: what was told, and which two are of the same scene."""
        import torch
        import torch.nn.functional as functional

        rows, asked = [], []
        for _ in range(self.schedule.batch // 4):
            scene = draw_scene(rng, made_up_name(rng) if rng.random() < 0.2 else "")
            for _ in range(2):
                told = tell(scene, rng, share=float(rng.uniform(0.2, 0.9)))
                text = describe(told, rng) + (".", "", "")[int(rng.integers(3))]
                rows.append([self.reader.bos, *self.reader.ids(text)])
                known = told.facts | ({"family"} if scene.made or "kind" in told.facts else set())
                hidden = {"kind"} if "shaped" in told.facts else set()  # "a fish-shaped toy" tells no kind
                pairs = zip(ATTRIBUTES, targets(scene), strict=True)
                asked.append([value if name in known - hidden else -100 for name, value in pairs])
        width = max(len(row) for row in rows) + 1
        ids = torch.tensor([row + [self.reader.pad] * (width - len(row)) for row in rows])
        own, ends = torch.arange(len(rows)), torch.tensor([len(row) for row in rows])
        vectors = self.model.get_input_embeddings()(ids)
        vectors = vectors.index_put((own, ends), self._any_token(len(rows), rng).to(vectors.dtype))
        summary = self.model.model(inputs_embeds=vectors, use_cache=False).last_hidden_state[own, ends]
        goal = torch.tensor(asked)
        named = sum(
            functional.cross_entropy(self.heads[name](summary).float(), goal[:, place], ignore_index=-100)
            for place, name in enumerate(ATTRIBUTES)
            if bool((goal[:, place] != -100).any())
        )
        space = functional.normalize(self.match(summary).float(), dim=-1)
        alike = (space @ space.T / 0.07).masked_fill(torch.eye(len(rows), dtype=torch.bool), -1e4)
        return named / 5, functional.cross_entropy(alike, own ^ 1)

    def _any_token(self, count: int, rng: np.random.Generator) -> Any:
        """What stands behind a description: half the time a learned vector, else one that no text has."""
        import torch

        table = self.model.get_input_embeddings().weight.detach()
        strange = table.mean(dim=0) + torch.from_numpy(rng.standard_normal((count, OPT_HIDDEN))).float() * table.std()
        learned = torch.from_numpy(rng.random((count, 1)) < 0.5)
        return torch.where(learned, self.sum_up.weight, strange)


def train(schedule: Schedule, start: Path, scratch: Path) -> None:
    """Leaves `scratch/language.pt`, the OPTForCausalLM's weights. `start`: the folder with its tokenizer."""
    import torch
    from transformers import AutoTokenizer

    learning = Learning(AutoTokenizer.from_pretrained(start), schedule)
    fit(
        "language",
        learning.learned,
        learning.losses,
        schedule,
        True,
        scratch,
        hidden_layers=learning.model.model.decoder.layers,
    )
    torch.save(learning.model.state_dict(), scratch / "language.pt")
