"""Drawn creatures: species made of attributes, their pictures and their descriptions."""
