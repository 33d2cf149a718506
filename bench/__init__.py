"""Paired benchmarks: ours against the plain way, on the same rows, with a check that both are right."""
