"""Captions of the drawn creatures, from the attributes that they were drawn with; their author says so.

They stand in for a person's where there is none, so that everything after captioning can be tried.
"""

from collections.abc import Iterator, Sequence

from stages.caption.log import Log
from stages.caption.offers import Offer, known_of
from stages.caption.state import state_of
from stages.caption.validation import TWICE
from stages.creatures.captions import GENERATOR, MOST, captions_of
from stages.creatures.species import species_of
from stages.params import UserError
from stages.record import Record
from stages.scrape.parameters import Catalogue
from stages.scrape.service.catalogue import Entry, build

A_PICTURE = 3  # captions


def stand_ins(catalogue: Catalogue, records: Sequence[Record], log: Log) -> list[Offer]:
    """Captions for every record that the catalogue drew; UserError when it drew none of them."""
    species = {one.name: one for one in species_of(catalogue.seed, catalogue.species)}
    entries: dict[str, Entry] = {entry.url: entry for entry in build(catalogue)}
    drawn = {record.origin: entries[record.source.url] for record in records if record.source.url in entries}
    if not drawn:
        raise UserError("none of these pictures was drawn by the catalogue: stand-ins are for drawn creatures only.")
    author = f"generator:{GENERATOR} seed {catalogue.seed}"
    known = known_of(state_of(log.lines))

    def unlike_others(sha256: str, entry: Entry) -> Iterator[Offer]:
        """Two views of a species can come out with the same words: then the next wording is taken."""
        found = 0
        for text in captions_of(species[entry.species], entry.view, catalogue.seed, MOST):
            clash = known.clash(sha256, text)
            if clash is None:
                known.add(sha256, text)
            if clash is None or clash.reason == TWICE:
                yield Offer(sha256, text, author)
                found += 1
            if found == A_PICTURE:
                return

    return [offer for sha256, entry in drawn.items() for offer in unlike_others(sha256, entry)]
