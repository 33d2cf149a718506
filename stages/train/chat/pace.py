"""Another learning rate for the projector than for LoRA, in a loop that knows one."""

from typing import Any


class Pace:
    """Lengthens each step of the projector by `ratio`: call it after every step, and `begin` before the first.

    A step of SGD or AdamW (its weight decay too) is proportional to the learning rate and nothing else in it
    is, so a step taken at one rate and lengthened by `ratio` is the step at `ratio` times that rate.
    """

    def __init__(self, projector: Any, ratio: float) -> None:
        self.parameters, self.ratio = list(projector.parameters()), ratio
        self.begin()

    def begin(self) -> None:
        """Steps start from the projector as it is now: from a checkpoint, say."""
        self.before = [parameter.detach().clone() for parameter in self.parameters]

    def __call__(self) -> None:
        import torch

        if self.ratio == 1:
            return
        with torch.no_grad():
            for parameter, before in zip(self.parameters, self.before, strict=True):
                parameter.copy_(before + self.ratio * (parameter - before))
                before.copy_(parameter)
