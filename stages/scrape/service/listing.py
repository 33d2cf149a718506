"""What the searches answer: each species' pictures as SerpApi lists them, with the oddities that it lists too."""

import hashlib
import json
import re
from typing import Any

from stages.scrape.parameters import Catalogue
from stages.scrape.service.catalogue import Entry, build

ODD = 10  # among ten species, one each has a result of the kinds below
LICENSED = ("f", "fc", "fm", "fmc", "cl")  # what the catalogue's licences allow; `ol` finds other ones, so none

Item = dict[str, Any]


def listed(catalogue: Catalogue) -> dict[str, list[Item]]:
    """The results of each species, in the order in which they are listed; positions and thumbnails come later."""
    found: dict[str, list[Item]] = {}
    for entry in build(catalogue):
        found.setdefault(entry.species, []).append(_item(entry))
    for number, items in enumerate(found.values()):
        if number % ODD == 1:
            items.insert(1, {key: value for key, value in _odd(items[0]).items() if key != "original"})
        elif number % ODD == 4:
            items.insert(0, {**_odd(items[0]), "original": f"x-raw-image:///{_short(items[0]['original'])}"})
        elif number % ODD == 7:
            items.append(dict(items[0]))  # listed twice
    return found


def matching(found: dict[str, list[Item]], text: str, licences: str) -> list[Item]:
    """Results for a search text: of every species that it names, as far as their licence allows what is asked for."""
    words = set(re.findall(r"\w+", text.lower()))
    items = [item for name in found if name in words for item in found[name]]
    if licences:
        items = [item for item in items if ("license_details_url" in item) == (licences in LICENSED)]
    return items


def fingerprint(found: dict[str, list[Item]], page: int) -> str:
    """Names a catalogue by what it lists: another one's answers must not be taken for this one's."""
    return _short(json.dumps([page, found], sort_keys=True))


def _item(entry: Entry) -> Item:
    item: Item = {
        "title": entry.title,
        "link": entry.page,
        "source": entry.host.split(".")[0],
        "original": entry.url,
        "original_width": entry.width,
        "original_height": entry.height,
        "is_product": False,
    }
    if entry.licence_url:
        item["license_details_url"] = entry.licence_url
    if _digest(entry.url)[0] % 8 == 0:  # older answers have no sizes
        del item["original_width"], item["original_height"]
    return item


def _odd(item: Item) -> Item:
    return {**item, "title": f"{item['title']}, in a slide show"}


def _short(text: str) -> str:
    return _digest(text).hex()[:16]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
