"""The local search service: what it lists, what it serves, what is wrong with it on purpose, and where it listens."""

import io
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import requests
from PIL import Image, ImageOps
from protego import Protego

from stages.creatures.drawing import draw
from stages.creatures.species import species_of
from stages.params import UserError
from stages.scrape.parameters import Catalogue
from stages.scrape.service import HOSTS, Conduct, Entry, Running, build, process, queries_of, running
from stages.scrape.service.__main__ import prerender
from stages.scrape.service.bodies import render
from stages.scrape.service.catalogue import BARE
from stages.scrape.service.faults import FAULTS
from stages.scrape.service.listing import fingerprint, listed

CATALOGUE = Catalogue(seed=3, species=10, views=8, faults=0.6, image_size=64)
ENTRIES = build(CATALOGUE)
ENDLESS = 200_000  # bytes after which a test has seen enough


@pytest.fixture(scope="module")
def service() -> Iterator[Running]:
    with running(CATALOGUE, Conduct(drip_seconds=2)) as started:
        yield started


@pytest.fixture(autouse=True)
def _as_new(request: pytest.FixtureRequest) -> None:
    if "service" in request.fixturenames:
        requests.post(f"http://127.0.0.1:{request.getfixturevalue('service').port}/_reset", timeout=10)


def planted(fault: str) -> Entry:
    return next(entry for entry in ENTRIES if entry.fault == fault)


def get(service: Running, entry: Entry, path: str = "") -> tuple[requests.Response, bytes]:
    """The answer (redirects not followed) and at most ENDLESS bytes of its decoded body."""
    url = f"http://{service.addresses[entry.host]}:{service.port}{path or entry.path}"
    with requests.get(url, headers={"Host": entry.host}, stream=True, allow_redirects=False, timeout=20) as answer:
        body = b""
        for block in answer.iter_content(8192):
            body += block
            if len(body) > ENDLESS:
                break
    return answer, body


def drawn(entry: Entry) -> np.ndarray:
    species = {kind.name: kind for kind in species_of(CATALOGUE.seed, CATALOGUE.species)}
    return np.asarray(draw(species[entry.species], entry.view, CATALOGUE.seed, CATALOGUE.image_size), dtype=float)


def difference(body: bytes, entry: Entry) -> float:
    """Mean difference in grey levels (0-255) between a body, upright and at the drawing's size, and the drawing."""
    picture = ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB")
    picture = picture.resize((CATALOGUE.image_size,) * 2)
    grey = (0.299, 0.587, 0.114)
    return float(np.abs(np.asarray(picture, dtype=float) @ grey - drawn(entry) @ grey).mean())


def test_the_catalogue_follows_from_its_parameters() -> None:
    assert build(CATALOGUE) == ENTRIES
    assert len({entry.path for entry in ENTRIES}) == len(ENTRIES) == 80
    assert sum(entry.fault != "" for entry in ENTRIES) == 48
    assert {entry.fault for entry in ENTRIES} == {"", *(fault.name for fault in FAULTS)}
    assert build(CATALOGUE.model_copy(update={"seed": 4})) != ENTRIES
    assert [query.entity for query in queries_of(CATALOGUE)] == list(dict.fromkeys(entry.species for entry in ENTRIES))


def test_ten_thousand_addresses_with_a_fifth_of_them_faulty() -> None:
    entries = build(Catalogue(species=400, views=25))
    assert len({entry.url for entry in entries}) == 10_000
    assert sum(entry.fault != "" for entry in entries) == 2_000
    assert Counter(entry.recoverable for entry in entries if not entry.fault) == {True: 8_000}
    assert {entry.host for entry in entries} == set(HOSTS)
    assert BARE not in {entry.host for entry in entries if entry.fault == "robots"}  # it disallows nothing
    good = {entry.url: entry for entry in entries if not entry.fault}
    for copy in (entry for entry in entries if entry.fault.startswith("copy: ")):
        original = good[copy.copy_of]
        assert (original.species, original.view) == (copy.species, copy.view)


def test_without_an_original_there_is_no_copy() -> None:
    entries = build(Catalogue(species=2, views=1, faults=0.99))
    assert all(entry.fault and not entry.fault.startswith("copy") for entry in entries)


def test_what_is_good_can_be_had(service: Running) -> None:
    for entry in [entry for entry in ENTRIES if not entry.fault][:8]:
        answer, body = get(service, entry)
        picture = Image.open(io.BytesIO(body))
        assert (answer.status_code, picture.format, picture.size) == (200, entry.format, (entry.width, entry.height))
        assert answer.headers["Content-Type"] == f"image/{entry.format.lower()}"
        assert difference(body, entry) < 6


@pytest.mark.parametrize("fault", ["no licence", "wrong type", "noai: otherbot: noai"])
def test_what_only_looks_odd_is_a_good_picture(service: Running, fault: str) -> None:
    answer, body = get(service, planted(fault))
    assert answer.status_code == 200
    assert difference(body, planted(fault)) < 6
    assert planted("no licence").licence_url == ""
    assert (answer.headers["Content-Type"] == "text/plain") == (fault == "wrong type")
    assert answer.headers.get("X-Robots-Tag") == ("otherbot: noai" if "noai" in fault else None)


def test_copies_look_like_their_originals(service: Running) -> None:
    for fault in ("exact", "resized", "recompressed", "grey", "other format"):
        copy = planted(f"copy: {fault}")
        original = next(entry for entry in ENTRIES if entry.url == copy.copy_of)
        (_, body), (_, wanted) = get(service, copy), get(service, original)
        assert (body == wanted) == (fault == "exact")
        picture = Image.open(io.BytesIO(body))
        assert (picture.format, picture.size) == (copy.format, (copy.width, copy.height))
        assert difference(body, original) < 12
        assert (copy.width < original.width) == (fault == "resized")
        assert (copy.format != original.format) >= (fault == "other format")


def test_exif_turns_the_picture_upright(service: Running) -> None:
    _, body = get(service, planted("exif"))
    exif = Image.open(io.BytesIO(body)).getexif()
    assert exif[0x0112] == 6
    assert exif.get_ifd(0x8825)[1] == "N"
    assert difference(body, planted("exif")) < 6


def test_what_fails_once_comes_the_second_time(service: Running) -> None:
    for _ in range(2):
        assert get(service, planted("503 once"))[0].status_code == 503
        assert difference(get(service, planted("503 once"))[1], planted("503 once")) < 6
        with pytest.raises(requests.ConnectionError, match="reset by peer"):
            get(service, planted("reset once"))
        assert difference(get(service, planted("reset once"))[1], planted("reset once")) < 6
        counts = requests.get(f"http://127.0.0.1:{service.port}/_counts", timeout=10).json()
        assert counts["hits"][f"{planted('reset once').host}{planted('reset once').path}"] == 2
        requests.post(f"http://127.0.0.1:{service.port}/_reset", timeout=10)


def test_what_can_not_be_had(service: Running) -> None:
    for status in ("404", "410"):
        assert get(service, planted(status))[0].status_code == int(status)
    cut, page = get(service, planted("truncated"))[1], get(service, planted("html"))[1]
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(cut)).load()
    assert page.startswith(b"<!doctype html>")
    assert planted("html").path.endswith(".jpg")
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="more expected"):
        get(service, planted("lying length"))
    started = time.monotonic()
    dripped = get(service, planted("drip"))[1]
    assert len(dripped) <= 20
    assert time.monotonic() - started > 1
    for endless in ("huge", "gzip bomb"):
        answer, body = get(service, planted(endless))
        assert len(body) > ENDLESS
        assert int(answer.headers.get("Content-Length", 0)) < 100_000
    for own in ("noai: noai", "noai: noindex, noimageai", "noai: plumbline: noai"):
        assert get(service, planted(own))[0].headers["X-Robots-Tag"] == own.removeprefix("noai: ")


def test_redirects(service: Running) -> None:
    hosts = {entry.host: entry for entry in ENTRIES}

    def followed(entry: Entry) -> list[str]:
        """Where one is sent, hop by hop, five at most."""
        url, answer, seen = entry.url, get(service, entry)[0], []
        while "Location" in answer.headers and len(seen) < 5:
            url = answer.headers["Location"]
            seen.append(url)
            host = url.split("/")[2]
            if host not in HOSTS:
                break
            answer = get(service, hosts[host], url.split(host)[1])[0]
        assert answer.status_code in (200, 302)
        return seen

    (target,) = followed(planted("redirect"))
    assert target.split("/")[2] in HOSTS
    assert target.split("/")[2] != planted("redirect").host
    assert len(followed(planted("redirect: loop"))) == 5
    (inside,) = followed(planted("redirect: inside"))
    assert inside.split("/")[2] not in HOSTS
    ip = f"{service.addresses[planted('redirect: inside').host]}:{service.port}"
    for fault in ("redirect", "redirect: loop", "redirect: inside"):  # by IP, a naive client stays on loopback
        answer = requests.get(f"http://{ip}{planted(fault).path}", allow_redirects=False, timeout=10)
        assert answer.headers["Location"].startswith(("http://127.0.0.1:1/", f"http://{ip}/moved/"))


def test_robots_allow_all_that_is_recoverable(service: Running) -> None:
    rules = {}
    for entry in ENTRIES:
        if entry.host not in rules:
            answer, body = get(service, entry, "/robots.txt")
            rules[entry.host] = (answer.status_code, Protego.parse(body.decode("utf-8-sig") if answer.ok else ""))
        status, parsed = rules[entry.host]
        allowed = status < 500 and parsed.can_fetch(entry.url, "plumbline")
        if entry.fault.startswith("robots"):
            assert not allowed, entry
        assert allowed or not entry.recoverable, entry
    assert {500, 200} <= {status for status, _ in rules.values()}


def test_a_host_is_its_own_address(service: Running) -> None:
    entry = planted("")
    other = next(host for host in HOSTS if host != entry.host)

    def status(ip: str, host: str) -> int:
        return requests.get(f"http://{ip}:{service.port}{entry.path}", headers={"Host": host}, timeout=10).status_code

    mine = service.addresses[entry.host]
    assert status(mine, entry.host) == status(mine, f"{mine}:{service.port}") == 200
    assert status(service.addresses[other], f"{service.addresses[other]}:{service.port}") == 200  # the path decides
    assert status(service.addresses[other], other) == 404
    assert status(service.addresses[other], entry.host) == 421
    assert status(mine, "example.org") == 421


def test_it_listens_on_loopback_alone(service: Running) -> None:
    listening = {
        (to.laddr.ip, to.laddr.port)
        for to in psutil.Process(service.pid).net_connections("inet")
        if to.status == psutil.CONN_LISTEN
    }
    assert listening == {(ip, service.port) for ip in ("127.0.0.1", *service.addresses.values())}
    assert all(ip.startswith("127.") for ip, _ in listening)


def test_a_taken_port_is_a_user_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.9", 0))
        taken.listen()
        with (
            pytest.raises(UserError, match=r"did not start.*in use"),
            running(CATALOGUE, port=taken.getsockname()[1]),
        ):
            pass


def test_a_child_that_breaks_is_a_user_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MODULE", "stages.scrape.nowhere")
    with pytest.raises(UserError, match="did not answer"), running(CATALOGUE):
        pass


PARENT = """
import sys, time
sys.path.insert(0, {folder!r})
from stages.scrape.parameters import Catalogue
from stages.scrape.service import process, running
process.MODULE = {module!r}
with running(Catalogue(species=2, views=1)) as service:
    print(service.pid, flush=True)
    time.sleep(60)
"""
ORPHAN = "from stages.scrape.service import server\nserver.die_with_parent = lambda: None\nserver.main()\n"


@pytest.mark.parametrize("module", [process.MODULE, "orphan"])
def test_it_dies_with_its_parent(tmp_path: Path, module: str) -> None:
    """And without the defence it does not."""
    (tmp_path / "orphan.py").write_text(ORPHAN)
    script = PARENT.format(module=module, folder=str(tmp_path))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.getcwd()])}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout is not None
        assert select.select([parent.stdout], [], [], 60)[0]
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    gone, _ = psutil.wait_procs([child], timeout=20 if module == process.MODULE else 0.5)
    try:
        assert bool(gone) == (module == process.MODULE)
    finally:
        if child.is_running():
            child.send_signal(signal.SIGKILL)


def test_bodies_are_drawn_beforehand(tmp_path: Path) -> None:
    small = Catalogue(species=2, views=3, image_size=64)
    prerender(small, tmp_path)
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert sorted(kept.values()) == sorted(render(small, entry) for entry in build(small))
    assert not [path for path in kept if "." in path.name]  # nothing half-written


def test_another_catalogue_has_another_name() -> None:
    names = {
        fingerprint(listed(CATALOGUE.model_copy(update={key: value})), 8)
        for key, value in (("seed", 3), ("seed", 4), ("species", 11), ("views", 9), ("faults", 0.5))
    }
    assert len(names) == 5
    assert fingerprint(listed(CATALOGUE), 9) not in names


def test_titles_are_hostile_and_odd_results_are_there() -> None:
    items = [item for items in listed(Catalogue()).values() for item in items]
    titles = " ".join(item["title"] for item in items)
    assert all(text in titles for text in ("<img src=x onerror=", "=cmd|", "</script>", "\u202e", "<image>"))
    assert any("original" not in item for item in items)
    assert any(item.get("original", "").startswith("x-raw-image:///") for item in items)
    assert any("original_width" not in item for item in items)
    assert not [item for item in items if not item["link"].startswith("http://")]
