"""IDEFICS scored on the same pictures: zero-shot, behind examples, tuned; and what needs no model at all."""
