"""Evaluation: zero-shot, tuned and shallow baselines on the same test rows."""
