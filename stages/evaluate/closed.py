"""How likely a model finds each label of a closed list as the answer to a prompt: exactly, at a fraction of the cost.

Scoring each choice on its own reads prompt and pictures once a label. Here they are read once and kept in the
cache; the labels' distinct tokens follow as one sequence in which a token sees the prompt and what stands before it
in its own labels only, by a 4-D mask and positions of its own (tree attention, as in SpecInfer, arXiv:2305.09781).
Last tokens aren't read at all: nothing follows them.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stages.evaluate.label_tree import LabelTree
from stages.params import UserError

if TYPE_CHECKING:
    from torch import Tensor

MOST_LOGITS = 2**27  # numbers in one pass: half a gigabyte in float32; more nodes than that go in several passes
MASKED = ("eager", "sdpa")  # the attentions of transformers that take a mask of any shape


def score_labels(
    model: Any, inputs: Mapping[str, Any], labels: Sequence[Sequence[int]], *, normalise: bool = False
) -> "Tensor":
    """Log-likelihood in nats of every label after every prompt, float32 (prompts, labels).

    `inputs` is what the processor makes of the prompts, padded on the left; a label is its token ids, the end token
    with them. `normalise` divides by the number of a label's tokens. The result is the model's own, as of one
    forward pass a label. UserError for padding on the right, an attention that takes no mask, labels twice.
    """
    import torch

    with torch.inference_mode():
        reading = _Reading(model, inputs, LabelTree.of(labels))
        prompts = reading.totals.shape[0]
        reading.expand(torch.tensor(reading.tree.inner, dtype=torch.long).expand(prompts, -1))
        scores = reading.scores()
    if normalise:
        scores = scores / torch.tensor([len(label) for label in labels], device=scores.device)
    return scores.clone()


def best_labels(model: Any, inputs: Mapping[str, Any], labels: Sequence[Sequence[int]]) -> tuple["Tensor", "Tensor"]:
    """The likeliest label of every prompt, and its log-likelihood: (prompts,) indices, (prompts,) float32 nats.

    The same label as the greatest of `score_labels`, but reads no token whose beginning is already less likely than a
    whole label: every further token can only take away. A model that is sure reads little more than the answer.
    """
    import torch

    with torch.inference_mode():
        reading = _Reading(model, inputs, LabelTree.of(labels))
        while (nodes := reading.promising()) is not None:
            reading.expand(nodes)
        found = reading.scores().max(dim=1)
    return found.indices.clone(), found.values.clone()


class _Reading:
    """Prompts that a model has read, and the nodes read after each of them so far.

    `steps` (prompts, nodes) holds the log-likelihood of each node after its parent, `totals` that of the path to it;
    -inf while the parent is unread.
    Which nodes are read, and in which order, may differ between prompts: `slots` has them as they lie in the cache,
    filled up with the number after the last node, which nothing sees.
    """

    def __init__(self, model: Any, inputs: Mapping[str, Any], tree: LabelTree) -> None:
        import torch

        _check(model, inputs)
        self.model, self.tree = model, tree
        self.seen = inputs["attention_mask"].bool()
        prompts, length = self.seen.shape
        device = self.seen.device
        filler = len(tree.tokens)
        self.tokens = torch.tensor([*tree.tokens, 0], device=device)
        self.parents = torch.tensor(tree.parents, device=device)
        # the first token after the prompt has depth 1, and the position after the prompt's last
        self.positions = self.seen.sum(1, keepdim=True) - 1 + torch.tensor([*tree.depths, 1], device=device)
        self.inner = torch.zeros(filler, dtype=torch.bool, device=device)
        self.inner[list(tree.inner)] = True
        self.sees = torch.zeros(filler + 1, filler + 1, dtype=torch.bool, device=device)
        for node in tree.inner:
            self.sees[node, list(tree.lineage(node))] = True
        self.steps = torch.full((prompts, filler), -torch.inf, device=device)
        self.totals = self.steps.clone()
        self.totals[:, 0] = 0.0
        depths = torch.tensor(tree.depths, device=device)
        self.levels = [(depths == depth).nonzero()[:, 0] for depth in range(1, max(tree.depths) + 1)]
        self.slots = torch.empty(prompts, 0, dtype=torch.long, device=device)
        output = model(
            **inputs,
            position_ids=(self.seen.long().cumsum(1) - 1).clamp(min=0),
            use_cache=True,
            # an index, not a number: a slice isn't contiguous, and torch then copies the head's weight for each prompt
            logits_to_keep=torch.tensor([length - 1], device=device),
        )
        self.cache, self.vocabulary = output.past_key_values, output.logits.shape[-1]
        self.pictures = _pictures_again(model, inputs, output)
        self._check_window(length)
        self._add(output.logits, torch.zeros(prompts, 1, dtype=torch.long, device=device))

    def scores(self) -> "Tensor":
        """Of the labels, in their order: (prompts, labels)."""
        return self.totals[:, list(self.tree.ends)]

    def promising(self) -> "Tensor | None":
        """The nodes to read next (prompts, most of a prompt): those that may still lead to the best label.

        Until every prompt has a whole label to compare with, each follows its likeliest beginning only: one prompt's
        many nodes would be as many fillers for the others.
        """
        import torch

        best = self.scores().amax(1, keepdim=True)
        read = torch.zeros(self.totals.shape[0], len(self.tree.tokens) + 1, dtype=torch.bool, device=best.device)
        read.scatter_(1, self.slots, True)
        unread = self.inner & ~read[:, :-1] & self.totals.isfinite() & (self.totals >= best)
        if not bool(best.isfinite().all()):
            first = self.totals.where(unread, -torch.inf).argmax(1, keepdim=True)
            unread &= torch.zeros_like(unread).scatter_(1, first, True)
        most = int(unread.sum(1).max())
        if not most:
            return None
        numbers = torch.arange(unread.shape[1], device=best.device)
        nodes = numbers.expand_as(unread).masked_fill(~unread, unread.shape[1])
        return nodes.sort(1).values[:, :most]

    def expand(self, nodes: "Tensor") -> None:
        """Read `nodes` (prompts, n), parents before children."""
        at_once = max(1, MOST_LOGITS // (nodes.shape[0] * self.vocabulary))
        nodes = nodes.to(self.slots.device)
        for start in range(0, nodes.shape[1], at_once):
            self._read(nodes[:, start : start + at_once])

    def _read(self, nodes: "Tensor") -> None:
        import torch

        count = nodes.shape[1]
        self.slots = torch.cat([self.slots, nodes], dim=1)
        own = self.sees[nodes[:, :, None], self.slots[:, None, :]]
        visible = torch.cat([self.seen[:, None, :].expand(-1, count, -1), own], dim=2)[:, None]
        dtype = self.cache.layers[0].keys.dtype
        mask = torch.zeros(visible.shape, dtype=dtype, device=visible.device)
        mask.masked_fill_(~visible, torch.finfo(dtype).min)
        output = self.model(
            input_ids=self.tokens[nodes],
            attention_mask=mask,
            position_ids=self.positions.gather(1, nodes),
            past_key_values=self.cache,
            use_cache=True,
            **{name: of(count) if callable(of) else of for name, of in self.pictures.items()},
        )
        self._add(output.logits, nodes)

    def _add(self, logits: "Tensor", nodes: "Tensor") -> None:
        """Extend steps and totals to the children of `nodes`, by the logits (prompts, n, vocabulary) after these."""
        import torch

        for prompt, (row, own) in enumerate(zip(logits, nodes, strict=True)):  # one at a time: a float32 copy is big
            numbers = row.float()
            whole = numbers.logsumexp(-1)
            place = torch.full((len(self.tree.tokens) + 1,), -1, device=own.device)
            place[own] = torch.arange(len(own), device=own.device)
            place[-1] = -1  # the filler's, which is also the parent of the prompt
            at = place[self.parents]
            child = (at >= 0).nonzero()[:, 0]
            self.steps[prompt, child] = numbers[at[child], self.tokens[child]] - whole[at[child]]
        for level in self.levels:
            self.totals[:, level] = self.totals[:, self.parents[level]] + self.steps[:, level]

    def _check_window(self, length: int) -> None:
        """UserError when a layer would forget the prompt's beginning, or a label's, while the labels are read."""
        needed = length + len(self.tree.inner)
        window = getattr(self.model.config.get_text_config(), "sliding_window", None)
        if any(self.cache.is_sliding) and window is not None and needed >= window:
            raise UserError(
                f"{length} tokens of prompt and {len(self.tree.inner)} of labels don't fit into the model's sliding "
                f"window of {window}: take a shorter prompt (fewer examples), or fewer labels."
            )


def _check(model: Any, inputs: Mapping[str, Any]) -> None:
    attention = model.config.get_text_config()._attn_implementation
    if attention not in MASKED:
        raise UserError(
            f"the attention {attention!r} takes no mask of its own: load the model with one of {', '.join(MASKED)} "
            "(attn_implementation)."
        )
    if not bool(inputs["attention_mask"][:, -1].all()):
        raise UserError("a prompt ends in padding: pad prompts on the left (padding_side='left').")
    if model.training:
        raise UserError("the model is in training mode, where dropout changes every score: call model.eval() first.")


def _pictures_again(model: Any, inputs: Mapping[str, Any], output: Any) -> dict[str, Any]:
    """What the tokens after a prompt need of its pictures; nothing where these are tokens of the prompt themselves.

    IDEFICS attends to its pictures at every token: their features come from the first pass, and a label sees what the
    prompt's last token saw. That is one picture, so those of the examples before it aren't looked at again.
    """
    mask = inputs.get("image_attention_mask")
    if mask is None:
        return {}
    name = "perceiver_embeddings" if model.config.use_resampler else "image_encoder_embeddings"
    states, seen = output.image_hidden_states, mask[:, -1:]
    if bool((seen.sum(-1) == 1).all()):
        states = states.gather(1, seen[:, 0].argmax(-1)[:, None, None, None].expand(-1, 1, *states.shape[2:]))
        seen = seen.new_ones(seen.shape[0], 1, 1)
    return {name: states, "image_attention_mask": lambda count: seen.expand(-1, count, -1)}
