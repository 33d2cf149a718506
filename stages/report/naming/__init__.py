"""The page of a naming recipe: zero-shot, tuned, and what names without a language model."""
