"""gemma-tiny: a small Gemma that can read descriptions and put words together, in transformers' own class."""
