"""Plain sentences: paragraphs of the docstrings of Python's standard library."""

import ast
import sysconfig
from functools import lru_cache
from pathlib import Path

PROSE_MODULES = (
    "argparse", "asyncio/*", "collections/__init__", "concurrent/futures/*", "configparser", "csv", "dataclasses",
    "datetime", "decimal", "difflib", "doctest", "email/*", "fractions", "functools", "heapq", "html/*", "http/*",
    "imaplib", "importlib/*", "inspect", "ipaddress", "json/*", "logging/*", "mailbox", "optparse", "pathlib", "pdb",
    "pickle", "pickletools", "pprint", "random", "re/*", "sched", "shelve", "shutil", "smtplib", "socket", "statistics",
    "string", "subprocess", "tarfile", "tempfile", "textwrap", "threading", "tokenize", "turtle", "types", "typing",
    "unittest/*", "urllib/*", "uuid", "weakref", "xml/*/*", "zipfile",
)  # fmt: skip


@lru_cache(maxsize=1)
def prose_paragraphs() -> tuple[str, ...]:
    """Plain paragraphs of the standard library's docstrings (PSF licence), as this Python has them."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found: dict[str, None] = {}
    for pattern in PROSE_MODULES:
        for path in sorted(root.glob(pattern + ".py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    for paragraph in (ast.get_docstring(node) or "").split("\n\n"):
                        text = " ".join(paragraph.split())
                        if _is_plain(text):
                            found[text] = None
    return tuple(found)


def _is_plain(text: str) -> bool:
    """Sentences rather than code."""
    letters = sum(char.isalpha() or char == " " for char in text)
    return 60 <= len(text) <= 420 and letters > 0.93 * len(text) and text[0].isupper()
