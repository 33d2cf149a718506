"""Evaluation on the same held-out rows, before and after; one room an objective."""
