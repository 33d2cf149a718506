"""A Gemma of 1 M parameters in transformers' own class, with a tokenizer of Gemma's layout and its chat template."""

import string
from collections import Counter
from typing import Any

HIDDEN, LAYERS, HEADS, HEAD_WIDTH, FEED_FORWARD = 128, 4, 2, 64, 384  # multiples of 64: NF4 quantises blocks of 64
VOCABULARY, LONGEST = 1600, 1024
START_OF_TURN, END_OF_TURN = "<start_of_turn>", "<end_of_turn>"
SPECIAL = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", START_OF_TURN, END_OF_TURN)
SPACE = "▁"
# how a document writes a user's turn, the model's, and the end of one
CHAT_TEMPLATE_TURNS = (f"{START_OF_TURN}user\n", f"{START_OF_TURN}model\n", END_OF_TURN)
# Gemma's own (ai.google.dev/gemma/docs/formatting): the model's role is "model", a system role is refused.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if message['role'] == 'assistant' %}{% set role = 'model' %}"
    "{% else %}{% set role = message['role'] %}{% endif %}"
    "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)


def make_tokenizer(texts: list[str]) -> Any:
    """GemmaTokenizer whose pieces are letters and the most frequent beginnings of words in `texts`.

    Merges begin at a blank alone. So a made-up word is always spelt by the same letters, wherever syllables
    meet, and what is learned of one word's spelling holds for every other; what no piece spells is written in bytes.
    """
    from transformers import GemmaTokenizer

    words = Counter(SPACE + word for text in texts for line in text.split("\n") for word in line.split(" ") if word)
    letters = sorted({char for word in words for char in word} | set(string.printable[:95]) - {" "} | {"\n", SPACE})
    beginnings: Counter[str] = Counter()
    for word, count in words.items():
        for end in range(2, len(word) + 1):
            beginnings[word[:end]] += count
    known = [*SPECIAL, *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    # a beginning is at least as frequent as what goes on from it, so each merge finds its left half made
    ordered = sorted(beginnings, key=lambda piece: (-beginnings[piece], len(piece), piece))
    pieces = ordered[: VOCABULARY - len(known)]
    merges = [(piece[:-1], piece[-1]) for piece in pieces]
    tokenizer = GemmaTokenizer(
        vocab={piece: number for number, piece in enumerate([*known, *pieces])},
        merges=merges,
        additional_special_tokens=[START_OF_TURN, END_OF_TURN],
        model_max_length=LONGEST,
        add_bos_token=True,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def make_model(tokenizer: Any) -> Any:
    """GemmaForCausalLM with random weights (float32), attention made ready to copy; seed torch before.

    Attention is "eager": on a CPU in bfloat16 the fused one's backward pass took half of a whole step.
    """
    from transformers import GemmaConfig, GemmaForCausalLM

    config = GemmaConfig(
        vocab_size=VOCABULARY,
        hidden_size=HIDDEN,
        intermediate_size=FEED_FORWARD,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        head_dim=HEAD_WIDTH,
        max_position_embeddings=LONGEST,
        initializer_range=0.04,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = GemmaForCausalLM._from_config(config, attn_implementation="eager")
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids(END_OF_TURN)]
    model.generation_config.eos_token_id = ends  # as Gemma's instruction-tuned models
    _ready_to_copy(model.model)
    return model


def _ready_to_copy(inner: Any) -> None:
    """Start attention near the identity, and two heads of the first layer one and two places back.

    A token then looks for tokens like itself and passes on what it finds (mimetic initialisation: Trockman and
    Kolter 2023, arXiv:2305.09828). RoPE alone tells places apart, so the heads that look back need a part that all
    tokens share: the first number of every embedding.
    """
    import torch

    rates = inner.rotary_emb.inv_freq
    with torch.no_grad():
        inner.embed_tokens.weight[:, 0] = 0.2
        for number, layer in enumerate(inner.layers):
            basis, attention = torch.linalg.qr(torch.randn(HIDDEN, HIDDEN))[0], layer.self_attn
            queries, keys = 0.8 * basis.T, 0.8 * basis.T
            if number == 0:
                for head, back in enumerate((1, 2)):
                    rows = slice(head * HEAD_WIDTH, (head + 1) * HEAD_WIDTH)
                    queries[rows], keys[rows] = queries[rows] * 0.2, keys[rows] * 0.2
                    # what a key of the token `back` places before will be turned by is taken back beforehand
                    fast = (rates > 0.1) * 1.5  # slow turns don't tell neighbours apart
                    keys[rows, 0] = torch.cat([fast, torch.zeros_like(rates)])
                    queries[rows, 0] = torch.cat([fast * (back * rates).cos(), -fast * (back * rates).sin()])
            attention.q_proj.weight.copy_(queries)
            attention.k_proj.weight.copy_(keys)
            attention.v_proj.weight.copy_(basis.T)
            attention.o_proj.weight.copy_(0.4 * basis)
