"""How Ctrl+C reaches the threads in which stages are waited for: Python raises it in the main thread only."""

import threading


class StoppedError(Exception):
    """The run was stopped while a stage was at work."""


class Stop:
    """Asked for once: stages are told to end. Asked for again: the next signal, without the time in between."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.asked = 0

    def ask(self) -> None:
        self.asked += 1
        self._event.set()

    def pause(self, seconds: float) -> None:
        """Wait that long; StoppedError when stopping was asked for."""
        if self._event.wait(seconds):
            raise StoppedError
