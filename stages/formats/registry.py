"""Every format by name: how its captions are read, and how a table is written in it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from stages.formats import cc3m, coco, flickr30k, imagefolder, label_studio, llava, sheet, trl
from stages.formats.captioned import Captioned, Flaw
from stages.formats.exporting import Written, export

READERS: dict[str, Callable[[Path], list[Captioned | Flaw]]] = {
    "imagefolder": imagefolder.read,
    "cc3m": cc3m.read,
    "coco": coco.read,
    "flickr30k": flickr30k.read,
    "label_studio": label_studio.read,
    "sheet": sheet.read,
    "llava": llava.read,
    "trl": trl.read,
}

WRITERS: dict[str, Callable[[Path, Path], Written]] = {  # (folder of a table, out)
    "imagefolder": partial(export, imagefolder.LAYOUT),
    "cc3m": partial(export, cc3m.LAYOUT),
    "coco": partial(export, coco.LAYOUT),
    "flickr30k": partial(export, flickr30k.LAYOUT),
    "label_studio": partial(export, label_studio.LAYOUT),
    "sheet": partial(export, sheet.LAYOUT),
    "llava": partial(export, llava.LAYOUT),
    "trl": partial(export, trl.LAYOUT),
}
