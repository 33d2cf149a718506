"""Captions: the log that people, imports and models write to, and what the recipes read."""
