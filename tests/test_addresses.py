"""Addresses: what is malformed or ambiguous is refused, and every range that isn't out there is known."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from stages.scrape.download import addresses
from stages.scrape.download.addresses import (
    NOT_GLOBAL,
    Address,
    RefusedError,
    is_global,
    is_public_name,
    is_web_port,
    parse_address,
    redirected,
)

GLOBAL = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "100.63.255.255", "100.128.0.1", "172.32.0.1", "223.255.255.255"]
GLOBAL += ["2001:4860:4860::8888", "2606:4700::1111", "2a00:1450:4001::1", "2003::1", "2620:4f:8001::1"]
# what ipaddress takes for global (Python 3.11.7), and what is no address to connect to all the same
PASSED_BY_LIBRARY = [
    *("64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "::7f00:1", "::ffff:0:7f00:1", "224.0.0.1", "239.1.2.3"),
    *("ff02::1", "ff0e::1", "fec0::1", "5f00::1", "3fff::1", "192.88.99.1", "192.0.0.8", "192.0.0.9", "168.63.129.16"),
    *("192.31.196.1", "192.52.193.1", "192.175.48.1", "2620:4f:8000::1"),
]


@pytest.mark.parametrize("network", NOT_GLOBAL)
def test_every_range_is_refused_from_end_to_end(network: str) -> None:
    within = ipaddress.ip_network(network)
    middle = within[within.num_addresses // 2]
    assert not any(is_global(str(address)) for address in (within[0], middle, within[-1]))


@pytest.mark.parametrize("ip", GLOBAL)
def test_addresses_out_there_pass(ip: str) -> None:
    assert is_global(ip)


@pytest.mark.parametrize("ip", PASSED_BY_LIBRARY)
def test_the_table_refuses_what_the_library_passes(ip: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_global(ip)
    monkeypatch.setattr(addresses, "_NETWORKS", ())
    monkeypatch.setattr(addresses, "_GLOBAL_UNICAST", ipaddress.IPv6Network("::/0"))
    assert is_global(ip) == ipaddress.ip_address(ip).is_global
    if not (ip.startswith("192.0.0.") or ip.startswith("3fff")):  # later releases of Python know these
        assert is_global(ip)


@pytest.mark.parametrize("ip", ["", "fe80::1%eth0", "2001:4860:4860::8888%1", "8.8.8.8 ", "08.8.8.8", "x", "1.2.3"])
def test_what_cannot_be_read_is_not_global(ip: str) -> None:
    assert not is_global(ip)


@given(st.integers(0, 2**32 - 1))
def test_no_ipv4_address_is_global_once_it_is_wrapped(number: int) -> None:
    wrapped = [(0x0064FF9B << 96) | number, (0x2002 << 112) | (number << 80), (0xFFFF << 32) | number, number]
    assert not any(is_global(str(ipaddress.IPv6Address(value))) for value in wrapped)


MALFORMED = [
    *("", "http://", "http:///x", "http:x", "http:/x", "/x", "//x.com/", "http//x.com", "http://x.com:99999/"),
    *("http://x.com:a/", "http://x.com:80:90/", "http://[::1/", "http://[::1%25lo]/", "http://[fe80::1%eth0]/"),
    *("http://x..com/", "http://.x.com/", "http://-x.com/", "http://x.com\\y.com/", "http://x.com%2fy/"),
    *("http://ex%61mple.com/", "http://x.com\x00/", "http://x.com/\x00", "http://x.com/a\nb", "http://x y.com/"),
    *("http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/"),
    *("http://017700000001/", "http://127.0.1/", "http://0/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://1.0x/"),
    *(
        "http://x.com../",
        "http://" + "a" * 64 + ".com/",
        "http://x.com/" + "a" * 5000,
        "http://[v1.x]/",
        "http://\ud800/",
    ),
]


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed_addresses_are_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="malformed address"):
        parse_address(text)


@pytest.mark.parametrize("text", ["ftp://x.com/", "file:///etc/passwd", "data:image/png;base64,AA", "gopher://x.com/"])
def test_other_schemes_are_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="scheme"):
        parse_address(text)


@pytest.mark.parametrize("text", ["http://a@x.com/", "http://a:b@x.com/", "http://x.com@127.0.0.1/", "http://@x.com/"])
def test_user_names_are_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="user name"):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("http://X.com/a b?q=1#f", "x.com", 80),
        ("HTTPS://x.com.", "x.com", 443),
        (" http://x.com:8080/\n", "x.com", 8080),
        ("http://m\u00fcnchen.de/", "xn--mnchen-3ya.de", 80),
        ("http://\uff11\uff12\uff17.0.0.1/", "127.0.0.1", 80),
        ("http://127\u30020\u30020\u30021/", "127.0.0.1", 80),
        ("http://\u24db\u24decalhost/", "localhost", 80),
        ("http://127.0.0.1./", "127.0.0.1", 80),
        ("http://[::FFFF:127.0.0.1]:81/", "::ffff:7f00:1", 81),
        ("http://a_b.x.com/", "a_b.x.com", 80),
        ("http://x.com/a@b\\c", "x.com", 80),
    ],
)
def test_the_host_is_what_would_be_connected_to(text: str, host: str, port: int) -> None:
    address = parse_address(text)
    assert (address.host, address.port) == (host, port)
    assert address.url.fragment == ""


@given(st.text() | st.text(alphabet="htps:/@\\.[]%0127x#?&localhost\uff0e\u3002\u2460 ", min_size=3))
def test_any_text_is_refused_or_an_address(text: str) -> None:
    for candidate in (text, "http://" + text):
        try:
            address = parse_address(candidate)
        except RefusedError:
            continue
        assert address.url.scheme in ("http", "https")
        assert address.url.user is None
        assert address.host == address.host.lower()
        assert parse_address(str(address.url)) == address  # what is reported leads to the same place


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/b", "http://x.com/b"),
        ("b?c", "http://x.com/a/b?c"),
        ("//y.com/b", "http://y.com/b"),
        ("https://y.com/", "https://y.com/"),
        ("?q", "http://x.com/a/p?q"),
        ("/\\evil.com", "http://x.com/%5Cevil.com"),
    ],
)
def test_redirects_are_joined(location: str, expected: str) -> None:
    assert str(redirected(parse_address("http://x.com/a/p"), location).url) == expected


@pytest.mark.parametrize("location", ["ftp://x.com/", "file:///x", "http:/y.com", "//a@y.com/", "http://[", "data:,x"])
def test_redirects_are_checked_like_any_address(location: str) -> None:
    with pytest.raises(RefusedError):
        redirected(Address(URL("http://x.com/"), "x.com", 80), location)


def test_names_and_ports() -> None:
    assert is_public_name("x.com")
    for name in ("localhost", "a.localhost", "router", "x.local", "x.internal", "x.home.arpa", "x.test", "y.onion"):
        assert not is_public_name(name)
    assert all(map(is_web_port, (80, 443, 1024, 8080, 8443, 65535)))
    assert not any(map(is_web_port, (0, 1, 22, 25, 81, 445, 1023, 2049, 6000, 6667, 10080)))
