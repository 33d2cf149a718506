"""Runs the DVC graph as a Prefect flow. DVC stays the only graph and the only cache; no stage imports this."""
