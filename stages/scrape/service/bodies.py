"""The bytes behind an address: drawn when they are asked for, kept in memory and, if wanted, in a folder."""

import io
import json
import os
import threading
from collections import OrderedDict
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from stages.creatures.captions import GENERATOR
from stages.creatures.species import Species, species_of
from stages.scrape.parameters import Catalogue
from stages.scrape.service.catalogue import Entry
from stages.shards import sha256

if TYPE_CHECKING:
    from PIL import Image as PillowImage

QUALITY = 92
LOW_QUALITY = 50
MOST_IN_MEMORY = 256_000_000  # bytes
LEFT_SIDE_DOWN = 6  # EXIF orientation: turn by 90 degrees clockwise to see it upright

WEB_PAGE = b"<!doctype html><title>Sign in</title><h1>Please sign in to see this picture</h1>" + b"<p>&nbsp;</p>" * 200


def render(catalogue: Catalogue, entry: Entry) -> bytes:
    """An entry's body as a careful client should get it; how it is sent is another matter."""
    if entry.fault == "html":
        return WEB_PAGE
    if entry.fault == "copy: exact":
        return render(catalogue, replace(entry, fault=""))
    picture = _drawn(catalogue, entry)
    if entry.fault == "copy: resized":
        return _encoded(picture.resize((entry.width, entry.height), 1), entry.format)  # 1 = Lanczos
    if entry.fault == "copy: recompressed":
        return _encoded(picture, "JPEG", LOW_QUALITY)
    if entry.fault == "copy: grey":
        return _encoded(picture.convert("L").convert("RGB"), entry.format)
    if entry.fault == "exif":
        return _lying_on_its_side(picture)
    body = _encoded(picture, entry.format)
    return body[: len(body) // 2] if entry.fault == "truncated" else body


class Bodies:
    """Rendered bodies by entry; threads may ask at once."""

    def __init__(self, catalogue: Catalogue, folder: Path | None) -> None:
        self._catalogue = catalogue
        self._folder = folder
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def of(self, entry: Entry) -> bytes:
        with self._lock:
            if entry.path in self._kept:
                self._kept.move_to_end(entry.path)
                return self._kept[entry.path]
        body = self._stored(entry) if self._folder is not None else render(self._catalogue, entry)
        with self._lock:
            if entry.path not in self._kept:
                self._kept[entry.path] = body
                self._size += len(body)
            while self._size > MOST_IN_MEMORY:
                self._size -= len(self._kept.popitem(last=False)[1])
        return body

    def _stored(self, entry: Entry) -> bytes:
        assert self._folder is not None
        drawing = [GENERATOR, self._catalogue.seed, self._catalogue.image_size, entry.species, entry.view]
        name = sha256(json.dumps([*drawing, entry.format, entry.fault]).encode())
        path = self._folder / name[:2] / name
        if path.is_file():
            return path.read_bytes()
        body = render(self._catalogue, entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f"{name}.{os.getpid()}.{threading.get_ident()}")
        half.write_bytes(body)
        half.replace(path)
        return body


def _drawn(catalogue: Catalogue, entry: Entry) -> "PillowImage.Image":
    from stages.creatures.drawing import draw

    return draw(
        _species(catalogue.seed, catalogue.species)[entry.species], entry.view, catalogue.seed, catalogue.image_size
    )


@lru_cache(maxsize=4)
def _species(seed: int, count: int) -> dict[str, Species]:
    return {kind.name: kind for kind in species_of(seed, count)}


def _encoded(picture: "PillowImage.Image", form: str, quality: int = QUALITY) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **({} if form == "PNG" else {"quality": quality}))
    return stream.getvalue()


def _lying_on_its_side(picture: "PillowImage.Image") -> bytes:
    """A JPEG as a telephone takes it: turned, with the orientation and the place in its EXIF."""
    from PIL import Image as Pillow
    from PIL.ExifTags import IFD, Base

    exif = Pillow.Exif()
    exif[Base.Orientation] = LEFT_SIDE_DOWN
    exif[Base.Make] = "Plumbline"
    exif[IFD.GPSInfo] = {1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 40.0)}
    stream = io.BytesIO()
    picture.transpose(Pillow.Transpose.ROTATE_90).save(stream, "JPEG", quality=QUALITY, exif=exif)
    return stream.getvalue()
