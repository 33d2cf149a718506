"""DIR/CLASS/* and DIR/{train,valid,val,test}/CLASS/*: the folder's name is the label."""

import unicodedata
from pathlib import Path

from stages.ingest.found import Found, Survey, opener, printable
from stages.ingest.listing import Listing, list_folder
from stages.ingest.parameters import Ingest
from stages.params import UserError
from stages.record import Text

SPLITS = ("train", "training", "valid", "val", "validation", "dev", "test", "testing")
OUTSIDE = "not in a class folder"
HIDDEN = "in a hidden folder"
REMEDY = "put the pictures of each class into a folder of its own, which is named like the class"


def read(params: Ingest, source: Path, _: Path) -> Survey:
    """Every file below a class folder, however deep, is a row; what the published splits were is kept beside it.

    They are not used: `curate` splits anew, since published splits of such sets share pictures.
    """
    listing = list_folder(source)
    depth = 1 if _has_splits(listing) else 0
    found, left_out = [], {}
    for name, flaw in listing.entries.items():
        reason = flaw or _misplaced(name.split("/"), depth)
        if reason:
            left_out[name] = reason
        else:
            found.append(_found(params, listing, name, depth))
    if not found:
        raise UserError(f"`folder` = {source} has no file in a class folder: {REMEDY}.")
    rest = Listing(listing.root, left_out)
    return Survey(len(listing.entries), found, rest.drops(()), "", REMEDY)


def label_of(folder: str) -> str:
    """A folder's name as a label: underscores are spaces, one space at a time, accents composed (NFC)."""
    return " ".join(unicodedata.normalize("NFC", printable(folder)).replace("_", " ").split())


def _has_splits(listing: Listing) -> bool:
    """Whether a folder at the top is called like a split and holds folders: a class may be called `test` too."""
    parts = [name.split("/") for name in listing.entries]
    return any(len(part) > 2 and part[0].casefold() in SPLITS for part in parts)


def _misplaced(parts: list[str], depth: int) -> str:
    """Why a file belongs to no class, "" when it does."""
    folders = parts[:-1]
    if any(folder.startswith(".") or folder == "__MACOSX" for folder in folders):  # notebooks' copies, archives' rest
        return HIDDEN
    if len(folders) <= depth or (depth and folders[0].casefold() not in SPLITS):
        return OUTSIDE
    return "" if label_of(folders[depth]) else "empty label"


def _found(params: Ingest, listing: Listing, name: str, depth: int) -> Found:
    folders = name.split("/")[:-1]
    label = label_of(folders[depth])
    said = {"split": folders[0]} if depth else {}
    return Found(printable(name), label, (Text(label, params.author),), opener(listing.path(name)), said=said)
