"""Which catalogue drew a curated set, followed back through params.yaml."""

from typing import Any

from stages.cli.parameters import PARAMS, section
from stages.params import UserError, load_params
from stages.scrape.parameters import Catalogue, Scrape


def catalogue_of(dataset: str) -> Catalogue:
    """The catalogue of the collection that `curate.<dataset>` reads; UserError when nothing was drawn for it."""
    row: Any = section("curate").get(dataset)
    if isinstance(row, dict) and row.get("source") == "scrape":
        params = load_params(Scrape, f"scrape.{row.get('dataset')}", PARAMS)
        if params.catalogue is not None:
            return params.catalogue
    raise UserError(
        f"`curate.{dataset}` is no set of drawn creatures (a `scrape` row with a `catalogue`): write its captions "
        "yourself, or import them."
    )
