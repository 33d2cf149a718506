"""The page of an interleaved recipe: labels or captions, zero-shot, behind examples and tuned."""
