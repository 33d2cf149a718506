"""Draws pictures of a word with one letter circled, as the BlindTest's circled-letter task has them."""
