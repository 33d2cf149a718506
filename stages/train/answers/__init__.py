"""QLoRA on answers: the loss is on what the model should say, and nothing else."""
