"""Draw the data set of circled letters: two sides (train, test) that share no word and no font."""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from stages.engine import spread
from stages.entry import die_with_parent
from stages.foundation.paligemma2.typefaces import FontError, Typeface, find_typefaces
from stages.foundation.paligemma2.withheld import is_test_family
from stages.params import UserError
from stages.record import Image, Record, Source, new_folder, write_drops, write_manifest, write_rows
from stages.shards import sha256, sha256_of_file, shard_of, write_shard
from stages.synthesize.drawing import Layout, draw
from stages.synthesize.parameters import Synthesize
from stages.synthesize.plan import Picture, Side, plan_picture
from stages.synthesize.words import WordList, read_withheld, read_word_list, vocabulary_of

GENERATOR = "plumbline.synthesize/1"
ROWS_A_WORKER = 500  # below this, starting another process takes longer than drawing

Row = tuple[str, Side, int]  # id, side, number on that side


def run(params: Synthesize, *, words: Path, out: Path) -> None:
    """Draw `params`' pictures with the words in `words` into the table folder `out`, on every core."""
    from joblib import cpu_count

    rows = params.train_images + params.test_images
    draw_dataset(params, words, out, workers=min(cpu_count(), 1 + rows // ROWS_A_WORKER))


def draw_dataset(params: Synthesize, words: Path, out: Path, workers: int) -> None:
    """`run` with `workers` processes; their number doesn't change a byte of `out`."""
    from joblib import delayed
    from tqdm import tqdm

    word_list = read_word_list(params.words, words)
    typefaces = typefaces_of(params)
    shards = _shards_of_rows(plan_sides(params, word_list, read_withheld(words), typefaces))

    new_folder(out)
    records: list[Record] = []
    jobs = (delayed(draw_shard)(params, out / shard, rows) for shard, rows in sorted(shards.items()))
    with tqdm(total=params.train_images + params.test_images, desc="drawing", unit="picture") as progress:
        for drawn in spread(jobs, workers):
            records += drawn
            progress.update(len(drawn))

    write_rows(out / "rows.parquet", records)
    write_drops(out / "drops.csv", [])
    write_manifest(out, _facts(params, records, word_list, typefaces))


def draw_shard(params: Synthesize, path: Path, rows: list[Row]) -> list[Record]:
    """Draw one shard's pictures and write it whole; what a worker process does."""
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        die_with_parent()
    records, members = [], []
    for row_id, side, number in rows:
        picture = plan_picture(params, side, number)
        data, layout = draw(picture, params.image_size, params.largest)
        member = f"{row_id}.png"
        members.append((member, data))
        image = Image(sha256(data), path.name, member, params.image_size, params.image_size)
        records.append(_record(row_id, image, picture, layout, params.seed))
    write_shard(path, members)
    return records


def typefaces_of(params: Synthesize) -> dict[str, list[Typeface]]:
    """The families' usable font files; UserError when one is not there or lacks letters."""
    try:
        return find_typefaces(params.families, params.font_sources)
    except FontError as error:
        raise UserError(f"`families` or `font_sources`: {error}") from error


def plan_sides(
    params: Synthesize, word_list: WordList, withheld: frozenset[str], typefaces: dict[str, list[Typeface]]
) -> list[tuple[Side, int]]:
    """Each side that has pictures to draw, with their count; UserError when it has no word or no font."""
    sides = []
    for number, (name, count) in enumerate((("train", params.train_images), ("test", params.test_images))):
        if count == 0:
            continue
        test = name == "test"
        families = tuple(tuple(faces) for family, faces in typefaces.items() if is_test_family(family) == test)
        if not families:
            raise UserError(
                f"`families` = {params.families} has no {'test' if test else 'training'} font, but `{name}_images` is "
                f"{count}: add one, or set `{name}_images` to 0. Test fonts are the ones withheld from the base "
                "(stages/foundation/paligemma2/withheld.py); all others are for training."
            )
        sides.append((Side(name, number, vocabulary_of(word_list, withheld, params.words, test), families), count))
    return sides


def _shards_of_rows(sides: list[tuple[Side, int]]) -> dict[str, list[Row]]:
    shards: dict[str, list[Row]] = defaultdict(list)
    for side, count in sides:
        for number in range(count):
            row_id = f"circled_letter-{side.name}-{number:06d}"
            shards[shard_of(row_id)].append((row_id, side, number))
    return shards


def _record(row_id: str, image: Image, picture: Picture, layout: Layout, seed: int) -> Record:
    word, letter = picture.word, picture.word[picture.index]
    drawn = {
        "word": word,
        "index": picture.index,
        "length": len(word),
        "kind": picture.kind,
        "repeated": word.count(letter) > 1,
        "family": picture.typeface.family,
        "style": picture.typeface.style,
        "font_file": picture.typeface.path.name,
        "font_size": round(layout.em, 2),  # final pixels per em
        "padding": round(picture.padding / picture.font_size * layout.em, 2),  # final pixels
        "thickness": round(layout.line, 2),  # final pixels
        "thickness_of_em": round(100 * layout.line / layout.em, 2),
        "ellipse_scale": round(picture.ellipse_scale, 3),
        "box": [round(edge, 1) for edge in layout.box],
        "stretch": round(picture.stretch, 3),
        "slant": picture.slant,
        "weight": picture.weight,
        "blur": round(picture.blur, 2),
        "colours": {"paper": picture.paper, "ink": picture.ink, "ellipse": picture.colour},
    }
    source = Source(
        kind="generator",
        licence="CC0-1.0",
        generator=GENERATOR,
        seed=seed,
        parameters=json.dumps(drawn, separators=(",", ":")),
    )
    return Record(row_id, image, texts=(), label=letter, entity=word.casefold(), source=source)


def _facts(
    params: Synthesize, records: list[Record], word_list: WordList, typefaces: dict[str, list[Typeface]]
) -> dict[str, Any]:
    drawn = [record.source.drawn for record in records]
    return {
        "stage": "synthesize",
        "generator": GENERATOR,
        "rows_out": len(records),
        "dropped": {},
        "images": {"train": params.train_images, "test": params.test_images},
        "kinds": dict(Counter(facts["kind"] for facts in drawn)),
        "families": dict(Counter(facts["family"] for facts in drawn)),
        "repeated_letters": sum(facts["repeated"] for facts in drawn),
        "words": {"source": word_list.name, "sha256": word_list.sha256, "usable": len(word_list.words)},
        "fonts": {face.path.name: sha256_of_file(face.path) for faces in typefaces.values() for face in faces},
    }
