"""Curated rows become what the model is given: token ids, a fitted picture, and a receipt for the mask."""
