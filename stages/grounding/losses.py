"""FROMAGe's three losses (Koh et al. 2023, arXiv:2301.13823, section 3.2), as pure functions.

A step adds, each with its weight: the caption's cross-entropy after its picture; the cross-entropy of the
text alone, in which the model learns when to say [RET]; and InfoNCE between pictures and [RET] states.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100


def next_token_loss(hidden: Tensor, labels: Tensor, logits_of: Callable[[Tensor], Tensor]) -> Tensor:
    """Mean cross-entropy (nats) of labels (n, length) after hidden states (n, length, width).

    `logits_of` sees only the states that have a label, as (labelled, width): the head is the widest product
    of a step, and a batched one over a frozen head copies the head's weight once a row on the CPU.
    A batch without a label is an error (its mean would be NaN).
    """
    wanted = labels[:, 1:].to(hidden.device)
    learnt = wanted != IGNORED
    targets = wanted[learnt]
    if not len(targets):
        raise ValueError("no position of this batch has a label: every token is a picture, padding or masked")
    return functional.cross_entropy(logits_of(hidden[:, :-1][learnt]).float(), targets)


def contrastive(images: Tensor, texts: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """InfoNCE in nats, (image -> text, text -> image), of n pairs that stand in the same row.

    (van den Oord et al. 2018, arXiv:1807.03748; both ways as in CLIP, Radford et al. 2021, arXiv:2103.00020.)
    `images` and `texts` are (n, shared), of length 1; `scale` is the factor itself, so `logit_scale.exp()`.
    Every other row counts as wrong: whoever makes batches keeps two of one entity apart.
    """
    if images.shape != texts.shape:
        raise ValueError(f"{tuple(images.shape)} picture embeddings against {tuple(texts.shape)} text embeddings")
    logits = scale * images @ texts.T
    pairs = torch.arange(len(logits), device=logits.device)
    return functional.cross_entropy(logits, pairs), functional.cross_entropy(logits.T, pairs)
