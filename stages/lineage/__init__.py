"""Lineage: from a trained adapter to every pixel, text, licence, parameter and line of code behind it."""
