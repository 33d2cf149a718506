"""The terminal that stages share: one alone writes as it would by itself, of several each line has a name before it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Write = Callable[[str], None]


class Terminal:
    """Safe between threads. A progress bar of one of several stages shows its last state only, when its line ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun: dict[str, str] = {}  # by stage: the beginning of its line, not shown yet
        self._at_line_start = True

    def say(self, line: str) -> None:
        """A line of the run's own."""
        with self._lock:
            self._show(line + "\n", new_line=True)

    @contextmanager
    def part(self, name: str) -> Iterator[Write]:
        """What the stage writes with, as long as the block runs."""
        with self._lock:
            self._begun[name] = ""
        try:
            yield lambda text: self._write(name, text)
        finally:
            with self._lock:
                if begun := self._begun.pop(name):
                    self._show(f"{name} | {_shown(begun)}\n", new_line=True)

    def _write(self, name: str, text: str) -> None:
        with self._lock:
            if len(self._begun) == 1 and not self._begun[name]:
                self._show(text)
                return
            *lines, self._begun[name] = (self._begun[name] + text).split("\n")
            for line in lines:
                self._show(f"{name} | {_shown(line)}\n", new_line=True)

    def _show(self, text: str, new_line: bool = False) -> None:
        if new_line and not self._at_line_start:
            text = "\n" + text
        if text:
            print(text, end="", flush=True)
            self._at_line_start = text.endswith("\n")


def _shown(line: str) -> str:
    """What a terminal would show in the end of a line that was overwritten."""
    return line.rstrip("\r").rsplit("\r", 1)[-1]
