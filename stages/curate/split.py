"""On which side a row stands: words and fonts for circled letters, whole entities for anything else."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from stages.curate.candidate import Candidate
from stages.curate.parameters import Curate
from stages.foundation.paligemma2.withheld import is_test_family, is_test_word
from stages.params import UserError
from stages.record import Record
from stages.sides import Joined

TEST_WORD = "test word in a training font"
TEST_FONT = "training word in a test font"


def side_by_word(candidate: Candidate) -> str:
    """ "train" or "test", or the reason why the row can be on neither."""
    missing = {"word", "family"} - set(candidate.drawn)
    if missing:
        raise UserError(
            f"row {candidate.record.id} has no {' and no '.join(sorted(missing))} in its source, which `split: "
            "words_and_fonts` needs: set `split: entities` in this row of `curate`."
        )
    test_word, test_family = is_test_word(candidate.word), is_test_family(str(candidate.drawn["family"]))
    if test_word == test_family:
        return "test" if test_word else "train"
    return TEST_WORD if test_word else TEST_FONT


def components(candidates: Iterable[Candidate], linked: Mapping[str, str]) -> dict[str, str]:
    """Case-folded entity -> the smallest entity of those that are tied to it by pictures that look alike.

    Such entities stand on one side together: else a copy of a training picture could be a test picture.
    """
    entities_of: dict[str, list[str]] = defaultdict(list)
    for candidate in candidates:
        entities_of[linked[candidate.picture]].append(candidate.record.entity.casefold())
    joined = Joined(sorted({entity for entities in entities_of.values() for entity in entities}))
    for entities in entities_of.values():
        for entity in entities[1:]:
            joined.join(entities[0], entity)
    return joined.names()


def crossings(params: Curate, records: Iterable[Record], linked: Mapping[str, str]) -> list[str]:
    """What stands on both sides though it must not: entities, groups of pictures that look alike (`linked`: row id
    -> group), and with `words_and_fonts` words and families.
    """
    sides: dict[str, set[str]] = defaultdict(set)
    for record in records:
        sides[f"entity {record.entity.casefold()}"].add(record.split)
        sides[f"group {linked[record.id]}"].add(record.split)
        if params.split == "words_and_fonts":
            drawn = record.source.drawn
            sides[f"word {drawn['word'].casefold()}"].add(record.split)
            sides[f"family {drawn['family'].casefold()}"].add(record.split)
    return sorted(name for name, splits in sides.items() if len(splits) > 1)
