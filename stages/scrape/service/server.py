"""The child process: one loopback socket a host, all on one port that the system chooses.

It reads what to serve as one line of JSON on its standard input, and answers with one line of JSON on its
standard output: {"port", "addresses"} once it listens, or {"error"}. It ends with the process that started it.
"""

import asyncio
import errno
import json
import os
import signal
import socket
import sys

from aiohttp import web

from stages.entry import die_with_parent
from stages.scrape.parameters import Catalogue
from stages.scrape.service.bodies import Bodies
from stages.scrape.service.catalogue import HOSTS, build
from stages.scrape.service.conduct import Conduct
from stages.scrape.service.listing import fingerprint, listed
from stages.scrape.service.pictures import Pictures
from stages.scrape.service.searching import Searching

SEARCH_IP = "127.0.0.1"
IPS = {host: f"127.0.0.{number}" for number, host in enumerate(HOSTS, start=2)}
TRIES = 20  # a free port at one address may be taken at another one
WAITING = 1_024  # connections that may wait to be accepted


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches the whole group: the parent then ends this process
    die_with_parent()
    given = json.loads(sys.stdin.readline())
    if os.getppid() != given["parent"]:  # gone before it could be watched
        return
    try:
        sockets, addresses = listening(given["port"])
    except OSError as error:
        print(json.dumps({"error": f"{error.strerror or error}"}), flush=True)
        return
    app = application(Catalogue(**given["catalogue"]), Conduct(**given["conduct"]), addresses)
    asyncio.run(_serve(app, sockets, addresses))


def listening(port: int) -> tuple[list[socket.socket], dict[str, str]]:
    """Sockets on one port (0: any free one) of every address, and each host's address.

    Where the system has 127.0.0.1 alone (macOS), all hosts share it; the Host header still tells them apart.
    """
    for _ in range(TRIES):
        sockets = [_bound(SEARCH_IP, port)]
        chosen = sockets[0].getsockname()[1]
        try:
            sockets += [_bound(ip, chosen) for ip in IPS.values()]
            return sockets, dict(IPS)
        except OSError as error:
            for other in sockets[1:] if error.errno == errno.EADDRNOTAVAIL else sockets:
                other.close()
            if error.errno == errno.EADDRNOTAVAIL:
                return sockets[:1], dict.fromkeys(IPS, SEARCH_IP)
            if port or error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"no port was free on {len(IPS) + 1} loopback addresses")


def application(catalogue: Catalogue, conduct: Conduct, addresses: dict[str, str]) -> web.Application:
    """Search at 127.0.0.1, pictures at the other hosts, told apart by the Host header and the socket."""
    found = listed(catalogue)
    searching = Searching(found, conduct)
    pictures = Pictures(build(catalogue), Bodies(catalogue, conduct.bodies), conduct)

    async def picture(request: web.Request) -> web.StreamResponse:
        name = request.host.rpartition(":")[0] if ":" in request.host else request.host
        at = request.transport.get_extra_info("sockname")[0] if request.transport is not None else ""
        if name not in (SEARCH_IP, at) and addresses.get(name) != at:
            raise web.HTTPMisdirectedRequest
        return await pictures.answer(request, name if name in addresses else "")

    async def counts(request: web.Request) -> web.Response:
        counted = {name: getattr(searching, name) for name in ("paid", "searches", "account_calls")}
        return web.json_response({**counted, "hits": dict(pictures.hits)})

    async def reset(request: web.Request) -> web.Response:
        searching.restart(Conduct(**await request.json()) if request.can_read_body else conduct)
        pictures.restart()
        return web.Response(text="as new")

    app = web.Application()
    for prefix in ("", f"/{fingerprint(found, conduct.page)}"):
        for suffix in ("", ".json"):
            app.router.add_get(f"{prefix}/search{suffix}", searching.search)
        app.router.add_get(f"{prefix}/searches/{{id}}", searching.archived)
        app.router.add_get(f"{prefix}/account.json", searching.account)
    app.router.add_get("/_counts", counts)
    app.router.add_post("/_reset", reset)
    app.router.add_get("/{path:.*}", picture)
    return app


async def _serve(app: web.Application, sockets: list[socket.socket], addresses: dict[str, str]) -> None:
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    for bound in sockets:
        await web.SockSite(runner, bound, backlog=WAITING).start()
    print(json.dumps({"port": sockets[0].getsockname()[1], "addresses": addresses}), flush=True)
    await asyncio.Event().wait()


def _bound(ip: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((ip, port))
    except OSError:
        bound.close()
        raise
    return bound


if __name__ == "__main__":
    main()
