"""QLoRA on names: the loss is on the model's own turn and its end, and nothing before it."""
