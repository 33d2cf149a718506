"""Everything that lies in a folder, and what a name in a table means there."""

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stages.ingest.found import printable, row_id
from stages.params import UserError
from stages.record import Drop

LEAVES = "path leaves the folder"
MISSING = "missing picture"
AMBIGUOUS = "picture is ambiguous"
NOT_IN_TABLE = "not in the table"
Meaning = tuple[str, str]  # (the entry's name, "") or ("", why there is none)


@dataclass(frozen=True)
class Listing:
    """What lies below `root` (links resolved), by its name relative to it: "" for a file, else why it is no file."""

    root: str
    entries: dict[str, str]

    def path(self, name: str) -> str:  # no Path: there is one a file
        return os.path.join(self.root, name)

    def find(self, name: str) -> Meaning:
        """The file that a table's `name` stands for: its path, or one that Unicode writes in another way."""
        if os.path.isabs(name):
            return "", LEAVES
        plain = os.path.normpath(name)
        if plain == ".." or plain.startswith("../"):
            return "", LEAVES
        plain = plain if plain in self.entries else self._composed.get(_nfc(plain), "")
        if plain:
            return (plain, "") if not self.entries[plain] else ("", self.entries[plain])
        return self._through_links(name)

    def find_anywhere(self, name: str) -> Meaning:
        """As `find`, or else the only file below the folder that is called so, wherever it lies."""
        found, reason = self.find(name)
        if found or reason != MISSING:
            return found, reason
        called = self._by_last_part.get(_nfc(name).rstrip("/").rpartition("/")[2], [])
        if len(called) > 1:
            return "", AMBIGUOUS
        return (called[0], "") if called else ("", MISSING)

    def drops(self, named: Iterable[str], reason: str = NOT_IN_TABLE) -> list[Drop]:
        """A drop for every entry that isn't among `named`."""
        rest = self.entries.keys() - set(named)
        return [Drop(row_id(printable(name), 0), self.entries[name] or reason, printable(name)) for name in rest]

    def _through_links(self, name: str) -> Meaning:
        """A file behind a link to a folder, which the listing doesn't enter."""
        try:
            path = os.path.realpath(os.path.join(self.root, name))
            exists = os.path.isfile(path)
        except (OSError, ValueError):  # NUL, a name longer than the file system takes
            return "", MISSING
        if os.path.commonpath([path, self.root]) != self.root:
            return "", LEAVES
        real = os.path.relpath(path, self.root)
        return (real, "") if exists and self.entries.get(real) == "" else ("", MISSING)

    @cached_property
    def _composed(self) -> dict[str, str]:
        return {_nfc(name): name for name in self.entries}

    @cached_property
    def _by_last_part(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, reason in self.entries.items():
            if not reason:
                found.setdefault(_nfc(name).rpartition("/")[2], []).append(name)
        return found


def list_folder(folder: Path, *but: Path) -> Listing:
    """The listing of `folder` without the files `but`; UserError when it is no folder, or nothing is in it."""
    if not folder.is_dir():
        raise UserError(f"`folder` = {folder} is no folder: give the folder that holds the pictures.")
    root = os.path.realpath(folder)
    entries = dict(_below(root, ""))
    for path in but:
        entries.pop(os.path.relpath(path, folder), None)
    if not entries:
        raise UserError(f"`folder` = {folder} is empty: put the pictures there, or name the folder that holds them.")
    return Listing(root, entries)


def _below(root: str, inside: str) -> Iterator[tuple[str, str]]:
    """(name, why it is no file) of everything below; links to folders aren't followed: they may go round."""
    try:
        with os.scandir(os.path.join(root, inside)) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except PermissionError as error:
        raise UserError(f"{error.filename} can't be read ({error.strerror}): give this user the right to.") from error
    for entry in entries:
        name = f"{inside}/{entry.name}" if inside else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _below(root, name)
        elif entry.is_symlink():
            yield name, _link_flaw(root, entry.path)
        else:
            yield name, "" if entry.is_file(follow_symlinks=False) else "no file"  # a pipe, a socket: never opened


def _link_flaw(root: str, path: str) -> str:
    target = os.path.realpath(path)  # of links that go round: some path that is no file
    if os.path.commonpath([target, root]) != root:
        return LEAVES
    if os.path.isdir(target):
        return "link to a folder"
    return "" if os.path.isfile(target) else "broken link"


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
