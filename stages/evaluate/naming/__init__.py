"""Names, by every method: a creature's description in, its name out."""
