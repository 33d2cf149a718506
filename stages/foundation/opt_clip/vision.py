"""Trains the CLIP: pictures against short texts both ways, and heads (thrown away) that name what is seen.

At this size contrast alone learns too slowly; an attribute named from the pooled output, and the parts named at
every patch, supervise each picture a hundred times over.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from stages.foundation.opt_clip.architecture import GRID, PIXEL_MEAN, PIXEL_STD, VISION_HIDDEN, make_clip
from stages.foundation.opt_clip.canvas import LABELS, MAPPED
from stages.foundation.opt_clip.describe import alt_text
from stages.foundation.opt_clip.drawing import draw
from stages.foundation.opt_clip.scene import Scene, draw_scene
from stages.foundation.opt_clip.training import Schedule, fit
from stages.foundation.opt_clip.words import (
    COLOURS,
    COMPANY,
    DIRECTIONS,
    EARS,
    EYES,
    HORNS,
    KINDS,
    LIGHTS,
    PATTERNS,
    POSES,
    SCENERIES,
    SHAPES,
    TAILS,
    WINGS,
)  # fmt: skip

# What a scene is classified by; a value outside the list ("thing" has no family's build) is not asked.
ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "kind": KINDS, "family": tuple(SHAPES), "colour": tuple(COLOURS), "second": tuple(COLOURS),
    "pattern": tuple(PATTERNS), "ears": tuple(EARS), "horns": tuple(HORNS), "tail": tuple(TAILS),
    "wings": tuple(WINGS), "eyes": tuple(EYES), "pose": tuple(POSES), "direction": DIRECTIONS,
    "scenery": tuple(SCENERIES), "light": tuple(LIGHTS), "company": ("none", *COMPANY),
}  # fmt: skip
ANIMALS_ONLY = ("ears", "horns", "tail", "wings", "eyes", "direction")
# Steps after which a drawing is shown once more, with another description: drawing costs as much as learning.
AGAIN_AFTER = (0, 40, 80)
CONTRAST_EVERY = 2  # steps: the heads need every picture, texts are learned sooner
SCENERY_COUNTS = 0.4  # of a pixel of something: a patch shows what stands in it rather than what is behind
TRUNKS = tuple(number for number, label in enumerate(LABELS) if label.startswith("trunk"))
ON_TRUNKS = ("colour", "second", "pattern")  # attributes that are asked at every patch of the trunk too


def targets(scene: Scene) -> list[int]:
    """Index of each attribute's value, -100 where it isn't seen."""
    found = []
    for name, values in ATTRIBUTES.items():
        seen = scene.family in SHAPES or name not in ANIMALS_ONLY
        seen = seen and not (name == "second" and scene.pattern == "plain")
        value = getattr(scene, name)
        found.append(values.index(value) if seen and value in values else -100)
    return found


def patch_parts(maps: np.ndarray) -> np.ndarray:
    """(n, MAPPED, MAPPED) maps -> (n, GRID * GRID) numbers into LABELS: what fills most of each patch."""
    cell = MAPPED // GRID
    cells = maps.reshape(-1, GRID, cell, GRID, cell).transpose(0, 1, 3, 2, 4).reshape(-1, cell * cell)
    counts = np.zeros((len(cells), len(LABELS)))
    np.add.at(counts, (np.arange(len(cells))[:, None], cells), 1.0)
    counts[:, 0] *= SCENERY_COUNTS
    most: np.ndarray = counts.argmax(axis=1)
    return most.reshape(len(maps), GRID * GRID)


@lru_cache(maxsize=AGAIN_AFTER[-1] + 2)
def drawn(seed: int, step: int, count: int) -> tuple[list[Scene], np.ndarray, np.ndarray]:
    """Scenes, pictures (uint8, n x SIDE x SIDE x 3) and parts at patches of one step's new drawings."""
    rng = np.random.default_rng([seed, step])
    scenes = [draw_scene(rng) for _ in range(count)]
    pictures = [draw(scene, rng) for scene in scenes]
    return scenes, np.stack([p for p, _ in pictures]), patch_parts(np.stack([m for _, m in pictures]))


def to_pixels(pictures: np.ndarray) -> Any:
    """uint8 n x SIDE x SIDE x 3 -> what the image processor makes of them."""
    import torch

    values = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float().div_(255)
    return values.sub_(torch.tensor(PIXEL_MEAN)[:, None, None]).div_(torch.tensor(PIXEL_STD)[:, None, None])


def make_heads() -> Any:
    """Linear maps: pooled -> each attribute; a patch -> its part; a trunk's patch -> colours and pattern."""
    from torch import nn

    heads = {name: nn.Linear(VISION_HIDDEN, len(values)) for name, values in ATTRIBUTES.items()}
    patches = {f"trunk {name}": nn.Linear(VISION_HIDDEN, len(ATTRIBUTES[name])) for name in ON_TRUNKS}
    return nn.ModuleDict({**heads, **patches, "part": nn.Linear(VISION_HIDDEN, len(LABELS))})


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
        shown = [drawn(self.schedule.seed, max(0, step - ago), share) for ago in AGAIN_AFTER]
        scenes = [scene for new in shown for scene in new[0]]
        asked = torch.tensor([targets(scene) for scene in scenes])
        vision = self.model.vision_model(pixel_values=to_pixels(np.concatenate([new[1] for new in shown])))
        named = sum(
            functional.cross_entropy(self.heads[name](vision.pooler_output).float(), asked[:, place], ignore_index=-100)
            for place, name in enumerate(ATTRIBUTES)
        )
        parts = torch.from_numpy(np.concatenate([new[2] for new in shown]))
        found = {"named": named / 2, "patches": self._patches(vision.last_hidden_state[:, 1:], parts, asked)}
        if step % CONTRAST_EVERY == 0:
            found["contrast"] = self._contrast(vision.pooler_output, [alt_text(scene, rng) for scene in scenes])
        return found

    def _patches(self, patches: Any, parts: Any, asked: Any) -> Any:
        """Which part each patch shows, and on the trunk its colours and pattern."""
        import torch
        import torch.nn.functional as functional

        loss = 2 * functional.cross_entropy(self.heads["part"](patches).float().flatten(0, 1), parts.flatten())
        on_trunk = torch.isin(parts, torch.tensor(TRUNKS))
        if not on_trunk.any():
            return loss
        for name in ON_TRUNKS:
            goal = asked[:, list(ATTRIBUTES).index(name), None].expand_as(parts)[on_trunk]
            if bool((goal != -100).any()):
                found = self.heads[f"trunk {name}"](patches[on_trunk]).float()
                loss = loss + 0.4 * functional.cross_entropy(found, goal, ignore_index=-100)
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


def train(schedule: Schedule, start: Path, scratch: Path) -> None:
    """Leaves `scratch/vision.pt`, the CLIPModel's weights. `start`: the folder with its tokenizer."""
    import torch
    from transformers import AutoTokenizer

    learning = Learning(AutoTokenizer.from_pretrained(start), schedule)
    fit("vision", learning.learned, learning.losses, schedule, True, scratch)
    torch.save(learning.model.state_dict(), scratch / "vision.pt")
