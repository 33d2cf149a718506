"""Blind grading of captions by hand: what was said of a picture, not who said it."""
