"""Checks a table of pictures, drops what must not be learned from (each with a reason), and splits it."""
