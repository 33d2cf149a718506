"""The numbers that this base was trained with. Changing one retrains it: raise `foundation.version` too."""

from stages.foundation.gemma.training import Schedule

LANGUAGE = Schedule(steps=1700, batch=18, peak=3.0e-3, muon=0.02, warmup=100, weight_decay=0.05, seed=5)
PROCESSES = 2
TOKENIZER_TEXTS, TOKENIZER_SEED = 6000, 6
