"""Serves a page on loopback until Ctrl+C, behind the guard."""

import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stages.pages.guard import Guard
from stages.params import UserError

if TYPE_CHECKING:
    import fastapi
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


def server(make: "Callable[[], fastapi.FastAPI]", listener: socket.socket) -> "uvicorn.Server":
    """What `.run(sockets=[listener])` serves; it answers no other name than loopback's.

    `make` builds the application. It is called once the environment is quiet, since Gradio reads it at import.
    """
    os.environ.update(QUIET)
    import uvicorn

    config = uvicorn.Config(
        Guard(make(), listener.getsockname()[1]),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    return uvicorn.Server(config)


def serve(make: "Callable[[], fastapi.FastAPI]", listener: socket.socket) -> None:
    """Serve until Ctrl+C, which ends it without a traceback."""
    try:
        server(make, listener).run(sockets=[listener])
    except KeyboardInterrupt:  # uvicorn finishes, then raises the signal again
        pass
    finally:
        listener.close()


def mounted(app: "fastapi.FastAPI", blocks: Any, css: str, script: str) -> "fastapi.FastAPI":
    """`app` with a Gradio page at its root: in this machine's own fonts, and nothing that talks to elsewhere."""
    import gradio

    whole: fastapi.FastAPI = gradio.mount_gradio_app(
        app,
        blocks,
        path="/",
        server_name=LOOPBACK,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        enable_monitoring=False,
        show_error=True,
        theme=gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=css,
        js=script,
    )
    return whole
