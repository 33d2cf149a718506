"""Dialogues about the drawn creatures, from the attributes that they were drawn with; their author says so."""

from collections.abc import Sequence

from stages.caption.dialogues import Dialogue, Turn
from stages.creatures.captions import GENERATOR
from stages.creatures.dialogues import dialogue_of
from stages.creatures.species import species_of
from stages.params import UserError
from stages.record import Record
from stages.scrape.parameters import Catalogue
from stages.scrape.service.catalogue import build


def stand_in_dialogues(catalogue: Catalogue, records: Sequence[Record]) -> list[Dialogue]:
    """One dialogue for every picture that the catalogue drew; UserError when it drew none of them."""
    species = {one.name: one for one in species_of(catalogue.seed, catalogue.species)}
    entries = {entry.url: entry for entry in build(catalogue)}
    drawn = {record.origin: entries[record.source.url] for record in records if record.source.url in entries}
    if not drawn:
        raise UserError("none of these pictures was drawn by the catalogue: stand-ins are for drawn creatures only.")
    author = f"generator:{GENERATOR} seed {catalogue.seed}"

    def about(name: str, view: int) -> tuple[Turn, ...]:
        return tuple(Turn(*turn) for turn in dialogue_of(species[name], view, catalogue.seed))

    return [Dialogue(sha256, about(entry.species, entry.view), author) for sha256, entry in drawn.items()]
