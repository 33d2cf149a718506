"""A load server for the download bench: pictures on many hosts of 127/8, a share of them faulty.

One process and one protocol that writes prepared bytes, so that it takes little of the machine. Every URL
has bytes of its own: /ROUND/KIND/NUMBER.jpg. What the kinds do:
  good; once503, oncereset: only a second request gets the picture; gone: 404; cut: the body stops early;
  page: HTML; noai: X-Robots-Tag; forbidden: robots.txt; broken: random bytes.
"""

import asyncio
import io
import random
import sys
from collections import Counter

import numpy as np
from PIL import Image

HOSTS = 200
PICTURES = 500
ROBOTS = b"User-agent: *\nDisallow: /*/forbidden/\n"
# shares of all URLs; what is left is good
FAULTS = {
    "once503": 0.07,
    "oncereset": 0.07,
    "gone": 0.03,
    "cut": 0.01,
    "page": 0.005,
    "noai": 0.005,
    "forbidden": 0.005,
    "broken": 0.005,
}
PICTURES_MADE: list[bytes] = []
ASKED: Counter[str] = Counter()
SERVED: Counter[str] = Counter()  # complete answers a path
RECOVERABLE = ("good", "once503", "oncereset")


def ip_of(host: int) -> str:
    return f"127.1.{host // 200}.{host % 200 + 1}"


def plan(count: int, seed: int = 1) -> list[tuple[str, int]]:
    """(kind, host) of each URL; the same for everyone."""
    kinds = [kind for kind, share in FAULTS.items() for _ in range(round(share * count))]
    kinds += ["good"] * (count - len(kinds))
    random.Random(seed).shuffle(kinds)
    return [(kind, number % HOSTS) for number, kind in enumerate(kinds)]


def render(seed: int, sides: tuple[int, int]) -> bytes:
    """A JPEG of soft shapes and grain, about 1.5 bits a pixel: what photos have at these qualities."""
    rng = np.random.default_rng(seed)
    width, height = (int(side) for side in rng.integers(*sides, size=2, endpoint=True))
    shapes = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).resize((width, height))
    grain = rng.integers(-6, 7, (height, width, 1), dtype=np.int16)
    pixels = np.clip(np.asarray(shapes, dtype=np.int16) + grain, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=int(rng.choice([75, 80, 85, 90])))
    return stream.getvalue()


class Server(asyncio.Protocol):
    """Answers from what the module holds; asyncio makes one a connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, self.received = self.received.partition(b"\r\n\r\n")
            self.answer(head.split(b" ", 2)[1].decode())

    def answer(self, path: str) -> None:
        ASKED[path] += 1
        if path.endswith("robots.txt"):
            return self.send(b"200 OK", ROBOTS, b"text/plain")
        if path == "/counts":  # complete answers: all, and those that were not the first
            counts = f"{SERVED.total()} {SERVED.total() - len(SERVED)}"
            return self.send(b"200 OK", counts.encode(), b"text/plain")
        _, _, kind, name = path.split("/")
        number = int(name.partition(".")[0])
        body = PICTURES_MADE[number % PICTURES] + path.encode()  # after the end of the JPEG: distinct bytes
        if kind == "once503" and ASKED[path] == 1:
            return self.send(b"503 Busy", b"busy", b"text/plain")
        if kind == "oncereset" and ASKED[path] == 1:
            return self.transport.abort()
        if kind == "gone":
            return self.send(b"404 Not Found", b"gone", b"text/plain")
        if kind == "cut":
            self.send(b"200 OK", body, b"image/jpeg", less=len(body) // 2)
            return self.transport.close()
        if kind == "page":
            body = b"<html>not a picture</html>"
        if kind == "broken":
            body = random.Random(number).randbytes(40_000)
        SERVED[path] += 1
        self.send(b"200 OK", body, b"image/jpeg", b"X-Robots-Tag: noai\r\n" if kind == "noai" else b"")

    def send(self, status: bytes, body: bytes, kind: bytes, more: bytes = b"", less: int = 0) -> None:
        head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (status, kind, len(body), more)
        self.transport.write(head + (body[:-less] if less else body))


async def serve(sides: tuple[int, int]) -> None:
    PICTURES_MADE.extend(render(seed, sides) for seed in range(PICTURES))
    loop = asyncio.get_running_loop()
    first = await loop.create_server(Server, "127.1.0.1", 0, backlog=1024)
    port = first.sockets[0].getsockname()[1]
    await loop.create_server(Server, [ip_of(host) for host in range(1, HOSTS)], port, backlog=1024)
    mean = sum(map(len, PICTURES_MADE)) // PICTURES
    print(port, mean, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until whoever started us goes


if __name__ == "__main__":
    asyncio.run(serve((int(sys.argv[1]), int(sys.argv[2]))))
