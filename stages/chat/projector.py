"""What turns a patch into something that the language model can read as a token.

`mlp` is LLaVA-1.5's (Liu et al. 2023, arXiv:2310.03744): Linear, GELU, Linear, by transformers' own class.
`residual` is a linear map and a residual block behind a LayerNorm, as in the notebooks that `image_chat`
rebuilds. Both compute in float32 whatever runs around them: they are small, and they are what is learnt.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import LlavaConfig
from transformers.models.llava.modeling_llava import LlavaMultiModalProjector

SAMPLED = 64  # pictures that a projector's beginning is fitted to


class MlpProjector(LlavaMultiModalProjector):  # type: ignore[misc]
    """(..., vision width) -> (..., language width), float32."""

    def forward(self, image_features: Tensor) -> Tensor:
        with torch.autocast(image_features.device.type, enabled=False):
            projected: Tensor = super().forward(image_features.float())
        return projected

    @torch.no_grad()
    def start(self, patches: Tensor, scale: float) -> None:
        """Begin with outputs as large as a token's embedding (`scale`: root mean square); see `begin`."""
        _standardise(self.linear_1, patches)
        self.linear_2.bias.zero_()
        self.linear_2.weight.mul_(scale / _size(self(patches)))


class ResidualProjector(nn.Module):
    """A linear map, a LayerNorm, and beside it two more layers: x + MLP(x) with x = LayerNorm(Linear(patch))."""

    def __init__(self, config: LlavaConfig) -> None:
        super().__init__()
        width = config.text_config.hidden_size
        self.linear = nn.Linear(config.vision_config.hidden_size, width)
        self.norm = nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, image_features: Tensor) -> Tensor:
        with torch.autocast(image_features.device.type, enabled=False):
            read = self.norm(self.linear(image_features.float()))
            projected: Tensor = read + self.outer(nn.functional.gelu(self.inner(read)))
        return projected

    @torch.no_grad()
    def start(self, patches: Tensor, scale: float) -> None:
        """As `MlpProjector.start`; the block begins as the identity (Zhang et al. 2019, arXiv:1901.09321)."""
        _standardise(self.linear, patches)
        self.norm.weight.fill_(scale)
        self.outer.weight.zero_()
        self.outer.bias.zero_()
        # The block reads what the norm gives, small as an embedding: its first layer makes up for that.
        self.inner.weight.div_(scale)


PROJECTORS: dict[str, type[MlpProjector] | type[ResidualProjector]] = {
    "mlp": MlpProjector,
    "residual": ResidualProjector,
}


def make_projector(kind: str, config: LlavaConfig, seed: int) -> Any:
    """A new projector in float32 on the CPU, its first weights drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return PROJECTORS[kind](config).float()


def begin(projector: Any, patches: Any, embeddings: Tensor) -> None:
    """Fit a new projector's beginning to what it will read and write.

    `patches` (pictures, patches, width) are of training pictures, `embeddings` the token matrix. CLIP's hidden
    layers have a large common part and a few very large dimensions, and a token's embedding is small: from
    PyTorch's own start all patches would look alike, and be many times larger than any word. So the first layer
    reads standardised patches, and the outputs get the tokens' root mean square.
    """
    device = next(projector.parameters()).device
    given = torch.as_tensor(patches).float().to(device)
    projector.start(given, _size(embeddings.float()))


def _standardise(layer: nn.Linear, patches: Tensor) -> None:
    """Fold (x - mean) / deviation of each dimension into `layer`."""
    flat = patches.reshape(-1, patches.shape[-1])
    mean, deviation = flat.mean(0), flat.std(0).clamp_min(1e-4)
    layer.weight.div_(deviation)
    layer.bias.sub_(layer.weight @ mean)


def _size(tensor: Tensor) -> float:
    return float(tensor.square().mean().sqrt().clamp_min(1e-8))
