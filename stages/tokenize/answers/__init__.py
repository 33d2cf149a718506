"""Rows for models that answer in words: token ids, a fitted picture, and a receipt for the mask."""
