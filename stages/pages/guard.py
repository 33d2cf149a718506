"""Who may talk to the page: this machine's own browser, on the page itself, for what the page needs.

Any web site that somebody has open can send requests to 127.0.0.1. `Host` tells a name that was rebound to
loopback, `Origin` and `Sec-Fetch-Site` tell another site's script; the policy keeps the page itself from loading
or sending anything elsewhere, whatever Gradio's own scripts ask for.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# Gradio serves more (uploads, a proxy, files, saved runs): what the page doesn't use doesn't answer.
PATHS = re.compile(
    r"/|/(?:config|theme\.css|manifest\.json|favicon\.ico|pwa_icon.*)|/(?:assets|static|picture)/.*"
    r"|/gradio_api/(?:info|startup-events|heartbeat/.*|run/.*|reset|theme\.css)/?"
)
POLICY = (  # inline scripts and styles, and `new Function`, are how Gradio's own page works
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'self'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-dns-prefetch-control", b"off"),
)


class Guard:
    """Stands before the whole application (ASGI)."""

    def __init__(self, app: App, port: int) -> None:
        self.app = app
        self.port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # a websocket: the page opens none
            await send({"type": "websocket.close", "code": 1008})
            return
        complaint = refusal(scope["path"], scope["headers"], self.port)
        if complaint:
            await _refuse(send, complaint)
            return

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
            await send(message)

        await self.app(scope, receive, with_headers)


def refusal(path: str, headers: list[tuple[bytes, bytes]], port: int) -> str:
    """Why a request gets no answer; "" when it gets one."""
    ours = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").lower())
    if len(given.get("host", [])) != 1 or given["host"][0] not in ours:
        return "this page answers to 127.0.0.1 and localhost only"
    if any(origin not in {f"http://{host}" for host in ours} for origin in given.get("origin", [])):
        return "this page answers to itself only, not to other sites"
    if path != "/" and any(site not in ("same-origin", "none") for site in given.get("sec-fetch-site", [])):
        return "this page answers to itself only, not to other sites"
    return "" if PATHS.fullmatch(path) and ".." not in path else "nothing here"


async def _refuse(send: Send, complaint: str) -> None:
    body = complaint.encode() + b"\n"
    head = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode()), *HEADERS]
    await send({"type": "http.response.start", "status": 403, "headers": head})
    await send({"type": "http.response.body", "body": body})
