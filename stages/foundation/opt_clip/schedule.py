"""The numbers that this base was trained with. Changing one retrains it: raise `foundation.version` too."""

from stages.foundation.opt_clip.training import Schedule

VISION = Schedule(steps=3200, batch=48, peak=1.5e-3, warmup=150, weight_decay=0.05, seed=1)
LANGUAGE = Schedule(steps=2400, batch=32, peak=3.0e-3, warmup=100, weight_decay=0.05, seed=2)
TOKENIZER_TEXTS, TOKENIZER_SEED = 12000, 3
