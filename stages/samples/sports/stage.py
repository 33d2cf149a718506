"""Draw sports as people have them: class folders with the dirt of real sets, and pictures with five captions each.

`classes/<sport>/<file>`, `captioned/images/<n>.jpg` and `captioned/captions.csv` (Flickr30k's pipe format).
`drawn.json` tells what every file shows and what is wrong with it; nothing that reads the set as a user's looks there.
"""

import io
import json
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from stages.engine import spread
from stages.entry import die_with_parent
from stages.record import new_folder, write_manifest
from stages.samples.sports.captions import captions_of
from stages.samples.sports.catalogue import SPORTS
from stages.samples.sports.parameters import Sports
from stages.samples.sports.picture import draw_picture
from stages.samples.sports.plan import HTML, TRUNCATED, File, plan_files

GENERATOR = "plumbline.samples.sports/1"
HEADER = "image_name| comment_number| comment"
EXTRA_SEPARATORS = 200  # one caption in as many has a separator in its text
PICTURES_A_WORKER = 300  # below this, starting another process takes longer than drawing
CAPTIONED_A_JOB = 100
SETTINGS: dict[str, dict[str, int]] = {
    "JPEG": {"quality": 88},
    "PNG": {"compress_level": 1},
    "WEBP": {"quality": 88, "method": 1},
}
ERROR_PAGE = """<!DOCTYPE html>
<html><head><title>404 Not Found</title></head>
<body><h1>Not Found</h1><p>The picture {name} was not found on this server.</p></body></html>
"""

Drawn = dict[str, Any]  # one entry of drawn.json


def run(params: Sports, *, out: Path) -> None:
    """Draw `params`' sports into the folder `out`, on every core."""
    from joblib import cpu_count

    pictures = params.pictures * len(SPORTS) + params.captioned
    draw_set(params, out, workers=min(cpu_count(), 1 + pictures // PICTURES_A_WORKER))


def draw_set(params: Sports, out: Path, workers: int) -> None:
    """`run` with `workers` processes; their number doesn't change a byte of `out`."""
    from joblib import delayed
    from tqdm import tqdm

    folders: dict[str, list[File]] = defaultdict(list)
    for file in plan_files(params):
        folders[file.folder].append(file)
    numbers = range(params.captioned)
    chunks = [numbers[start : start + CAPTIONED_A_JOB] for start in numbers[::CAPTIONED_A_JOB]]

    new_folder(out)
    jobs = [delayed(draw_folder)(params, out, files) for files in folders.values()]
    jobs += [delayed(draw_captioned)(params, out, chunk) for chunk in chunks]
    entries: list[Drawn] = []
    with tqdm(total=sum(map(len, folders.values())) + params.captioned, desc="drawing", unit="picture") as progress:
        for drawn in spread(jobs, workers):
            entries += drawn
            progress.update(len(drawn))
    entries.sort(key=lambda entry: str(entry["file"]))
    if params.captioned:
        _write_captions(params, out, [entry for entry in entries if "captions" in entry])
    _write_drawn(out / "drawn.json", params, entries)
    write_manifest(out, _facts(params, entries))


def draw_folder(params: Sports, out: Path, files: list[File]) -> list[Drawn]:
    """Write the files of one class folder; what a worker process does."""
    _stay_with_parent()
    folder = out / "classes" / files[0].folder
    folder.mkdir(parents=True)
    entries = []
    for file in files:
        data, facts = _file(params, file)
        (folder / file.name).write_bytes(data)
        entry: Drawn = {"file": f"classes/{file.path}", "sport": file.sport, "number": file.number, "drawn": facts}
        if file.dirt:
            entry["dirt"] = file.dirt
        if file.copy_of:
            entry["copy_of"] = f"classes/{file.copy_of}"
        entries.append(entry)
    return entries


def draw_captioned(params: Sports, out: Path, numbers: range) -> list[Drawn]:
    """Write some captioned pictures; the sports take turns."""
    _stay_with_parent()
    folder = out / "captioned" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    labels, entries = list(SPORTS), []
    for number in numbers:
        sport, chance = labels[number % len(labels)], Random(f"{params.seed}/captioned/{number}")
        picture, facts = draw_picture(sport, chance, params.image_size)
        path = folder / f"{number:06d}.jpg"
        path.write_bytes(_encoded(picture, "JPEG"))
        entries.append(
            {
                "file": f"captioned/images/{path.name}",
                "sport": sport,
                "number": number,
                "drawn": facts.as_dict(),
                "captions": captions_of(facts, chance),
            }
        )
    return entries


def _file(params: Sports, file: File) -> tuple[bytes, Drawn]:
    """The bytes of a class file and what they show; a copy is drawn again, which gives the same bytes."""
    if file.dirt == HTML:
        return ERROR_PAGE.format(name=file.name).encode(), {}
    chance = Random(f"{params.seed}/class/{file.sport}/{file.number}")
    picture, facts = draw_picture(file.sport, chance, params.image_size)
    data = _encoded(picture, file.format)
    if file.dirt == TRUNCATED:
        data = data[: int(len(data) * chance.uniform(0.2, 0.7))]
    return data, facts.as_dict()


def _encoded(picture: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **SETTINGS[kind])
    return stream.getvalue()


def _stay_with_parent() -> None:
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        die_with_parent()


def _write_captions(params: Sports, out: Path, entries: list[Drawn]) -> None:
    """captions.csv; the entries of `drawn.json` keep the captions without the extra separators."""
    rows = [(entry, number) for entry in entries for number in range(len(entry["captions"]))]
    chance = Random(f"{params.seed}/separators")
    split = set(chance.sample(range(len(rows)), round(len(rows) / EXTRA_SEPARATORS)))
    lines = [HEADER]
    for index, (entry, number) in enumerate(rows):
        caption = str(entry["captions"][number])
        if index in split:
            words = caption.split(" ")
            words.insert(chance.randrange(1, len(words)), "|")
            caption = " ".join(words)
            entry.setdefault("extra_separator", []).append(number)
        lines.append(f"{Path(entry['file']).name}| {number}| {caption}")
    (out / "captioned" / "captions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_drawn(path: Path, params: Sports, entries: list[Drawn]) -> None:
    """One entry a line, so that a person can search it."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False, sort_keys=True) for entry in entries)
    path.write_text(
        f'{{"generator": "{GENERATOR}", "seed": {params.seed}, "files": [\n{lines}\n]}}\n', encoding="utf-8"
    )


def _facts(params: Sports, entries: list[Drawn]) -> dict[str, Any]:
    planted = Counter(str(entry["dirt"]) for entry in entries if "dirt" in entry)
    return {
        "stage": "samples.sports",
        "generator": GENERATOR,
        "seed": params.seed,
        "classes": len(SPORTS),
        "class_files": sum("captions" not in entry for entry in entries),
        "captioned": sum("captions" in entry for entry in entries),
        "dirt": dict(sorted(planted.items())),
        "extra_separators": sum(len(entry.get("extra_separator", [])) for entry in entries),
    }
