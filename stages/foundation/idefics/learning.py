"""What one step draws and learns, in three parts.

The tower learns alone, from attributes and patches that are named. Beside it, in another process, the decoder learns
to read, answer and take up examples from a stand-in: what the tower is to tell, given exactly. Then both learn
together, from pictures. So neither waits for the other at the start, when the one can't see nor the other speak.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from stages.foundation.idefics.architecture import GRID, VISION_HIDDEN, make_model, waves
from stages.foundation.idefics.documents import Document, context, single
from stages.foundation.idefics.drawing import draw
from stages.foundation.idefics.encoding import Batch, encode, hidden_of, to_pixels
from stages.foundation.idefics.scene import Scene, draw_scene
from stages.foundation.idefics.targets import (
    AT_PATCHES,
    ATTRIBUTES,
    PARTS,
    UNSEEN,
    at_patches,
    attribute_loss,
    attributes_of,
    make_heads,
    patch_loss,
)
from stages.foundation.idefics.writing import written

AGAIN_AFTER = (0, 40)  # steps after which a drawing is shown once more, with other texts: drawing costs time too
ASKED = 3  # questions in a row about one picture
CONTEXTS_FROM = 0.1  # share of the decoder's steps that see single pictures only: short documents first
CONTEXTS = 0.375  # contexts, as a share of the pictures
WRITTEN = 0.75  # texts without a picture, as a share of the pictures
WRITTEN_AT_LENGTH_FROM = 0.6  # share of the decoder's steps by which these have grown to their full length
ATTRIBUTES_COUNT = 0.25
# Patches that the tower sees while it learns alone: ground teaches little, and half as many tokens take half the time
# (Li et al., "Scaling Language-Image Pre-training via Masking").
KEPT = GRID * GRID // 2
STITCHED_AT = 10**6  # a step that no training reaches
LEFT_OUT, NOISE = 0.25, 0.3  # of the stand-in: a tower won't tell all, nor exactly

Drawn = tuple[list[Scene], np.ndarray, np.ndarray]


@lru_cache(maxsize=AGAIN_AFTER[-1] + 2)
def drawn(seed: int, step: int, rank: int, count: int) -> Drawn:
    """Scenes, pictures (uint8, n x SIDE x SIDE x 3) and what stands at their patches, new at this step."""
    rng = np.random.default_rng([seed, step, rank])
    scenes = [draw_scene(rng) for _ in range(count)]
    found = [draw(scene, rng) for scene in scenes]
    patches = [at_patches(spots, entries, scene) for scene, (_, spots, entries) in zip(scenes, found, strict=True)]
    return scenes, np.stack([picture for picture, _, _ in found]), np.stack(patches)


class Learning:
    """The model, the heads that are thrown away, and the losses of one step."""

    def __init__(self, tokenizer: Any, seed: int, pictures: int, rank: int = 0) -> None:
        """`pictures`: of one step and process."""
        import torch

        torch.manual_seed(seed)
        self.tokenizer, self.seed, self.pictures, self.rank = tokenizer, seed, pictures, rank
        self.model = make_model(tokenizer).train()
        self.heads = make_heads()
        self.stand_in = make_stand_in()
        parts = {"model": self.model, "heads": self.heads, "stand_in": self.stand_in}
        self.learned = torch.nn.ModuleDict(parts)

    def tower_losses(self, step: int) -> dict[str, Any]:
        _, pictures, patches, asked = self._shown(step)
        return self._see(pictures, patches, asked, self._kept(patches[:, 0], step))[1]

    def decoder_losses(self, step: int, steps: int) -> dict[str, Any]:
        scenes, _, patches, asked = self._shown(step)
        return self._text(step, scenes, self.stand_for(patches, asked, step), step / steps)

    def losses(self, step: int) -> dict[str, Any]:
        scenes, pictures, patches, asked = self._shown(step)
        states, found = self._see(pictures, patches, asked)
        return {**self._text(step, scenes, states, 1.0), **found}

    def _shown(self, step: int) -> tuple[list[Scene], np.ndarray, Any, Any]:
        """Scenes, pictures, patches (n, kinds, GRID * GRID) and attributes (n, len(ATTRIBUTES)) of a step."""
        import torch

        share = self.pictures // len(AGAIN_AFTER)
        shown = [drawn(self.seed, (step - ago) % 2**31, self.rank, share) for ago in AGAIN_AFTER]
        scenes = [scene for new in shown for scene in new[0]]
        patches = torch.from_numpy(np.concatenate([new[2] for new in shown]))
        return scenes, np.concatenate([new[1] for new in shown]), patches, torch.tensor([*map(attributes_of, scenes)])

    def _kept(self, parts: Any, step: int) -> Any:
        """(n, KEPT) numbers of patches: those that show something, and of the ground as many as there is room for."""
        import torch

        generator = torch.Generator().manual_seed(self.seed * 10**6 + step)
        order = torch.rand(parts.shape, generator=generator) + (parts != PARTS.index("ground"))
        return order.topk(KEPT, dim=1).indices

    def _see(
        self, pictures: np.ndarray, patches: Any, asked: Any, kept: Any | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """The tower's states, and the losses of what it is asked; it sees the patches that are `kept`, or all."""
        import torch

        tower = self.model.model.vision_model
        tokens = tower.embeddings(to_pixels(pictures))
        if kept is not None:
            there = tokens[:, 1:].gather(1, kept[..., None].expand(-1, -1, tokens.shape[-1]))
            tokens = torch.cat([tokens[:, :1], there], dim=1)
            patches = patches.gather(2, kept[:, None].expand(-1, patches.shape[1], -1))
        states = tower.encoder(inputs_embeds=tower.pre_layrnorm(tokens)).last_hidden_state
        pooled = tower.post_layernorm(states[:, 0])
        return states, {
            "attributes": ATTRIBUTES_COUNT * attribute_loss(self.heads, pooled, asked),
            "patches": patch_loss(self.heads, states[:, 1:], patches),
        }

    def stand_for(self, patches: Any, asked: Any, step: int) -> Any:
        """(n, GRID * GRID + 1, VISION_HIDDEN): the sum of what is told at each patch, and first of the whole."""
        import torch

        generator = torch.Generator().manual_seed(self.seed * 10**6 + step)
        told = (self._told(f"patch {name}", patches[:, place], generator) for place, name in enumerate(AT_PATCHES))
        there = sum(told) + waves()
        whole = sum(self._told(name, asked[:, place], generator) for place, name in enumerate(ATTRIBUTES))
        states = torch.cat([whole[:, None], there], dim=1)
        return states + NOISE * torch.randn(states.shape, generator=generator)

    def _told(self, name: str, goal: Any, generator: Any) -> Any:
        """The value's vector, nothing where it isn't seen or is left out by chance."""
        import torch

        kept = (goal != UNSEEN) & (torch.rand(goal.shape, generator=generator) >= LEFT_OUT)
        return self.stand_in[name](goal.clamp(min=0)) * kept[..., None]

    def _text(self, step: int, scenes: list[Scene], states: Any, progress: float) -> dict[str, Any]:
        """Weighted mean cross-entropies, of texts about pictures and of others; documents of like length go together.

        `progress` of the decoder, 0..1: single pictures and short texts come first.
        """
        rng = np.random.default_rng([self.seed, step, self.rank, 1])
        groups = [[single(number, scene, rng, ASKED) for number, scene in enumerate(scenes)]]
        if progress >= CONTEXTS_FROM:
            several = [context(scenes, rng) for _ in range(int(CONTEXTS * len(scenes)))]
            several.sort(key=lambda one: len(one.pictures))
            groups += [several[: len(several) // 2], several[len(several) // 2 :]]
        grown = min(1.0, progress / WRITTEN_AT_LENGTH_FROM)
        plain = [written(scene, rng, grown) for scene in scenes[: int(WRITTEN * len(scenes))]]
        return {"text": self._mean(groups, states), "written": self._mean([plain], states)}

    def _mean(self, groups: list[list[Document]], states: Any) -> Any:
        found = [self._weighed(group, states) for group in groups if group]
        return sum(loss for loss, _ in found) / sum(weight for _, weight in found)

    def _weighed(self, documents: list[Document], states: Any) -> tuple[Any, Any]:
        """(sum of weighted cross-entropies, sum of weights)."""
        import torch.nn.functional as functional

        batch: Batch = encode(self.tokenizer, documents)
        counted = batch.weights[:, 1:] > 0
        hidden = hidden_of(self.model, batch, states)[:, :-1][counted]
        loss = functional.cross_entropy(self.model.lm_head(hidden).float(), batch.ids[:, 1:][counted], reduction="none")
        weights = batch.weights[:, 1:][counted]
        return (loss * weights).sum(), weights.sum()


def make_stand_in() -> Any:
    """A vector for every value of every attribute, and of what stands at a patch."""
    from torch import nn

    tables = {name: nn.Embedding(len(values), VISION_HIDDEN) for name, (values, _) in ATTRIBUTES.items()}
    patches = {f"patch {name}": nn.Embedding(len(values), VISION_HIDDEN) for name, values in AT_PATCHES.items()}
    return nn.ModuleDict(tables | patches)


def join(model: Any, stitched: Any) -> None:
    """Let the cross layers read the tower as they read the stand-in.

    `stitched` (VISION_HIDDEN, VISION_HIDDEN): the linear map from the tower's states to the stand-in's, least squares.
    """
    for layer in model.model.gated_cross_attn_layers:
        for projection in (layer.cross_attn.k_proj, layer.cross_attn.v_proj):
            projection.weight.data.copy_(projection.weight.data @ stitched.T)


def stitch(tower: Learning, decoder: Learning, batches: int) -> Any:
    """The map that `join` wants, from fresh drawings: states @ map = what the stand-in tells there."""
    import torch

    own, other = torch.zeros(VISION_HIDDEN, VISION_HIDDEN), torch.zeros(VISION_HIDDEN, VISION_HIDDEN)
    with torch.inference_mode():
        for batch in range(batches):
            _, pictures, patches, asked = tower._shown(STITCHED_AT + batch)
            states = tower.model.model.vision_model(pixel_values=to_pixels(pictures)).last_hidden_state.float()
            meant = decoder.stand_for(patches, asked, batch)
            scale = torch.ones(GRID * GRID + 1)
            scale[0] = 8.0  # one token against all patches
            states, meant = (states * scale[:, None]).flatten(0, 1), (meant * scale[:, None]).flatten(0, 1)
            own += states.T @ states
            other += states.T @ meant
    return torch.linalg.solve(own + 1e-3 * own.diagonal().mean() * torch.eye(VISION_HIDDEN), other)
