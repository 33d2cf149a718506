"""The numbers that this base was trained with. Changing one retrains it: raise `foundation.version` too."""

from stages.foundation.paligemma2.train import Schedule

FONT_SOURCES = [
    "matplotlib", "font_roboto", "font_source_sans_pro", "font_source_serif_pro", "font_manrope",
    "font_fredoka_one", "font_intuitive",
]  # fmt: skip
FONT_FAMILIES = [
    "DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "cmr10", "cmss10", "cmtt10", "cmb10", "cmti10",
    "Roboto", "Source Sans Pro", "Source Serif Pro", "Manrope", "Fredoka One", "Intuitive",
]  # fmt: skip
SCHEDULE = Schedule(
    cycles=((7000, 1.5e-3), (5000, 1.0e-3)), batch=128, warmup_steps=200, weight_decay=0.05, seed=1, processes=2
)
