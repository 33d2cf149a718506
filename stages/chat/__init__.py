"""The chat's own room: a CLIP tower, a projector and a causal language model joined as in LLaVA."""

IMAGE = "<image>"  # the last token of the tokenizer; what it would mean never matters, a patch stands in its place
