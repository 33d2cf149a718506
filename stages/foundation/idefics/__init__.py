"""idefics-tiny: a small IDEFICS (pictures and text interleaved) in its own classes of transformers."""
