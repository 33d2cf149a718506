"""Plain sentences: from the docstrings of Python's standard library."""

import ast
import re
import sysconfig
from functools import lru_cache
from pathlib import Path

from stages.foundation.gemma.withheld import speaks_of_withheld

PROSE_MODULES = (
    "argparse", "asyncio/*", "collections/__init__", "concurrent/futures/*", "configparser", "csv", "dataclasses",
    "datetime", "decimal", "difflib", "doctest", "email/*", "fractions", "functools", "heapq", "html/*", "http/*",
    "imaplib", "importlib/*", "inspect", "ipaddress", "json/*", "logging/*", "mailbox", "optparse", "pathlib", "pdb",
    "pickle", "pickletools", "pprint", "random", "re/*", "sched", "shelve", "shutil", "smtplib", "socket", "statistics",
    "string", "subprocess", "tarfile", "tempfile", "textwrap", "threading", "tokenize", "turtle", "types", "typing",
    "unittest/*", "urllib/*", "uuid", "weakref", "xml/*/*", "zipfile",
)  # fmt: skip
SHORTEST, LONGEST = 25, 160  # characters


@lru_cache(maxsize=1)
def prose_sentences() -> tuple[str, ...]:
    """Sentences of the standard library's docstrings (PSF licence), as this Python has them."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found: dict[str, None] = {}
    for pattern in PROSE_MODULES:
        for path in sorted(root.glob(pattern + ".py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                        for sentence in re.split(r"(?<=[.!?]) (?=[A-Z])", " ".join(paragraph.split())):
                            if _is_plain(sentence):
                                found[sentence] = None
    return tuple(found)


def _is_plain(text: str) -> bool:
    """A sentence rather than code; nothing that is withheld."""
    letters = sum(char.isalpha() or char == " " for char in text)
    long_enough = SHORTEST <= len(text) <= LONGEST
    return long_enough and letters > 0.93 * len(text) and text[0].isupper() and not speaks_of_withheld(text)
