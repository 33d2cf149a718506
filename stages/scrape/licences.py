"""The licence that an address stands for. Whoever put the address there may still be wrong: it is kept beside."""

import re
from urllib.parse import urlsplit

UNKNOWN = "unknown"  # no address, or one that isn't known here

# Creative Commons: the kinds and versions that there are; ported ones (3.0/de) carry their country
_CC_HOSTS = ("creativecommons.org", "www.creativecommons.org")
_CC_LICENCE = re.compile(
    r"/licenses/(by|by-sa|by-nc|by-nd|by-nc-sa|by-nc-nd)/(1\.0|2\.0|2\.5|3\.0|4\.0)(?:/([a-z]{2,3}))?"
    r"(?:/(?:deed|legalcode)?(?:\.[a-zA-Z-]+)?)?"
)
_CC_PUBLIC = re.compile(r"/publicdomain/(zero|mark)/1\.0(?:/(?:deed|legalcode)?(?:\.[a-zA-Z-]+)?)?")
_PUBLIC = {"zero": "CC0-1.0", "mark": "CC-PDM-1.0"}

# other pages that stand for one licence
_PAGES = {
    "www.gnu.org/licenses/fdl-1.3.html": "GFDL-1.3",
    "www.gnu.org/copyleft/fdl.html": "GFDL-1.3",
    "opensource.org/licenses/mit": "MIT",
    "www.apache.org/licenses/license-2.0": "Apache-2.0",
    "artlibre.org/licence/lal/en": "LAL-1.3",
}


def licence_of(url: str) -> str:
    """SPDX identifier of the licence at `url`, "unknown" when there is none that is known here."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
    except ValueError:
        return UNKNOWN
    if parts.scheme not in ("http", "https"):
        return UNKNOWN
    if host in _CC_HOSTS:
        return _creative_commons(parts.path)
    return _PAGES.get(f"{host}{parts.path}".rstrip("/").lower(), UNKNOWN)


def _creative_commons(path: str) -> str:
    if found := _CC_PUBLIC.fullmatch(path):
        return _PUBLIC[found[1]]
    if found := _CC_LICENCE.fullmatch(path):
        country = f"-{found[3].upper()}" if found[3] else ""
        return f"CC-{found[1].upper()}-{found[2]}{country}"
    return UNKNOWN
