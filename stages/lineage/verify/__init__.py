"""Re-hashes everything between a sealed adapter and its sources, and names the first thing that differs."""
