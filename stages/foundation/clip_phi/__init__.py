"""clip-phi-tiny: a small CLIP and a small Phi, trained apart, in their own classes of transformers."""
