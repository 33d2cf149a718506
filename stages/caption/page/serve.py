"""Serves the page on loopback until Ctrl+C."""

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from stages.caption.desk import Desk
from stages.caption.page.guard import Guard
from stages.params import UserError

if TYPE_CHECKING:
    import uvicorn

LOOPBACK = "127.0.0.1"
QUIET = {  # before Gradio is imported, and for this process only: no telemetry, no version check, no hub
    "GRADIO_ANALYTICS_ENABLED": "False",
    "GRADIO_SHARE": "False",
    "GRADIO_RUN_HISTORY": "False",
    "GRADIO_MCP_SERVER": "False",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
}
PATIENCE = 1  # seconds for open connections at the end: a browser's event stream never closes by itself


def listening(port: int) -> socket.socket:
    """A socket that only this machine reaches; port 0 takes a free one."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise UserError(f"--port {port}: {error.strerror}; choose another one, or 0 for any that is free.") from error
    return listener


def server(desk: Desk, curated: Path, listener: socket.socket) -> "uvicorn.Server":
    """What `.run(sockets=[listener])` serves; it answers no other name than loopback's."""
    os.environ.update(QUIET)
    import uvicorn

    from stages.caption.page.app import application

    guarded = Guard(application(desk, curated), listener.getsockname()[1])
    config = uvicorn.Config(
        guarded,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    return uvicorn.Server(config)


def serve(desk: Desk, curated: Path, listener: socket.socket) -> None:
    """Serve until Ctrl+C, which ends it without a traceback."""
    try:
        server(desk, curated, listener).run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn finishes, then raises the signal again
        pass
    finally:
        listener.close()
