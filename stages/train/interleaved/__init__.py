"""QLoRA on interleaved pictures and text: the loss is on the row's own answer, and nothing before it."""
