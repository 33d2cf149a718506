"""Serves the demo page on loopback until Ctrl+C, behind the caption page's guard."""

import os
import socket
from typing import TYPE_CHECKING

from stages.caption.page.guard import Guard
from stages.caption.page.serve import PATIENCE, QUIET
from stages.demo.room import Room

if TYPE_CHECKING:
    import uvicorn


def server(room: Room, title: str, listener: socket.socket) -> "uvicorn.Server":
    """What `.run(sockets=[listener])` serves; it answers no other name than loopback's."""
    os.environ.update(QUIET)
    import uvicorn

    from stages.demo.app import application

    guarded = Guard(application(room, title), listener.getsockname()[1])
    config = uvicorn.Config(
        guarded,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    return uvicorn.Server(config)


def serve(room: Room, title: str, listener: socket.socket) -> None:
    """Serve until Ctrl+C, which ends it without a traceback."""
    try:
        server(room, title, listener).run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn finishes, then raises the signal again
        pass
    finally:
        listener.close()
