"""Tiny random base, curated set and recipes for the tests of the chat stages.

`make_base(folder)` writes `language/` (Phi) and `vision/` (CLIP); `curated(folder)` a table folder whose
pictures have captions and conversations; ALIGN and INSTRUCT are the two recipes, `changed` varies one.
"""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageDraw

from stages.chat.recipe import ChatRecipe
from stages.features.parameters import FeatureParams
from stages.record import Image, Record, Source, Text, write_drops, write_manifest, write_rows
from stages.shards import sha256, shard_of, write_shard

WIDTH, SIDE, PATCH = 32, 32, 8
VISION_WIDTH, PATCHES = 48, (SIDE // PATCH) ** 2
SPARE = 7  # rows of Phi's matrix beyond its tokenizer, as in phi-2
COLOURS = ("red", "green", "blue", "orange", "purple", "black", "brown", "pink")
THINGS = ("ball", "box")
END = "<|endoftext|>"  # beginning, end and unknown of CodeGen's tokenizer; it has no padding
READING = (
    "USER: What colour is the ball? ASSISTANT: The ball is red.",
    "USER: Is there a box in the picture? ASSISTANT: No, there is a ball.",
    "Describe the picture in one sentence. A small green box on white paper.",
)
_ROW = {
    "objective": "chat",
    "source": "curate",
    "dataset": "scenes",
    "base": "tiny",
    "features": "scenes",
    "model": {"language": {"id": "tiny"}, "vision": {"id": "tiny"}},
    "tokenize": {"max_length": 128, "longest_answer": 60, "captions_a_picture": 2},
    "evaluate": {"batch_size": 8, "max_new_tokens": 6, "bootstrap_samples": 100, "device": "cpu"},
    "train": {
        "seed": 1,
        "quantisation": "none",
        "compute_dtype": "float32",
        "learning_rate": 0.003,
        "projector_learning_rate": 0.01,
        "num_train_epochs": 2,
        "per_device_train_batch_size": 4,
        "lora_rank": 4,
        "lora_alpha": 8,
        "target_modules": ["q_proj", "v_proj", "fc1"],
        "device": "cpu",
    },
}
ALIGN = ChatRecipe.model_validate({**_ROW, "task": "align"})
INSTRUCT = ChatRecipe.model_validate({**_ROW, "task": "instruct", "parent": "trained/scenes_align"})
FEATURES = FeatureParams.model_validate(
    {"source": "curate", "dataset": "scenes", "base": "tiny", "model": {"id": "tiny"}, "what": "patches"}
    | {"batch_size": 4, "device": "cpu"}
)


def changed(recipe: ChatRecipe, part: str, **values: Any) -> ChatRecipe:
    """`recipe` with other values in one of its sections."""
    return recipe.model_copy(update={part: getattr(recipe, part).model_copy(update=values)})


def make_base(folder: Path, seed: int = 0, width: int = WIDTH, spare: int = SPARE) -> Path:
    """Write `language/` and `vision/` under `folder`; equal seeds make equal weights."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _language(folder / "language", width, spare)
        _vision(folder / "vision")
    return folder


def tokenizer() -> Any:
    """A byte-level BPE in CodeGen's form: one special token, no padding token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    pieces.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=340, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    pieces.train_from_iterator(READING, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=pieces, bos_token=END, eos_token=END, unk_token=END)


def _language(folder: Path, width: int, spare: int) -> None:
    from transformers import PhiConfig, PhiForCausalLM

    made = tokenizer()
    made.save_pretrained(folder)
    config = PhiConfig(
        vocab_size=len(made) + spare,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        partial_rotary_factor=0.5,
        initializer_range=0.3,  # so wide that greedy answers differ from row to row
        bos_token_id=made.bos_token_id,
        eos_token_id=made.eos_token_id,
        tie_word_embeddings=False,
    )
    PhiForCausalLM(config).save_pretrained(folder)


def _vision(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    made = tokenizer()
    made.save_pretrained(folder)
    size = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"vocab_size": len(made), "max_position_embeddings": 40, "bos_token_id": 0, "eos_token_id": 0}
    CLIPModel(
        CLIPConfig(
            text_config={**size, **text, "pad_token_id": 0},
            vision_config={**size, "hidden_size": VISION_WIDTH, "image_size": SIDE, "patch_size": PATCH},
            projection_dim=24,
        )
    ).save_pretrained(folder)
    crop = {"height": SIDE, "width": SIDE}
    CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=crop).save_pretrained(folder)


def turns(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """One conversation as `ingest` writes it."""
    return [{"question": question, "answer": answer} for question, answer in pairs]


def picture(number: int, size: int = 48) -> bytes:
    """PNG bytes: a ball or a box, its colour by `number`; no two are equal."""
    drawn = Pillow.new("RGB", (size, size), "white")
    box = (4, 4, size - 6 - number % 9, size - 6 - number % 7)
    draw = ImageDraw.Draw(drawn)
    (draw.ellipse if number % 2 else draw.rectangle)(box, fill=COLOURS[number // 2 % 8])
    drawn.putpixel((number % size, number // size), (number % 256, 1, 2))
    stream = io.BytesIO()
    drawn.save(stream, "PNG")
    return stream.getvalue()


def scene(number: int, conversations: list[list[dict[str, str]]] | None = None) -> Record:
    """Picture `number` with two captions and a conversation of two turns; its bytes are `picture(number)`."""
    colour, thing, name = COLOURS[number // 2 % 8], THINGS[1 - number % 2], f"scene-{number:04d}"
    told = turns(
        ("What colour is it?", f"The {thing} is {colour}."), ("Is it a ball?", "Yes." if thing == "ball" else "No.")
    )
    said = {"conversations": [told] if conversations is None else conversations, "image_in_turn": 0}
    image = Image(sha256(picture(number)), shard_of(name), f"{name}.png", 48, 48)
    texts = tuple(Text(text, "generator:scenes") for text in (f"A {colour} {thing}.", f"There is a {colour} {thing}."))
    source = Source(kind="folder", licence="CC0-1.0", parameters=json.dumps(said), sha256=image.sha256)
    return Record(name, image, texts, "", name, source, "test" if number % 4 == 3 else "train")


def curated(
    folder: Path, count: int = 16, conversations: dict[int, list[list[dict[str, str]]]] | None = None
) -> list[Record]:
    """A finished table folder, three of four pictures for training; `conversations` replaces those of a picture."""
    records = [scene(number, (conversations or {}).get(number)) for number in range(count)]
    write_curated(folder, records)
    return records


def write_curated(folder: Path, records: list[Record]) -> None:
    """Write `records` and the pictures of their numbers as a finished folder."""
    folder.mkdir(parents=True)
    shards: dict[str, list[tuple[str, bytes]]] = {}
    for record in records:
        number = int(Path(record.image.member).stem.rpartition("-")[2])
        shards.setdefault(record.image.shard, []).append((record.image.member, picture(number)))
    for shard, members in shards.items():
        write_shard(folder / shard, members)
    count = write_rows(folder / "rows.parquet", records)
    write_drops(folder / "drops.csv", [])
    write_manifest(folder, {"stage": "curate", "rows_in": count, "rows_out": count, "dropped": {}})


def retold(record: Record, **values: Any) -> Record:
    """`record` with other fields; `conversations` and `captions` are put where they belong."""
    if "conversations" in values:
        said = record.source.drawn | {"conversations": values.pop("conversations")}
        values["source"] = replace(record.source, parameters=json.dumps(said))
    if "captions" in values:
        values["texts"] = tuple(Text(text, "generator:scenes") for text in values.pop("captions"))
    return replace(record, **values)


class Project:
    """Base, curated set, features and token rows of both steps, and both trained adapters, made once each when asked.

    Runs with `params.yaml` (`threads: 1`) in the current folder: `monkeypatch.chdir(project.root)`.
    """

    def __init__(self, root: Path, align: ChatRecipe = ALIGN, instruct: ChatRecipe = INSTRUCT) -> None:
        self.root, self.align_recipe, self.instruct_recipe = root, align, instruct
        root.mkdir(parents=True, exist_ok=True)
        (root / "params.yaml").write_text("threads: 1\n")
        self.bases, self.base = root / "bases", root / "bases" / "tiny"
        make_base(self.base)
        self.curated = root / "curated"
        self.records = curated(self.curated)

    def make(self) -> "Project":
        """Run features -> tokenize -> align -> instruct; the folders are this object's paths."""
        from stages.features.stage import run as features
        from stages.tokenize.chat.stage import run as tokenize
        from stages.train.chat.stage import run as train

        features(FEATURES, pictures=self.curated, base=self.base, out=self.features)
        given = {"features": self.features, "base": self.base}
        for recipe, tokens, parent, out in (
            (self.align_recipe, self.align_tokens, self.root / "none", self.align),
            (self.instruct_recipe, self.instruct_tokens, self.align, self.instruct),
        ):
            tokenize(recipe, curated=self.curated, base=self.base, out=tokens)
            train(recipe, tokenized=tokens, **given, parent=parent, out=out)
        return self

    @property
    def features(self) -> Path:
        return self.root / "features"

    @property
    def align_tokens(self) -> Path:
        return self.root / "align_tokens"

    @property
    def instruct_tokens(self) -> Path:
        return self.root / "instruct_tokens"

    @property
    def align(self) -> Path:
        return self.root / "trained" / "scenes_align"

    @property
    def instruct(self) -> Path:
        return self.root / "trained" / "scenes_instruct"
