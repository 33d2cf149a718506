"""Frozen features: what a vision tower makes of each picture, computed once and shared by recipes."""
