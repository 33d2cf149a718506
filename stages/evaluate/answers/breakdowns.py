"""Which groups a drawn row belongs to. A row whose source lacks an attribute is in no group of it."""

from stages.record import Record

LENGTHS = ((1, 2), (3, 5), (6, 9), (10, 14), (15, 20))  # letters, both ends included
THICKNESS_STEP = 3  # hundredths of an em


def groups_of(record: Record) -> dict[str, str]:
    """{breakdown: group} of one row; only its label is sure to be there."""
    drawn = record.source.drawn
    found = {"by_letter": record.label}
    word = drawn.get("word")
    if isinstance(word, str) and word:
        found["by_length"] = _length(len(word))
        found["by_repeated"] = "more than once" if word.count(record.label) > 1 else "once"
    for name, key in (("by_family", "family"), ("by_kind", "kind")):
        if isinstance(drawn.get(key), str):
            found[name] = drawn[key]
    thickness = drawn.get("thickness_of_em")
    if isinstance(thickness, int | float):
        low = int((thickness - 1) // THICKNESS_STEP) * THICKNESS_STEP + 1
        found["by_thickness"] = f"{low}-{low + THICKNESS_STEP}"  # upper end excluded
    return found


def neighbours_of(record: Record) -> tuple[str, ...]:
    """The letters just before and after the marked one, case kept; () when the word is not known."""
    word, index = record.source.drawn.get("word"), record.source.drawn.get("index")
    if not isinstance(word, str) or not isinstance(index, int):
        return ()
    return tuple(word[i] for i in (index - 1, index + 1) if 0 <= i < len(word))


def _length(letters: int) -> str:
    return next((f"{low}-{high}" for low, high in LENGTHS if low <= letters <= high), "21+")
