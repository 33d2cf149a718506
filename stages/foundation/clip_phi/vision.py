"""Trains the CLIP: pictures against short texts both ways, and heads (thrown away) that name what is seen.

At this size contrast alone learns too slowly. The heads ask the penultimate layer, at every patch, what stands there:
those are the states that a language model is going to read.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from stages.foundation.clip_phi.architecture import GRID, PIXEL_MEAN, PIXEL_STD, VISION_HIDDEN, make_clip
from stages.foundation.clip_phi.canvas import MAPPED
from stages.foundation.clip_phi.drawing import draw
from stages.foundation.clip_phi.facts import FACTS, facts_of
from stages.foundation.clip_phi.scene import Scene, draw_scene
from stages.foundation.clip_phi.telling import describe, tell
from stages.foundation.clip_phi.training import Schedule, fit
from stages.foundation.clip_phi.words import COLOURS, KINDS, PLACES

# Steps after which a drawing is shown once more, with another description: drawing costs as much as learning.
AGAIN_AFTER = (0, 20, 40, 60)
CONTRAST_EVERY = 2  # steps: patches need every picture; the last layer and the texts are learned sooner
GROUND_COUNTS = 0.35  # of a spot of something: a patch shows what stands in it rather than what is behind
UNSEEN = -100
# Patches that the tower sees for most of its training: ground teaches little, and half as many tokens take half the
# time (Li et al., "Scaling Language-Image Pre-training via Masking"). In the last part it sees all.
KEPT, ALL_FROM = GRID * GRID // 2, 0.8
WEIGHTS = {
    "kind": 3.0, "colour": 0.7, "size": 0.3, "count": 0.6, "across": 0.3, "down": 0.3, "relation": 0.3,
    "neighbour": 0.1, "place": 0.2,
}  # fmt: skip


def at_patches(spots: np.ndarray, scene: Scene) -> np.ndarray:
    """(len(FACTS), GRID * GRID) numbers of the values of what fills most of a patch; UNSEEN where there is none."""
    cell = MAPPED // GRID
    cells = spots.reshape(GRID, cell, GRID, cell).transpose(0, 2, 1, 3).reshape(GRID * GRID, cell * cell)
    counts = np.stack([(cells == number).sum(axis=1) for number in range(len(scene.groups) + 1)], axis=1).astype(float)
    counts[:, 0] *= GROUND_COUNTS
    told = [facts_of(scene, group) for group in (None, *scene.groups)]
    table = np.array([[FACTS[fact].index(one[fact]) if fact in one else UNSEEN for fact in FACTS] for one in told])
    found: np.ndarray = table[counts.argmax(axis=1)].T
    return found


def seen_in(scene: Scene) -> list[float]:
    """1 for each kind, then colour, then place that the scene has, else 0."""
    there = {group.kind for group in scene.groups}, {group.colour for group in scene.groups}, {scene.place}
    return [
        float(value in own) for own, values in zip(there, (KINDS, tuple(COLOURS), tuple(PLACES)), strict=True)
        for value in values
    ]  # fmt: skip


@lru_cache(maxsize=AGAIN_AFTER[-1] + 2)
def drawn(seed: int, step: int, count: int) -> tuple[list[Scene], np.ndarray, np.ndarray]:
    """Scenes, pictures (uint8, n x SIDE x SIDE x 3) and facts at patches of one step's new drawings."""
    rng = np.random.default_rng([seed, step])
    scenes = [draw_scene(rng) for _ in range(count)]
    pictures = [draw(scene, rng) for scene in scenes]
    facts = np.stack([at_patches(spots, scene) for (_, spots), scene in zip(pictures, scenes, strict=True)])
    return scenes, np.stack([picture for picture, _ in pictures]), facts


def to_pixels(pictures: np.ndarray) -> Any:
    """uint8 n x SIDE x SIDE x 3 -> what the image processor makes of them."""
    import torch

    values = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div_(255)
    return values.sub_(torch.tensor(PIXEL_MEAN)[:, None, None]).div_(torch.tensor(PIXEL_STD)[:, None, None])


def make_heads() -> Any:
    """Linear maps: a patch -> each fact; the pooled output -> what is in the picture."""
    from torch import nn

    heads = {fact: nn.Linear(VISION_HIDDEN, len(values)) for fact, values in FACTS.items()}
    return nn.ModuleDict({**heads, "seen": nn.Linear(VISION_HIDDEN, len(KINDS) + len(COLOURS) + len(PLACES))})


def patch_states(clip: Any, pixels: Any) -> Any:
    """(n, GRID * GRID, VISION_HIDDEN) of the penultimate layer, without CLS."""
    return clip.vision_model(pixel_values=pixels, output_hidden_states=True).hidden_states[-2][:, 1:]


class Learning:
    """The model with its heads, and the losses of one step."""

    def __init__(self, tokenizer: Any, schedule: Schedule) -> None:
        import torch

        torch.manual_seed(schedule.seed)
        self.tokenizer, self.schedule = tokenizer, schedule
        self.model = make_clip(tokenizer).train()
        self.heads = make_heads()
        self.learned = torch.nn.ModuleDict({"model": self.model, "heads": self.heads})

    def losses(self, step: int) -> dict[str, Any]:
        import torch
        import torch.nn.functional as functional

        share = self.schedule.batch // len(AGAIN_AFTER)
        rng = np.random.default_rng([self.schedule.seed, step, 1])
        shown = [drawn(self.schedule.seed, (step - ago) % 2**31, share) for ago in AGAIN_AFTER]
        scenes = [scene for new in shown for scene in new[0]]
        facts = torch.from_numpy(np.concatenate([new[2] for new in shown]))
        masked = step < ALL_FROM * self.schedule.steps
        kept = self._kept(facts[:, 0], step) if masked else None
        states = self._encode(to_pixels(np.concatenate([new[1] for new in shown])), kept)
        if kept is not None:
            facts = facts.gather(2, kept[:, None].expand(-1, len(FACTS), -1))
        found = {"patches": self._patches(states[:, 1:], facts)}
        if step % CONTRAST_EVERY == 0:
            tower = self.model.vision_model
            pooled = tower.post_layernorm(tower.encoder.layers[-1](states, attention_mask=None)[:, 0])
            there = torch.tensor([seen_in(scene) for scene in scenes])
            seen = self.heads["seen"](pooled).float()
            found["seen"] = 3 * functional.binary_cross_entropy_with_logits(seen, there)
            found["contrast"] = 0.5 * self._contrast(pooled, [alt_text(scene, rng) for scene in scenes])
        return found

    def _kept(self, kinds: Any, step: int) -> Any:
        """(n, KEPT) numbers of patches: those that show something, and of the ground as many as there is room for."""
        import torch

        generator = torch.Generator().manual_seed(self.schedule.seed * 10**6 + step)
        return (torch.rand(kinds.shape, generator=generator) + (kinds > 0)).topk(KEPT, dim=1).indices

    def _encode(self, pixels: Any, kept: Any | None) -> Any:
        """(n, 1 + patches, VISION_HIDDEN) of the penultimate layer; CLS first."""
        import torch

        tower = self.model.vision_model
        tokens = tower.embeddings(pixels)
        if kept is not None:
            there = tokens[:, 1:].gather(1, kept[..., None].expand(-1, -1, VISION_HIDDEN))
            tokens = torch.cat([tokens[:, :1], there], dim=1)
        states = tower.pre_layrnorm(tokens)
        for layer in tower.encoder.layers[:-1]:
            states = layer(states, attention_mask=None)
        return states

    def _patches(self, patches: Any, facts: Any) -> Any:
        """Weighted sum over the facts of their mean cross-entropies where they are seen."""
        import torch.nn.functional as functional

        loss: Any = 0
        for place, fact in enumerate(FACTS):
            goal = facts[:, place].flatten()
            seen = goal != UNSEEN
            if bool(seen.any()):
                logits = self.heads[fact](patches.flatten(0, 1)[seen]).float()
                loss = loss + WEIGHTS[fact] * functional.cross_entropy(logits, goal[seen])
        return loss

    def _contrast(self, pooled: Any, texts: list[str]) -> Any:
        import torch
        import torch.nn.functional as functional

        ids = self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt")
        said = self.model.text_projection(self.model.text_model(**ids).pooler_output).float()
        seen = self.model.visual_projection(pooled).float()
        alike = functional.normalize(seen, dim=-1) @ functional.normalize(said, dim=-1).T
        alike = alike * self.model.logit_scale.clamp(max=4.0).exp()
        own = torch.arange(len(texts))
        return (functional.cross_entropy(alike, own) + functional.cross_entropy(alike.T, own)) / 2


def alt_text(scene: Scene, rng: np.random.Generator) -> str:
    return describe(tell(scene, rng, float(rng.uniform(0.3, 1.0))), rng)


def train(schedule: Schedule, start: Path, scratch: Path) -> None:
    """Leaves `scratch/vision.pt`, the CLIPModel's weights. `start`: the folder with its tokenizer."""
    import torch
    from transformers import AutoTokenizer

    learning = Learning(AutoTokenizer.from_pretrained(start), schedule)
    layers = learning.model.vision_model.encoder.layers
    fit("vision", learning.learned, learning.losses, schedule, True, scratch, hidden_layers=layers)
    torch.save(learning.model.state_dict(), scratch / "vision.pt")
