"""Trains the Phi: to go on with general text, and to speak about what vectors in front of a text tell."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from stages.foundation.clip_phi.architecture import PHI_HIDDEN, make_phi
from stages.foundation.clip_phi.documents import Document, document
from stages.foundation.clip_phi.prefix import BASES, Vector
from stages.foundation.clip_phi.prose import prose_paragraphs
from stages.foundation.clip_phi.training import Schedule, fit

LONGEST = 144  # tokens of a training document, without its vectors
SCALES = (0.5, 2.0)  # of a document's vectors, both ends
NOISE = 0.2  # of a vector, as a share of its length
MIXED = 0.3  # most that a document's vectors have of their mean: a tower's patches know of each other
ROWS_TOGETHER = 3  # groups of documents of like length in one step: padding costs as text does


class Reader:
    """Token ids of texts and of single words."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer, self._known = tokenizer, {}  # type: Any, dict[str, list[int]]
        self.end = tokenizer.eos_token_id

    def ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text)["input_ids"]
        return found

    def word(self, word: str) -> list[int]:
        """As it stands within a text, behind a blank."""
        if word not in self._known:
            self._known[word] = self.ids(f" {word}")
        return self._known[word]


def make_bases(seed: int) -> Any:
    """(bases, PHI_HIDDEN, PHI_HIDDEN): the embeddings' own first, then turned ones by chance."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    turned = [
        torch.linalg.qr(torch.randn(PHI_HIDDEN, PHI_HIDDEN, generator=generator))[0]
        for _ in range(max(BASES.values()))
    ]  # fmt: skip
    return torch.stack([torch.eye(PHI_HIDDEN), *turned])


def vectors(table: Any, bases: Any, reader: Reader, told: list[Vector]) -> Any:
    """(len(told), PHI_HIDDEN): sums of the mean embeddings of the words that each vector tells."""
    import torch

    tokens, shares, owners = [], [], []
    for place, vector in enumerate(told):
        for fact, word in vector:
            ids = reader.word(word)
            tokens += ids
            shares += [1 / len(ids)] * len(ids)
            owners += [BASES.get(fact, 0) * len(told) + place] * len(ids)
    found = table[torch.tensor(tokens, dtype=torch.long)].float() * torch.tensor(shares)[:, None]
    sums = torch.zeros(len(bases) * len(told), PHI_HIDDEN).index_add(0, torch.tensor(owners, dtype=torch.long), found)
    return torch.einsum("bnh,bhk->nk", sums.view(len(bases), len(told), PHI_HIDDEN), bases).float()


class Learning:
    """The model, and the losses of one step."""

    def __init__(self, tokenizer: Any, schedule: Schedule) -> None:
        import torch

        torch.manual_seed(schedule.seed)
        self.reader, self.schedule = Reader(tokenizer), schedule
        self.model = make_phi(tokenizer).train()
        self.bases = make_bases(schedule.seed)
        self.learned = torch.nn.ModuleDict({"model": self.model})
        self.prose = list(prose_paragraphs())

    def losses(self, step: int) -> dict[str, Any]:
        """Weighted mean cross-entropy."""
        rng = np.random.default_rng([self.schedule.seed, step, 2])
        documents = [document(rng, self.prose, step / self.schedule.steps) for _ in range(self.schedule.batch)]
        ordered = sorted(documents, key=lambda one: len(one.text) + 4 * len(one.soft))
        cuts = [round(len(ordered) * part / ROWS_TOGETHER) for part in range(ROWS_TOGETHER + 1)]
        losses = [self._of(ordered[start:end], rng) for start, end in pairwise(cuts) if end > start]
        return {"text": sum(loss for loss, _ in losses) / sum(weight for _, weight in losses)}

    def _of(self, documents: list[Document], rng: np.random.Generator) -> tuple[Any, float]:
        """(weighted sum of cross-entropies, weights)."""
        import torch
        import torch.nn.functional as functional

        rows, weights, places, owners = [], [], [], []
        told: list[Vector] = []
        for row, one in enumerate(documents):
            ids, weight, start = self._row(one)
            places += [(row, start + place) for place in range(len(one.soft))]
            owners += [row] * len(one.soft)
            told += one.soft
            rows.append(ids)
            weights.append(weight)
        width = max(len(row) for row in rows)
        tokens = torch.tensor([row + [self.reader.end] * (width - len(row)) for row in rows])
        weighed = torch.tensor([row + [0.0] * (width - len(row)) for row in weights])[:, 1:]
        table = self.model.get_input_embeddings()
        known = table(tokens)
        if told:
            at = torch.tensor(places)
            soft = self._blurred(vectors(table.weight, self.bases, self.reader, told), owners, rng)
            known = known.index_put((at[:, 0], at[:, 1]), soft.to(known.dtype))
        hidden = self.model.model(inputs_embeds=known, use_cache=False).last_hidden_state
        asked = weighed > 0
        logits = self.model.lm_head(hidden[:, :-1][asked]).float()
        losses = functional.cross_entropy(logits, tokens[:, 1:][asked], reduction="none")
        return (losses * weighed[asked]).sum(), float(weighed.sum())

    def _row(self, one: Document) -> tuple[list[int], list[float], int]:
        """Ids (any token where a vector stands), how much each counts, and where the vectors begin."""
        ids: list[int] = []
        weights: list[float] = []
        at = 0
        for text, weight in one.pieces:
            if text is None:
                at = len(ids)
                ids += [self.reader.end] * len(one.soft)
                weights += [0.0] * len(one.soft)
            else:
                ids += self.reader.ids(text)
                weights += [weight] * (len(ids) - len(weights))
        longest = LONGEST + len(one.soft)
        return ids[:longest], weights[:longest], at

    def _blurred(self, found: Any, owners: list[int], rng: np.random.Generator) -> Any:
        """A document's vectors mixed with their mean and scaled, each with noise of its own."""
        import torch

        owner, count = torch.tensor(owners), max(owners) + 1
        sizes = torch.bincount(owner, minlength=count).clamp(min=1)[:, None]
        means = torch.zeros(count, PHI_HIDDEN).index_add(0, owner, found) / sizes
        share = torch.from_numpy(rng.uniform(0, MIXED, (count, 1))).float()[owner]
        scale = torch.from_numpy(np.exp(rng.uniform(np.log(SCALES[0]), np.log(SCALES[1]), (count, 1)))).float()[owner]
        noise = torch.from_numpy(rng.standard_normal(found.shape)).float()
        noise = noise * found.detach().square().mean(dim=1, keepdim=True).sqrt()
        return (found + share * (means[owner] - found) + NOISE * noise) * scale


def train(schedule: Schedule, start: Path, scratch: Path) -> None:
    """Leaves `scratch/language.pt`, the PhiForCausalLM's weights. `start`: the folder with its tokenizer."""
    import torch
    from transformers import AutoTokenizer

    learning = Learning(AutoTokenizer.from_pretrained(start), schedule)
    layers = learning.model.model.layers
    fit("language", learning.learned, learning.losses, schedule, True, scratch, hidden_layers=layers)
    torch.save(learning.model.state_dict(), scratch / "language.pt")
