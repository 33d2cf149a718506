"""The two steps of an image chat: `align` trains the projector, `instruct` the projector and LoRA."""
