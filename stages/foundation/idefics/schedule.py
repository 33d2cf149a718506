"""The numbers that this base was trained with. Changing one retrains it: raise `foundation.version` too."""

from stages.foundation.idefics.training import Schedule

# Side by side, one core each.
TOWER = Schedule(steps=2400, pictures=48, peak=1.5e-3, warmup=150, weight_decay=0.05, seed=1)
DECODER = Schedule(steps=1200, pictures=24, peak=3.0e-3, warmup=150, weight_decay=0.05, seed=2)
# Then together, in two processes.
BOTH = Schedule(steps=420, pictures=32, peak=1.0e-3, warmup=60, weight_decay=0.05, seed=4)
PROCESSES = 2
STITCHED_FROM = 24  # batches of drawings
TOKENIZER_SCENES, TOKENIZER_SEED = 4000, 3
