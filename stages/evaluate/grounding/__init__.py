"""Scores of pictures and texts that are matched, captioned or probed: arrays and strings in, numbers out."""
