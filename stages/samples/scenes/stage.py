"""Draw scenes as people have them: pictures, five captions each (COCO's layout), conversations (LLaVA-Instruct's).

`images/<12 digits>.jpg` or `.png`, `captions.json`, `conversations.json`. `drawn.json` tells what every picture
shows and what was planted; nothing that reads the set as a user's looks there.
https://cocodataset.org/#format-data, https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K
"""

import io
import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

from stages.engine import spread
from stages.entry import die_with_parent
from stages.record import new_folder, write_manifest
from stages.samples.scenes.captions import captions_of
from stages.samples.scenes.conversations import Turn, conversation_of
from stages.samples.scenes.dirt import (
    LONG_CAPTION,
    LONG_CAPTION_CHARACTERS,
    MISSING,
    Entry,
    kinds_planted,
    repeated,
    spoilt,
)
from stages.samples.scenes.parameters import Scenes
from stages.samples.scenes.picture import draw_picture
from stages.samples.scenes.scene import imagine

GENERATOR = "plumbline.samples.scenes/1"
PICTURES_A_JOB = 50
PICTURES_A_WORKER = 200  # below this, starting another process takes longer than drawing
FORMATS = ("JPEG",) * 9 + ("PNG",)
SETTINGS: dict[str, dict[str, int]] = {"JPEG": {"quality": 90}, "PNG": {"compress_level": 6}}
SUFFIXES = {"JPEG": ".jpg", "PNG": ".png"}

Drawn = dict[str, Any]  # one entry of drawn.json


def run(params: Scenes, *, out: Path) -> None:
    """Draw `params`' scenes into the folder `out`, on every core."""
    from joblib import cpu_count

    draw_set(params, out, workers=min(cpu_count(), 1 + params.pictures // PICTURES_A_WORKER))


def draw_set(params: Scenes, out: Path, workers: int) -> None:
    """`run` with `workers` processes; their number doesn't change a byte of `out`."""
    from joblib import delayed
    from tqdm import tqdm

    new_folder(out)
    (out / "images").mkdir()
    chunks = [range(at, min(at + PICTURES_A_JOB, params.pictures)) for at in range(0, params.pictures, PICTURES_A_JOB)]
    jobs = [delayed(draw_scenes)(params, out, chunk) for chunk in chunks]
    drawn: list[Drawn] = []
    with tqdm(total=params.pictures, desc="drawing", unit="picture") as progress:
        for entries in spread(jobs, workers, "generator"):
            drawn += entries
            progress.update(len(entries))
    captions = [(entry, caption) for entry in drawn for caption in entry["captions"]]
    conversations = [_entry(entry, turns) for entry in drawn for turns in entry["conversations"]]
    planted = _plant(params, drawn, captions, conversations)
    _write_captions(out / "captions.json", captions)
    _write_lines(out / "conversations.json", conversations)
    _write_lines(out / "drawn.json", [{"generator": GENERATOR, "seed": params.seed, "planted": planted}, *drawn])
    write_manifest(out, _facts(params, drawn, len(captions), conversations, planted))


def draw_scenes(params: Scenes, out: Path, numbers: range) -> list[Drawn]:
    """Write some pictures, each from a chance of its own; what a worker process does."""
    _stay_with_parent()
    return [_draw(params, out, number) for number in numbers]


def _draw(params: Scenes, out: Path, number: int) -> Drawn:
    chance = Random(f"{params.seed}/scene/{number}")
    scene, kind = imagine(chance), chance.choice(FORMATS)
    side = chance.randint(params.smallest_side, params.largest_side)
    draw = chance.random()
    times = 0 if draw < params.silent else 2 if draw < params.silent + params.twice else 1
    name = _name(number, kind)
    (out / "images" / name).write_bytes(_encoded(draw_picture(scene, chance, side), kind))
    return {
        "file": name,
        "id": number + 1,
        "side": side,
        "scene": scene.as_dict(),
        "captions": captions_of(scene, chance),
        "conversations": [conversation_of(scene, chance) for _ in range(times)],
    }


def _name(number: int, kind: str) -> str:
    return f"{number + 1:012d}{SUFFIXES[kind]}"


def _encoded(picture: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **SETTINGS[kind])
    return stream.getvalue()


def _stay_with_parent() -> None:
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        die_with_parent()


def _entry(drawn: Drawn, turns: list[Turn]) -> Entry:
    """As LLaVA-Instruct writes it: the picture's place is before the first question, or behind it."""
    before = Random(f"{drawn['file']}/{turns[0][0]}").random() < 0.5
    said = []
    for number, (question, answer) in enumerate(turns):
        if number == 0:
            question = f"<image>\n{question}" if before else f"{question}\n<image>"
        said += [{"from": "human", "value": question}, {"from": "gpt", "value": answer}]
    return {"id": Path(drawn["file"]).stem, "image": drawn["file"], "conversations": said}


def _plant(
    params: Scenes, drawn: list[Drawn], captions: list[tuple[Drawn, str]], conversations: list[Entry]
) -> list[dict[str, str]]:
    """Add what is to be found out, at places by chance; returns the kind of each and the picture that it names."""
    chance = Random(f"{params.seed}/dirt")
    planted = []
    sound = list(conversations)
    for number, kind in enumerate(kinds_planted(params.pictures, params.dirt) if sound else ()):
        if kind == MISSING:
            gone = params.pictures + number
            lost = {"file": _name(gone, "JPEG"), "id": gone + 1, "side": params.largest_side}
            model = chance.choice([entry for entry in drawn if entry["conversations"]])
            captions += [(lost, caption) for caption in model["captions"]]
            named = str(lost["file"])
            conversations.insert(chance.randint(0, len(conversations)), _entry(lost, model["conversations"][0]))
        elif kind == LONG_CAPTION:
            of, caption = chance.choice(captions)
            named = str(of["file"])
            captions.insert(chance.randint(0, len(captions)), (of, repeated(caption, LONG_CAPTION_CHARACTERS)))
        else:
            entry = chance.choice(sound)
            named = str(entry["image"])
            conversations.insert(chance.randint(0, len(conversations)), spoilt(entry, kind, chance))
        planted.append({"kind": kind, "picture": named})
    return planted


def _write_captions(path: Path, captions: list[tuple[Drawn, str]]) -> None:
    pictures = {entry["id"]: entry for entry, _ in captions}
    images = [
        {"id": one["id"], "file_name": one["file"], "width": one["side"], "height": one["side"], "license": 1}
        for _, one in sorted(pictures.items())
    ]
    annotations = [
        {"id": number, "image_id": entry["id"], "caption": caption}
        for number, (entry, caption) in enumerate(captions, start=1)
    ]
    document = {
        "info": {"description": "drawn scenes", "version": "1", "contributor": GENERATOR},
        "licenses": [{"id": 1, "name": "CC0-1.0", "url": "https://creativecommons.org/publicdomain/zero/1.0/"}],
        "images": images,
        "annotations": annotations,
    }
    path.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_lines(path: Path, entries: list[dict[str, Any]]) -> None:
    """A JSON list with one entry a line, so that a person can search it."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def _facts(
    params: Scenes, drawn: list[Drawn], captions: int, conversations: list[Entry], planted: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "stage": "samples.scenes",
        "generator": GENERATOR,
        "seed": params.seed,
        "pictures": len(drawn),
        "captions": captions,
        "conversations": len(conversations),
        "turns": sum(len(entry["conversations"]) // 2 for entry in conversations),
        "dirt": dict(sorted(Counter(one["kind"] for one in planted).items())),
    }
