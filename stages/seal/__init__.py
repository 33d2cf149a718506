"""Seal: an adapter with its card and its lineage, marked with the lineage's digest."""
