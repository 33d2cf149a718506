"""opt-clip-tiny: a small CLIP and a small OPT, trained apart, in their own classes of transformers."""
