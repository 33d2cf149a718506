"""Rows for models that name a creature: token ids of both turns, and a receipt for the mask."""
