"""paligemma2-tiny: a reader of single lines of type, in PaliGemma 2's own class."""
