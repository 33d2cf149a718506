"""A random Gemma of 32 wide with a tokenizer like Gemma's and its chat template, a few creatures, and a recipe."""

import json
from pathlib import Path
from typing import Any

from stages.naming.recipe import KOREAN, NamingRecipe
from stages.record import Image, Record, Source, Text, write_drops, write_manifest, write_rows

CONTROLS = ("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>")  # ids 0 to 5
# The template of google/gemma-2b-it, written anew: roles alternate, `assistant` is called `model`, no system turn.
CHAT_TEMPLATE = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}"
    "{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)
ELEMENTS = ("fire", "water", "leaf", "stone")
BODIES = ("fox", "bird", "fish")
SYLLABLES = {"fire": "pyr", "water": "aqu", "leaf": "fol", "stone": "lith", "fox": "vul", "bird": "avi", "fish": "pis"}

ROW: dict[str, Any] = {
    "objective": "naming",
    "source": "describe",
    "dataset": "creatures",
    "base": "tiny",
    "task": "name",
    "model": {"id": "tiny"},
    "tokenize": {"max_length": 128},
    "train": {
        "seed": 1,
        "lora_rank": 4,
        "lora_alpha": 8,
        "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
        "learning_rate": 0.01,
        "num_train_epochs": 1,
        "per_device_train_batch_size": 4,
    },
    "evaluate": {"batch_size": 4, "max_new_tokens": 6, "bootstrap_samples": 100, "device": "cpu"},
}
RECIPE = NamingRecipe.model_validate(ROW)


def changed(recipe: NamingRecipe, part: str, **values: Any) -> NamingRecipe:
    """`recipe` with other values in one of its sections, validated again."""
    row = recipe.model_dump()
    return NamingRecipe.model_validate(row | {part: row[part] | values})


def make_tokenizer() -> Any:
    """BPE with "▁" for spaces and bytes for what it doesn't know, Gemma's control tokens, and no <bos> by itself."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    learning = Tokenizer(models.BPE())
    learning.normalizer = normalizers.Replace(" ", "▁")
    learning.pre_tokenizer = pre_tokenizers.Sequence(  # no piece spans two words, as in Gemma's
        [pre_tokenizers.Split("▁", "merged_with_next"), pre_tokenizers.Split("\n", "isolated")]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=440,
        special_tokens=[*CONTROLS, *(f"<0x{byte:02X}>" for byte in range(256))],
        initial_alphabet=["\n", "▁", *(chr(code) for code in range(33, 127))],
        show_progress=False,
    )
    texts = [text for number in range(12) for text in (description(number), name(number))]
    learning.train_from_iterator([*texts, "user\n", "model\n"], trainer)
    learned = json.loads(learning.to_str())["model"]
    merges = [tuple(merge) for merge in learned["merges"]]
    pieces = Tokenizer(models.BPE(learned["vocab"], merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    pieces.normalizer = normalizers.Replace(" ", "▁")
    pieces.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    pieces.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROLS])
    return PreTrainedTokenizerFast(
        tokenizer_object=pieces,
        bos_token="<bos>",
        eos_token="<eos>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens=["<start_of_turn>", "<end_of_turn>"],
        chat_template=CHAT_TEMPLATE,
        padding_side="left",
    )


def make_model(tokenizer: Any, seed: int = 0) -> Any:
    """A random-weight Gemma; equal seeds make equal weights."""
    import torch
    from transformers import GemmaConfig, GemmaForCausalLM

    config = GemmaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=512,
        initializer_range=0.15,  # so wide that greedy answers differ from row to row
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        attn_implementation="eager",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = GemmaForCausalLM(config).eval()
    model.get_input_embeddings().weight.data.mul_(0.25)  # else the head, the same matrix, repeats the token before
    return model


def make_base(folder: Path, seed: int = 0) -> Path:
    """A base folder in the released one's layout: weights, configuration, tokenizer with its chat template."""
    tokenizer = make_tokenizer()
    make_model(tokenizer, seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def description(number: int) -> str:
    """Two traits that follow from `number`, and a mask where the name stood."""
    element, body = ELEMENTS[number % len(ELEMENTS)], BODIES[number // len(ELEMENTS) % len(BODIES)]
    return f"it is a {body} of {element}. it lives near {element} and moves like a {body}."


def name(number: int) -> str:
    """The syllables of the two traits."""
    element, body = ELEMENTS[number % len(ELEMENTS)], BODIES[number // len(ELEMENTS) % len(BODIES)]
    return f"{SYLLABLES[element]}{SYLLABLES[body]}{'o' * (number // 12 % 12)}".capitalize()


def record(number: int, text: str | None = None, label: str | None = None, language: str = "en") -> Record:
    """A described row: two rows a line, every fourth line in `test`."""
    return Record(
        id=f"row-{number:06d}",
        image=Image("", "", "", 0, 0),
        texts=(Text(description(number) if text is None else text, "person"),),
        label=name(number) if label is None else label,
        entity=f"line-{number // 2}",
        source=Source(
            kind="table",
            licence="CC0-1.0",
            file="descriptions.csv",
            importer="table",
            parameters=json.dumps({"language": language, "masked": 1, "row": number}),
        ),
        split="test" if number // 2 % 4 == 3 else "train",
    )


def described(folder: Path, count: int = 16, more: tuple[Record, ...] = ()) -> list[Record]:
    """A finished folder of `describe` with `count` creatures and the rows `more`."""
    folder.mkdir(parents=True)
    records = [*(record(number) for number in range(count)), *more]
    write_rows(folder / "rows.parquet", records)
    write_drops(folder / "drops.csv", [])
    counts = {"rows_in": len(records), "rows_out": len(records), "dropped": {}}
    write_manifest(folder, {"stage": "describe", **counts, "masked": len(records)})
    return records


KOREAN_RECIPE = changed(RECIPE, "tokenize", prompt=KOREAN)
