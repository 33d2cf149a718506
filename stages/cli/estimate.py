"""How much memory and time a hub model's QLoRA takes: rules of thumb, before anything is downloaded.

Memory = weights + embeddings + LoRA + activations + runtime, in bytes, with P parameters, rank r and
T = batch x (image tokens + prompt) tokens at once:

- weights: 0.55 P (NF4 with double quantisation is 0.52 byte a parameter; norms stay in 16 bits);
- embeddings: 2 x vocabulary x width (NF4 replaces linear layers only);
- LoRA: 16 x 0.0005 P r (weight, gradient and Adam's two moments in 32 bits; 11.3 M parameters at
  r = 8 for 2.9 billion is what PaliGemma's fine-tuning notebook prints);
- activations: 0.0027 P a token (8 MB a token at 3 billion), as nothing is recomputed;
- runtime: 1 GB for the libraries and the device's own.

IDEFICS reads few text tokens and looks at pictures by cross-attention, but its vision tower is adapted
too: its patches count as tokens, for the tower's share of P. LoRA is on the modules that the recipe names.

Time = 4 P operations a token (forward, and backward through frozen weights) over what the device
sustains, which is a guess within a factor of three.
"""

from dataclasses import dataclass
from typing import Protocol

GB = 1e9
PATCH = 14  # pixels: SigLIP's, in every PaliGemma
PROMPT_TOKENS = 64  # prompt and answer, generously
VOCABULARY = 257_216  # PaliGemma's: Gemma's 256,000, locations and segments
WIDTH = 2_304  # Gemma 2 2B's
OPT_VOCABULARY, OPT_WIDTH = 50_272, 4_096  # OPT-6.7b's
MAPS = 5_500_000  # what FROMAGe trains over OPT-6.7b and ViT-L/14 (arXiv:2301.13823)
CLIP_TOKENS = 257  # patches of ViT-L/14 at 224 pixels, and the class token
LLAMA_VOCABULARY, LLAMA_WIDTH = 32_002, 4_096  # IDEFICS-9b's: Llama's, and the two tokens around pictures
LORA_OF_A_MODULE = 0.000046  # of IDEFICS-9b's parameters, at rank 1: 19.8 M of 8.93 billion at 16 on q, k and v
TOWER = 0.07  # of IDEFICS-9b's parameters that are its vision tower's (ViT-H/14 of 0.63 of 9 billion)
PHI_VOCABULARY, PHI_WIDTH = 51_200, 2_560  # Phi-2's, two matrices
GEMMA_VOCABULARY, GEMMA_WIDTH = 256_000, 2_048  # Gemma 2B's, one matrix for reading and writing
DESCRIPTION_TOKENS = 128  # of a prompt with a description and its name, generously
GPU_RATE = 30e12  # operations a second sustained: a data-centre GPU does 2-5 times as much, an old one a third
CPU_RATE_BF16 = 250e9  # a core with bf16 instructions (AVX512-BF16 measured: 480e9 on bare products)
CPU_RATE = 50e9  # a core without them


@dataclass(frozen=True)
class Workload:
    """A hub model and the numbers of a recipe that decide about memory and time."""

    parameters: int
    image_size: int  # pixels
    lora_rank: int
    batch_size: int
    max_length: int  # tokens

    @property
    def tokens(self) -> int:
        """Tokens of one row: image tokens, prompt and answer."""
        return min(self.max_length, (self.image_size // PATCH) ** 2 + PROMPT_TOKENS)

    def memory(self) -> dict[str, float]:
        """Bytes while training, by part."""
        return {
            "weights": 0.55 * self.parameters,
            "embeddings": 2.0 * VOCABULARY * WIDTH,
            "LoRA": 16 * 0.0005 * self.parameters * self.lora_rank,
            "activations": 0.0027 * self.parameters * self.batch_size * self.tokens,
            "runtime": GB,
        }

    def download(self) -> float:
        """Bytes of the weights in 16 bits, as the hub stores them."""
        return 2.0 * self.parameters

    def seconds(self, rows: int, rate: float) -> float:
        """Seconds to train on `rows` rows at `rate` operations a second."""
        return 4.0 * self.parameters * self.tokens * rows / rate


@dataclass(frozen=True)
class GroundingWorkload:
    """A language model and a tower, both frozen: maps of a few million numbers are trained on cached features.

    A row is read twice, as a caption after its picture and as a text before [RET]. The tower runs once a
    picture, in 32 bits, before training.
    """

    language: int  # parameters
    vision: int
    batch_size: int
    max_length: int  # tokens

    def memory(self) -> dict[str, float]:
        """Bytes while training, by part; the tower isn't there then."""
        return {
            "weights": 0.55 * self.language,
            "embeddings": 2.0 * OPT_VOCABULARY * OPT_WIDTH,
            "maps": 16.0 * MAPS,
            "activations": 0.0027 * self.language * self.batch_size * 2 * self.max_length,
            "runtime": GB,
        }

    def download(self) -> float:
        """Bytes of both models' weights as the hub stores them: 16 bits, and CLIP's 32."""
        return 2.0 * self.language + 4.0 * self.vision

    def seconds(self, rows: int, rate: float) -> float:
        """Seconds for one pass over `rows` rows at `rate` operations a second, features included."""
        trained = 4.0 * self.language * 2 * self.max_length
        seen = 2.0 * self.vision * CLIP_TOKENS
        return (trained + seen) * rows / rate


@dataclass(frozen=True)
class ChatWorkload:
    """A quantised language model with LoRA behind a projector, and a tower that runs once a picture, before that."""

    language: int  # parameters
    vision: int
    lora_rank: int  # 0: the projector alone learns
    batch_size: int
    max_length: int  # tokens, those of the picture included

    def memory(self) -> dict[str, float]:
        """Bytes while training, by part; the tower isn't there then."""
        return {
            "weights": 0.55 * self.language,
            "embeddings": 2.0 * 2 * PHI_VOCABULARY * PHI_WIDTH,
            "LoRA and projector": 16 * (0.0005 * self.language * self.lora_rank + MAPS),
            "activations": 0.0027 * self.language * self.batch_size * self.max_length,
            "runtime": GB,
        }

    def download(self) -> float:
        """Bytes of both models' weights as the hub stores them: 16 bits, and CLIP's 32."""
        return 2.0 * self.language + 4.0 * self.vision

    def seconds(self, rows: int, rate: float) -> float:
        """Seconds for one pass over `rows` rows at `rate` operations a second, features included."""
        return (4.0 * self.language * self.max_length + 2.0 * self.vision * CLIP_TOKENS) * rows / rate


@dataclass(frozen=True)
class InterleavedWorkload:
    """An IDEFICS on the hub, and the numbers of a recipe that decide about memory and time."""

    parameters: int
    image_size: int  # pixels
    lora_rank: int
    adapted: int  # kinds of modules that have LoRA
    batch_size: int
    max_length: int  # tokens of a row alone
    pictures: int = 1  # of a row with its examples

    @property
    def tokens(self) -> float:
        """Tokens of one row and its examples, as many as the whole model would read: text, and patches by share."""
        patches = (self.image_size // PATCH) ** 2 + 1
        return self.pictures * ((1 - TOWER) * min(self.max_length, PROMPT_TOKENS) + TOWER * patches)

    def memory(self) -> dict[str, float]:
        """Bytes while training, by part."""
        return {
            "weights": 0.55 * self.parameters,
            "embeddings": 2 * 2.0 * LLAMA_VOCABULARY * LLAMA_WIDTH,  # the output head has its own
            "LoRA": 16 * LORA_OF_A_MODULE * self.parameters * self.lora_rank * self.adapted,
            "activations": 0.0027 * self.parameters * self.batch_size * self.tokens,
            "runtime": GB,
        }

    def download(self) -> float:
        """Bytes of the weights in 16 bits, as the hub stores them."""
        return 2.0 * self.parameters

    def seconds(self, rows: int, rate: float) -> float:
        """Seconds to train on `rows` rows at `rate` operations a second."""
        return 4.0 * self.parameters * self.tokens * rows / rate


@dataclass(frozen=True)
class NamingWorkload:
    """A language model on the hub, and the numbers of a recipe that decide about memory and time."""

    parameters: int
    lora_rank: int
    batch_size: int
    max_length: int  # tokens: what a row may have at most

    def memory(self) -> dict[str, float]:
        """Bytes while training, by part."""
        return {
            "weights": 0.55 * self.parameters,
            "embeddings": 2.0 * GEMMA_VOCABULARY * GEMMA_WIDTH,
            "LoRA": 16 * 0.0005 * self.parameters * self.lora_rank,
            "activations": 0.0027 * self.parameters * self.batch_size * self.max_length,
            "runtime": GB,
        }

    def download(self) -> float:
        """Bytes of the weights in 16 bits, as the hub stores them."""
        return 2.0 * self.parameters

    def seconds(self, rows: int, rate: float) -> float:
        """Seconds to train on `rows` rows at `rate` operations a second; rows of a description are short."""
        return 4.0 * self.parameters * min(self.max_length, DESCRIPTION_TOKENS) * rows / rate


class Estimate(Protocol):
    """What can be said of a workload before anything is downloaded."""

    def memory(self) -> dict[str, float]: ...
    def download(self) -> float: ...
    def seconds(self, rows: int, rate: float) -> float: ...


def span(seconds: float) -> str:
    """Seconds in the unit that a person would use."""
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"
