"""Rows for models that read pictures and text interleaved: token ids, a fitted picture, and a receipt for the mask."""
