"""SIGTERM and Ctrl+C end a training after its step, so that it can save first; a second one ends it at once."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass
class Stop:
    """`signal` is the one that asked to stop, None while nothing did."""

    signal: int | None = None


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Note the first signal instead of dying of it; outside the main thread, which gets no signals, do nothing."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def note(number: int, frame: FrameType | None) -> None:
        stop.signal = number
        for each in SIGNALS:
            signal.signal(each, before[each])
        # no print: the signal may have come in the middle of one
        os.write(2, b"\ntrain: asked to stop; saving after this step (ask again to stop at once)\n")

    for number in SIGNALS:
        signal.signal(number, note)
    try:
        yield stop
    finally:
        for number in SIGNALS:
            signal.signal(number, before[number])
