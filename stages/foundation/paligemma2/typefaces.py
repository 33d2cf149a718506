"""Font files that installed packages ship, found by family name.

Nothing is copied into the repository: a family is looked up in the packages (or folders) named,
and a file that lacks a letter, or draws the same placeholder for two letters, is refused.
"""

import importlib.util
import string
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

LETTERS = string.ascii_letters
PROBE_SIZE = 48  # pixels per em at which a font's letters are compared


class FontError(ValueError):
    """A family that cannot be used; the message says what to do about it."""


@dataclass(frozen=True, order=True)
class Typeface:
    """One usable font file. `style` is the file's own word for it ("Bold Italic")."""

    family: str
    style: str
    path: Path


def find_typefaces(families: list[str], sources: list[str]) -> dict[str, list[Typeface]]:
    """Look up each family in `sources` (names of installed packages, or folders).

    Returns family -> its usable typefaces, sorted by style and file name. Raises FontError when a
    source is not there, or a family has no file or no usable file, naming what is to be had.
    """
    shipped = [face for source in sources for face in _typefaces_in(_folder_of(source))]
    found: dict[str, list[Typeface]] = {}
    for family in families:
        faces = [face for face in shipped if face.family.casefold() == family.casefold()]
        if not faces:
            known = ", ".join(sorted({face.family for face in shipped}))
            raise FontError(
                f"font family {family!r} is not in {', '.join(sources)}; families there: {known}. "
                "Install a package that ships it and name that package, or its folder, in `font_sources`."
            )
        complaints = {face: missing_letters(face.path) for face in faces}
        usable = sorted({(f.style, f.path.stem): f for f, bad in sorted(complaints.items()) if not bad}.values())
        if not usable:
            bad = "; ".join(f"{face.path.name}: {''.join(letters)}" for face, letters in sorted(complaints.items()))
            raise FontError(
                f"font family {family!r} cannot draw every letter of a-z and A-Z ({bad}); take it out of `families`."
            )
        found[usable[0].family] = usable
    return found


@lru_cache(maxsize=256)
def missing_letters(path: Path) -> tuple[str, ...]:
    """The letters (a-z, A-Z) that this file lacks, draws empty, or draws alike (a placeholder)."""
    font = ImageFont.truetype(str(path), PROBE_SIZE)
    placeholder = _ink(font, "\uffff")  # a code point that no font maps: what .notdef looks like
    drawn: dict[tuple[object, ...], list[str]] = {}
    for letter in LETTERS:
        drawn.setdefault(_ink(font, letter), []).append(letter)
    bad = [
        letter
        for ink, letters in drawn.items()
        for letter in letters
        if ink == placeholder or ink[0] == (0, 0) or (len(letters) > 1 and not _one_letter_in_two_cases(letters))
    ]
    small_capitals = [x.lower() for x in "ABDEGHNQR" if _ink(font, x) == _ink(font, x.lower())]
    return tuple(sorted(set(bad + small_capitals)))


def _one_letter_in_two_cases(letters: list[str]) -> bool:
    return len({letter.lower() for letter in letters}) == 1


def _ink(font: ImageFont.FreeTypeFont, letter: str) -> tuple[object, ...]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


@lru_cache(maxsize=64)
def _typefaces_in(folder: Path) -> tuple[Typeface, ...]:
    faces = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in {".ttf", ".otf"}:
            try:
                family, style = ImageFont.truetype(str(path), PROBE_SIZE).getname()
            except OSError:  # not a font, whatever its name says: the family then is "not there"
                continue
            if family:
                faces.append(Typeface(family, style or "Regular", path))
    return tuple(faces)


def _folder_of(source: str) -> Path:
    if Path(source).is_dir():
        return Path(source)
    spec = importlib.util.find_spec(source) if source.isidentifier() else None
    if spec is None or spec.origin is None:
        raise FontError(
            f"font source {source!r} is neither an installed package nor a folder; "
            f"`pip install {source.replace('_', '-')}`, or give the folder that holds the .ttf/.otf files."
        )
    return Path(spec.origin).parent
