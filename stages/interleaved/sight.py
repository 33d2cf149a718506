"""What the vision tower makes of pictures, each looked at once: the same ones stand in many questions."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.interleaved.model import Inputs, Levels, Sample

if TYPE_CHECKING:
    from torch import Tensor

KEPT = 2**30  # bytes of states


class Sight:
    """Sees for one model as it is: with another adapter on it, pictures must be looked at anew."""

    def __init__(self, model: Any, inputs: Inputs, kept: int = KEPT) -> None:
        self.model, self.inputs, self.room = model, inputs, kept
        # By the array itself, which is held so that no other one takes its place in memory.
        self._known: OrderedDict[int, tuple[Levels, Tensor]] = OrderedDict()

    def __call__(self, samples: Sequence[Sample]) -> "Tensor":
        """States of each sample's pictures, behind the resampler if there is one: (rows, most, places, width).

        Where a row has fewer than the most pictures stands another one's, which no token looks at.
        """
        import torch

        distinct = {id(picture): picture for sample in samples for picture in sample.pictures}
        states = self._states(distinct)
        place = {key: number for number, key in enumerate(distinct)}
        held = np.zeros((len(samples), max(len(sample.pictures) for sample in samples)), np.int64)
        for row, sample in enumerate(samples):
            held[row, : len(sample.pictures)] = [place[id(picture)] for picture in sample.pictures]
        return torch.stack(states)[torch.from_numpy(held).to(states[0].device)]

    def _states(self, pictures: dict[int, Levels]) -> "list[Tensor]":
        """(places, width) of each picture, in their order."""
        found = {key: self._known[key][1] for key in pictures if key in self._known}
        new = [key for key in pictures if key not in found]
        if new:
            for key, states in zip(new, self._look([pictures[key] for key in new]), strict=True):
                found[key] = states
                self._keep(key, pictures[key], states)
        for key in pictures:
            if key in self._known:
                self._known.move_to_end(key)
        return [found[key] for key in pictures]

    def _keep(self, key: int, picture: Levels, states: "Tensor") -> None:
        self._known[key] = (picture, states.clone())  # of its own: a slice would hold the whole batch
        self.room -= states.nbytes
        while self.room < 0 and self._known:
            self.room += self._known.popitem(last=False)[1][1].nbytes

    def _look(self, pictures: list[Levels]) -> "Tensor":
        """(n, places, width)."""
        import torch

        inner = (self.model.get_base_model() if hasattr(self.model, "get_base_model") else self.model).model
        pixels = torch.from_numpy(self.inputs.normalised(pictures)).to(self.model.device, self.model.dtype)
        states: Tensor = inner.vision_model(pixel_values=pixels).last_hidden_state
        return inner.perceiver_resampler(states) if inner.config.use_resampler else states  # type: ignore[no-any-return]
