"""Small tables to curate: drawn words, and pictures from outside with planted copies."""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageFilter

from stages.curate import stage
from stages.curate.decide import Evidence, Ruling, decide
from stages.curate.decisions import COLUMNS, read_decisions, resolve
from stages.curate.decode import Facts, Quarantine
from stages.curate.parameters import Curate
from stages.foundation.paligemma2.withheld import is_test_word
from stages.params import check_params
from stages.record import Image, Record, Source, write_manifest, write_rows
from stages.shards import sha256, shard_of, write_shard

ROOT = Path(__file__).parents[1]
WORDS = ROOT / "data" / "words"
NO_DECISIONS = ROOT / "data" / "decisions" / "none.csv"
BLOCKLIST = ROOT / "data" / "blocklist.txt"

TRAIN_WORDS = [word for word in ("apple", "bridge", "candle", "dragon", "engine", "forest") if not is_test_word(word)]
TEST_WORDS = [f"word{chr(97 + n)}" for n in range(26) if is_test_word(f"word{chr(97 + n)}")]
TRAIN_FONT, TEST_FONT_FAMILY = "Roboto", "Caladea"


def curate(**changes: Any) -> Curate:
    """Parameters as they would stand in params.yaml."""
    row = {"source": "scrape", "dataset": "toy", "decisions": "toy", "split": "entities", "test_share": 0.4}
    return check_params(Curate, {**row, **changes}, "curate.toy")


BY_WORDS = curate(source="synthesize", split="words_and_fonts")
BY_ENTITIES = curate(source="synthesize")


def png(number: int) -> bytes:
    """A small picture that no other number gives."""
    stream = io.BytesIO()
    PillowImage.new("RGB", (4, 3), (number % 256, number // 256, 0)).save(stream, "PNG")
    return stream.getvalue()


def picture_of(row_id: str) -> bytes:
    return png(int.from_bytes(row_id.encode()) % 60000)


def a_row(row_id: str, word: str, family: str = TRAIN_FONT, picture: bytes | None = None, **changes: Any) -> Record:
    """A row of a drawn table that marks the word's first letter; its picture follows from its id."""
    data = picture_of(row_id) if picture is None else picture
    image = Image(sha256(data), shard_of(row_id), f"{row_id}.png", 4, 3)
    source = Source("generator", "CC0-1.0", parameters=json.dumps({"word": word, "index": 0, "family": family}))
    return replace(Record(row_id, image, (), word[0], word.casefold(), source), **changes)


def both_sides() -> list[Record]:
    train = [a_row(f"a{number}", word) for number, word in enumerate(TRAIN_WORDS)]
    return train + [a_row(f"t{number}", word, TEST_FONT_FAMILY) for number, word in enumerate(TEST_WORDS)]


def scene(number: int, size: tuple[int, int] = (96, 72)) -> PillowImage.Image:
    """A picture with large shapes and fine grain, like no other number's."""
    numbers = np.random.default_rng(number)
    coarse = PillowImage.fromarray(numbers.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    picture = coarse.resize((288, 216), PillowImage.Resampling.BICUBIC)
    grain = PillowImage.fromarray(numbers.integers(0, 256, (216, 288, 3), dtype=np.uint8))
    return PillowImage.blend(picture, grain.filter(ImageFilter.GaussianBlur(1)), 0.15).resize(size)


def encoded(picture: PillowImage.Image, kind: str = "JPEG", **settings: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **settings)
    return stream.getvalue()


def fetched(row_id: str, entity: str, data: bytes, licence: str = "CC-BY-4.0", **said: Any) -> Record:
    """A row as `scrape` writes it: bytes as they came, nothing decoded; the label is the entity's."""
    digest = sha256(data)
    label = said.pop("label", entity)
    image = Image(digest, shard_of(digest), digest, 0, 0)
    url = f"http://gallery.test/{row_id}"
    source = Source("url", licence, url=url, date="2024-01-01", parameters=json.dumps(said), sha256=digest)
    return Record(row_id, image, (), label, entity, source)


def a_table(folder: Path, rows: Iterable[Record], pictures: Mapping[str, bytes] | None = None) -> Path:
    """A finished table folder; `pictures` (by row id) replaces what a row's id would give."""
    folder.mkdir(parents=True)
    rows = list(rows)
    shards: dict[str, dict[str, bytes]] = {}
    for row in rows:
        data = (pictures or {}).get(row.id, picture_of(row.id))
        shards.setdefault(row.image.shard, {})[row.image.member] = data
    for shard, members in shards.items():
        write_shard(folder / shard, members.items())
    write_rows(folder / "rows.parquet", rows)
    write_manifest(folder, {"stage": "raw", "dropped": {}, "rows_out": len(rows)})
    return folder


def run(params: Curate, raw: Path, out: Path, words: Path = WORDS, decisions: Path = NO_DECISIONS) -> Path:
    stage.run(params, raw=raw, words=words, decisions=decisions, blocklist=BLOCKLIST, out=out)
    return out


# Rows with invented facts, for what is decided without opening a picture.


def digest_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def a_hash(*bits: int) -> bytes:
    """64 bits, with these set."""
    return sum(1 << bit for bit in set(bits)).to_bytes(8, "big")


def seen(row_id: str, entity: str, picture: str | None = None, **changes: Any) -> Record:
    """A fetched row of the picture called `picture` (default: its own)."""
    digest = digest_of(picture or row_id)
    licence = changes.pop("licence", "CC-BY-4.0")
    source = Source("url", licence, sha256=digest)
    record = Record(row_id, Image(digest, shard_of(digest), digest, 0, 0), (), entity, entity, source)
    return replace(record, **changes)


def facts(*hashes: bytes, **changes: Any) -> Facts:
    usual = Facts(width=300, height=200, format="JPEG", bytes=9000, sharpness=400.0, contrast=50.0, hashes=hashes)
    return replace(usual, **changes)


def rule(
    params: Curate,
    rows: Iterable[Record],
    looks: Mapping[str, Facts | Quarantine] | None = None,
    decisions: str = "",
    folder: Path | None = None,
) -> Ruling:
    """Decide about `rows`; `looks` by picture name (default: sharp, large and like no other), `decisions` CSV lines."""
    rows = list(rows)
    known: dict[str, Facts | Quarantine] = {row.image.sha256: facts() for row in rows}
    known |= {digest_of(name): look for name, look in (looks or {}).items()}
    if folder is None:
        return decide(params, Evidence(rows, known))
    path = folder / "decisions.csv"
    path.write_text(",".join(COLUMNS) + "\n" + decisions, encoding="utf-8")
    return decide(params, Evidence(rows, known, decided=resolve(read_decisions(path), [row.origin for row in rows])))


def line(decision: str, one: str, other: str = "") -> str:
    """A line of the decisions file about pictures called `one` and `other`."""
    return f"{digest_of(one)[:12]},{decision},{digest_of(other)[:12] if other else ''},Ada,\n"


def reasons(ruling: Ruling) -> dict[str, str]:
    return {drop.id: drop.reason for drop in ruling.drops}


def sides(ruling: Ruling) -> dict[str, str]:
    return {record.id: record.split for record in ruling.kept}
