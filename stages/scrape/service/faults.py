"""What is planted into the catalogue, how often, and whether a good picture can be had all the same."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """`weight`: how often, compared with the others. `recoverable`: a careful client ends with a good picture."""

    name: str
    weight: int
    recoverable: bool


FAULTS = (
    Fault("copy: exact", 10, True),  # the bytes of another address
    Fault("copy: resized", 6, True),
    Fault("copy: recompressed", 5, True),
    Fault("copy: grey", 5, True),
    Fault("copy: other format", 4, True),
    Fault("truncated", 6, False),  # half a file, sent as if it were whole
    Fault("html", 6, False),  # a web page, named .jpg and sent as image/jpeg
    Fault("404", 8, False),
    Fault("410", 3, False),
    Fault("503 once", 6, True),
    Fault("reset once", 4, True),  # the connection breaks before an answer
    Fault("drip", 2, False),  # four bytes a second
    Fault("wrong type", 5, True),  # a picture, sent as text/plain
    Fault("lying length", 3, False),  # Content-Length says more than comes
    Fault("no licence", 6, True),
    Fault("noai: noai", 2, False),
    Fault("noai: noindex, noimageai", 2, False),
    Fault("noai: plumbline: noai", 2, False),  # meant for this client
    Fault("noai: otherbot: noai", 2, True),  # meant for another one
    Fault("robots", 4, False),  # robots.txt disallows the path
    Fault("robots: closed", 2, False),  # ... the whole host
    Fault("robots: broken", 2, False),  # robots.txt answers 500: the whole host is off limits (RFC 9309, 2.3.1.4)
    Fault("redirect", 5, True),  # to another of the service's hosts
    Fault("redirect: inside", 3, False),  # to this machine or a cloud's metadata
    Fault("redirect: loop", 2, False),
    Fault("gzip bomb", 1, False),
    Fault("huge", 1, False),
    Fault("exif", 5, True),  # lies on its side, with a GPS position
)
RECOVERABLE = {"": True, **{fault.name: fault.recoverable for fault in FAULTS}}


def kinds(count: int, seed: int) -> list[str]:
    """`count` faults by weight, in random order; as many different ones as fit in."""
    chance = random.Random(f"faults {seed}")
    first = [fault.name for fault in FAULTS]
    chance.shuffle(first)
    more = chance.choices([fault.name for fault in FAULTS], [fault.weight for fault in FAULTS], k=count)
    drawn = (first + more)[:count]
    chance.shuffle(drawn)
    return drawn
