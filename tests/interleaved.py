"""A random IDEFICS of 32 wide with a tokenizer like Llama's, a few drawn sports, and recipes, for tests."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image as Pillow
from PIL import ImageDraw

from stages.interleaved.recipe import InterleavedRecipe
from stages.record import Image, Record, Source, Text, write_drops, write_manifest, write_rows
from stages.shards import sha256, shard_of, write_shard

SIDE = 32
PROMPT = "Question: What sport is in this image? Answer:"
LABELS = ("bobsled", "luge", "figure skating", "golf")
COLOURS = ("red", "blue", "green", "orange", "purple", "black", "brown", "pink")
READING = ("a figure on ice", "two people with a ball. they run", PROMPT, *LABELS)

ROW: dict[str, Any] = {
    "objective": "interleaved",
    "source": "curate",
    "dataset": "sports",
    "base": "tiny",
    "task": "label",
    "model": {"id": "tiny"},
    "tokenize": {"prompt": PROMPT, "answer": "{label}.", "separator": ""},
    "train": {
        "seed": 1,
        "lora_rank": 16,
        "lora_alpha": 32,
        "target_modules": ["q_proj", "k_proj", "v_proj"],
        "learning_rate": 0.01,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 4,
    },
    "evaluate": {"batch_size": 4, "max_new_tokens": 5, "bootstrap_samples": 100, "device": "cpu"},
}
RECIPE = InterleavedRecipe.model_validate(ROW)
CAPTIONS = InterleavedRecipe.model_validate(
    ROW | {"task": "caption", "tokenize": {"prompt": "Caption:", "answer": "{text}.", "separator": "\n"}}
)


def changed(recipe: InterleavedRecipe, part: str, **values: Any) -> InterleavedRecipe:
    """`recipe` with other values in one of its sections, validated again."""
    row = recipe.model_dump()
    return InterleavedRecipe.model_validate(row | {part: row[part] | values})


def make_processor(side: int = SIDE) -> Any:
    """IdeficsProcessor on Pillow with a small tokenizer of Llama's class: <s> begins, </s> ends, <unk> pads."""
    import json

    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import AddedToken, LlamaTokenizer
    from transformers.models.idefics.image_processing_pil_idefics import IdeficsImageProcessorPil
    from transformers.models.idefics.processing_idefics import IdeficsProcessor

    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(prepend_scheme="never"), pre_tokenizers.Punctuation("isolated")]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=440,
        special_tokens=["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))],
        initial_alphabet=["▁", *(chr(code) for code in range(33, 127))],
        show_progress=False,
    )
    pieces.train_from_iterator(READING, trainer)
    learned = json.loads(pieces.to_str())["model"]
    merges = [tuple(merge) for merge in learned["merges"]]
    tokenizer = LlamaTokenizer(vocab=learned["vocab"], merges=merges, unk_token="<unk>", pad_token="<unk>")
    marks = [AddedToken(name, special=True, normalized=False) for name in ("<fake_token_around_image>", "<image>")]
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    return IdeficsProcessor(IdeficsImageProcessorPil(image_size=side), tokenizer)


def make_model(processor: Any, resampler: bool = False, seed: int = 0) -> Any:
    """A random-weight IDEFICS, its gates open; equal seeds make equal weights."""
    import torch
    from transformers import IdeficsConfig, IdeficsForVisionText2Text

    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = IdeficsConfig(
        vocab_size=len(processor.tokenizer) - 2,
        additional_vocab_size=2,  # the two tokens around pictures, as in the released model
        hidden_size=32,
        **layers,
        alpha_initializer="ones",  # pictures matter before any training
        initializer_range=0.3,  # so wide that greedy answers differ from row to row
        pad_token_id=0,
        vision_config={"embed_dim": 32, "image_size": SIDE, "patch_size": 16, **layers},
        use_resampler=resampler,
        perceiver_config={"resampler_n_latents": 3, "resampler_depth": 1, "resampler_n_heads": 2}
        | {"resampler_head_dim": 16},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return IdeficsForVisionText2Text(config)


def make_base(folder: Path, seed: int = 0) -> Path:
    """A base folder in the released one's layout."""
    processor = make_processor()
    make_model(processor, seed=seed).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def picture(number: int, side: int = 48) -> Pillow.Image:
    """A circle whose place and colour follow from `number`."""
    drawn = Pillow.new("RGB", (side, side - 8), "white")
    left = 3 * (number % 7)
    ImageDraw.Draw(drawn).ellipse((left, 4, left + 18, 30), fill=COLOURS[number % len(COLOURS)])
    return drawn


def curated(folder: Path, count: int = 16, texts: Sequence[str] = (), labels: Sequence[str] = LABELS) -> list[Record]:
    """A finished table folder: every fourth picture in `test`, two pictures an entity; the same `texts` for each."""
    folder.mkdir(parents=True)
    records, shards = [], {}
    for number in range(count):
        stream = io.BytesIO()
        picture(number).save(stream, "PNG")
        data, row_id = stream.getvalue(), f"row-{number:03d}"
        image = Image(sha256(data), shard_of(row_id), f"{row_id}.png", *picture(number).size)
        split = "test" if number // 2 % 4 == 3 else "train"
        told = tuple(Text(text.format(number=number), "generator:sports seed 1") for text in texts)
        source = Source(kind="generator", licence="CC0-1.0", generator="sports")
        label = labels[number % len(labels)]
        records.append(Record(row_id, image, told, label, f"scene-{number // 2}", source, split))
        shards.setdefault(image.shard, []).append((image.member, data))
    for shard, members in shards.items():
        write_shard(folder / shard, members)
    write_rows(folder / "rows.parquet", records)
    write_drops(folder / "drops.csv", [])
    write_manifest(folder, {"stage": "curate", "rows_in": count, "rows_out": count, "dropped": {}})
    return records
