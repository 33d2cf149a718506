"""The numbers that this base was trained with. Changing one retrains it: raise `foundation.version` too."""

from stages.foundation.clip_phi.training import Schedule

VISION = Schedule(steps=2000, batch=64, peak=2.0e-3, warmup=100, weight_decay=0.05, seed=1)
LANGUAGE = Schedule(steps=2000, batch=32, peak=3.0e-3, warmup=100, weight_decay=0.05, seed=2)
TOKENIZER_TEXTS, TOKENIZER_SEED = 6000, 3
