"""Answers scored: zero-shot, tuned, blind and shallow baselines on the same test rows."""
