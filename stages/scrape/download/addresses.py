"""What an address may look like, and which IP addresses are out there rather than in here.

Everything is judged on what would really be connected to: the host after IDNA, the IP after parsing.
"""

import ipaddress
import re
from dataclasses import dataclass

from yarl import URL

MOST_CHARACTERS = 4096
PLAIN_PORTS = (80, 443)
FIRST_HIGH_PORT = 1024
# the ports from 1024 up that browsers refuse too (WHATWG Fetch, "bad port"): a GET there talks to something else
OTHER_PROTOCOLS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080}
)

# ipaddress.is_global of Python 3.11 passes some of these, and a range may be too new for it: each one is named here.
# Whatever wraps an IPv4 address is refused whole: a gateway could unwrap it to an address in here.
NOT_GLOBAL: dict[str, str] = {
    "0.0.0.0/8": "this network",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier NAT",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "a cloud's own service",
    "169.254.0.0/16": "link-local, cloud metadata",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "protocol assignments",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "AMT relays",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private",
    "192.175.48.0/24": "AS112",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved, broadcast",
    "::/96": "unspecified, loopback, IPv4-compatible",
    "::ffff:0:0/96": "IPv4-mapped",
    "::ffff:0:0:0/96": "IPv4-translated",
    "64:ff9b::/96": "NAT64",
    "64:ff9b:1::/48": "local NAT64",
    "100::/64": "discard",
    "2001::/23": "protocol assignments: Teredo, benchmarks, ORCHID",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "2620:4f:8000::/48": "AS112",
    "3fff::/20": "documentation",
    "5f00::/16": "segment routing",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
_NETWORKS = tuple(ipaddress.ip_network(text) for text in NOT_GLOBAL)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # nothing else is assigned to hosts out there

# names that mean this machine or this network, whatever a resolver makes of them (RFC 6761, 6762, 8375, 9476; ICANN)
_SPECIAL_NAMES = frozenset(
    {
        *("localhost", "local", "localdomain", "internal", "intranet", "private", "corp", "home", "lan", "onion"),
        *("test", "example", "invalid", "alt", "arpa"),
    }
)
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")  # a resolver would read it as an IPv4 address
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class RefusedError(Exception):
    """An address that isn't fetched; the text is the reason."""


@dataclass(frozen=True)
class Address:
    """A URL without fragment, and the host that a connection would go to: lower case, ASCII, no dot at the end."""

    url: URL
    host: str
    port: int

    @property
    def origin(self) -> str:
        """What one robots.txt speaks for."""
        return f"{self.url.scheme}://{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`text` as an address; RefusedError when it is malformed, or means to be read in two ways."""
    text = text.strip(" \t\r\n\f")
    _, slashes, rest = text.partition("://")
    if re.match(r"(?!https?:)[a-z][a-z0-9+.-]*:", text, re.IGNORECASE):
        raise RefusedError("scheme not http or https")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not slashes or not authority or len(text) > MOST_CHARACTERS or _CONTROL.search(text):
        raise RefusedError("malformed address")
    if "@" in authority:
        raise RefusedError("user name in the address")
    if any(mark in authority for mark in "\\% \t"):  # read as a slash, as another character, as an end, or not at all
        raise RefusedError("malformed address")
    try:
        url = URL(text).with_fragment(None)
        host, port = (url.raw_host or "").lower(), url.port
    except (ValueError, UnicodeError) as error:
        raise RefusedError("malformed address") from error
    host = host[:-1] if host.endswith(".") else host
    if url.scheme not in ("http", "https") or port is None or not _is_host(host):
        raise RefusedError("malformed address")
    if authority.startswith("[") != (":" in host):  # brackets are for IPv6
        raise RefusedError("malformed address")
    return Address(url, host, port)


def redirected(address: Address, location: str) -> Address:
    """Where an answer of `address` sends us; RefusedError as for any other address."""
    if location.startswith("//"):
        return parse_address(f"{address.url.scheme}:{location}")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", location):
        return parse_address(location)
    try:
        return parse_address(str(address.url.join(URL(location))))
    except ValueError as error:
        raise RefusedError("malformed address") from error


def _is_host(host: str) -> bool:
    """A name of DNS labels, or an IP address in its usual spelling: 127.1, 0x7f.1 and 2130706433 are neither."""
    if ":" in host or _NUMBER.fullmatch(host):
        return literal(host) is not None
    return len(host) <= 253 and _NAME.fullmatch(host) is not None


def literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that `host` spells out, None when it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_global(ip: str) -> bool:
    """Whether an IP address (IPv6 with a zone too) belongs to the internet at large; anything unreadable doesn't."""
    address = literal(ip)
    if address is None or "%" in ip:
        return False
    if any(address in network for network in _NETWORKS if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global


def is_public_name(host: str) -> bool:
    """Whether a name can belong to a public host: at least two labels, and none that means "here"."""
    labels = host.split(".")
    return len(labels) >= 2 and labels[-1] not in _SPECIAL_NAMES


def is_web_port(port: int) -> bool:
    """80, 443, and what servers without rights use: from 1024 up, but for ports of other protocols."""
    return port in PLAIN_PORTS or (FIRST_HIGH_PORT <= port <= 65535 and port not in OTHER_PROTOCOLS)
