"""LLaVA put together from parts: cached patches say what pixels say, and replies are what the model would say alone."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chatting import ALIGN, INSTRUCT, PATCHES, VISION_WIDTH, WIDTH, changed, make_base, picture
from PIL import Image

from stages.chat import model as room
from stages.chat.build import build, load_projector, save_projector
from stages.chat.generation import Reply, reply
from stages.chat.model import attach_tower, inputs_embeds, load_tokenizer
from stages.chat.projector import begin
from stages.chat.templates import Templates
from stages.features import patches as features
from stages.features.patches import patches_of
from stages.features.tower import Tower, load_tower
from stages.params import UserError
from stages.train.chat.pace import Pace

QUESTIONS = ("What is it?", "Is there a red box in this picture, or a ball?", "Red?", "What colour is the box?")


class Made:
    """An untrained model over a tiny base, its tower, and four pictures' patches."""

    def __init__(self, base: Path, **train: Any) -> None:
        self.recipe = changed(ALIGN, "train", **train)
        self.model, self.tokenizer = build(base, self.recipe, "cpu")
        self.tower: Tower = load_tower(base, self.recipe.model.vision, "cpu")
        self.pictures: list[Image.Image] = [Image.open(io.BytesIO(picture(number))) for number in (0, 1, 6, 9)]
        self.patches = patches_of(self.tower, self.pictures)
        self.templates = Templates(self.tokenizer, self.recipe.tokenize, PATCHES)
        self.prefixes = [self.templates.prefix([(question, None)]) for question in QUESTIONS]

    def replies(self, rows: list[int], seen: Any = ..., **more: Any) -> list[Reply]:
        shown = self.patches[rows] if seen is ... else seen
        given: dict[str, Any] = {"max_new_tokens": 6, "batch_size": 8} | more
        return reply(self.model, self.tokenizer, [self.prefixes[row] for row in rows], shown, **given)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("model") / "base")


@pytest.fixture(scope="module")
def made(base: Path) -> Made:
    return Made(base)


@pytest.mark.parametrize(("projector", "quantisation"), [("mlp", "none"), ("residual", "none"), ("mlp", "nf4")])
def test_pixels_through_the_whole_model_give_the_cached_logits(base: Path, projector: str, quantisation: str) -> None:
    one = Made(base, projector=projector, quantisation=quantisation)
    attach_tower(one.model, one.tower.vision)
    sample = one.templates.sample([("What is it?", "A ball."), ("Red?", "No.")])
    ids = torch.tensor([sample.ids] * 4)
    with torch.no_grad():
        whole = one.model(input_ids=ids, pixel_values=one.tower.pixels(one.pictures)).logits
        cached = one.model(inputs_embeds=inputs_embeds(one.model, ids, torch.from_numpy(one.patches))).logits
        half = torch.from_numpy(one.patches.astype(np.float16))
        narrow = one.model(inputs_embeds=inputs_embeds(one.model, ids, half)).logits
    torch.testing.assert_close(cached, whole, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(narrow, whole, rtol=5e-2, atol=5e-2)  # float16 on disk
    assert float((whole[0] - whole[2]).abs().max()) > 0.1  # a mix-up of pictures would show
    assert room.LAYER == features.LAYER == one.model.config.vision_feature_layer
    assert type(one.model).__name__ == "LlavaForConditionalGeneration"
    assert one.model.lm_head.bias is not None  # Phi's own head


def test_only_the_projector_is_trained_and_in_float32(base: Path) -> None:
    one = Made(base, quantisation="nf4", compute_dtype="bfloat16")
    one.model.model.multi_modal_projector.requires_grad_(True)
    trained = {name: p.dtype for name, p in one.model.named_parameters() if p.requires_grad}
    assert set(trained.values()) == {torch.float32}
    assert all("multi_modal_projector" in name for name in trained)
    kinds = {type(module).__name__ for module in one.model.model.language_model.modules()}
    assert "Linear4bit" in kinds
    with torch.autocast("cpu", torch.bfloat16):
        assert one.model.model.multi_modal_projector(torch.from_numpy(one.patches)).dtype == torch.float32


@pytest.mark.parametrize("projector", ["mlp", "residual"])
def test_a_projector_begins_as_large_as_a_word_and_tells_patches_apart(base: Path, projector: str) -> None:
    one = Made(base, projector=projector)
    part, words = one.model.model.multi_modal_projector, one.model.get_input_embeddings().weight * 0.05
    # CLIP's hidden layers: a large part that all patches share, and one dimension that dwarfs the rest
    patches = torch.from_numpy(one.patches) + 20
    patches[..., 3] *= 50

    def measured() -> tuple[float, float]:
        with torch.no_grad():
            out = part(patches).reshape(-1, WIDTH)
        varied = float((out - out.mean(0)).square().sum() / out.square().sum())
        return float(out.square().mean().sqrt() / words.square().mean().sqrt()), varied

    size, varied = measured()
    assert not (0.5 < size < 2 and varied > 0.5)  # PyTorch's own beginning
    begin(part, patches, words)
    size, varied = measured()
    assert 0.8 < size < 1.25
    assert varied > 0.5


def test_replies_in_a_batch_are_those_of_each_row_alone(made: Made) -> None:
    together = made.replies([0, 1, 2, 3])
    assert together == [made.replies([row])[0] for row in range(4)]  # left padding changes nothing
    assert together == made.replies([0, 1, 2, 3], batch_size=3)
    assert len({one.text for one in together}) > 1
    swapped = made.replies([0, 1, 2, 3], seen=made.patches[[1, 0, 3, 2]])
    assert swapped != together  # the picture matters, and its place
    assert reply(made.model, made.tokenizer, [], None, max_new_tokens=1, batch_size=1) == []


def test_a_reply_is_what_greedy_steps_without_a_cache_say(made: Made) -> None:
    ids, seen = list(made.prefixes[1]), torch.from_numpy(made.patches[1:2])
    chance = 1.0
    for _ in range(6):
        with torch.no_grad():
            logits = made.model(inputs_embeds=inputs_embeds(made.model, torch.tensor([ids]), seen)).logits[0, -1]
        logits[made.templates.image :] = -torch.inf
        ids.append(int(logits.argmax()))
        chance *= float(logits.softmax(-1).max())
        if ids[-1] == made.templates.end:
            break
    said = made.replies([1])[0]
    assert said.text == made.tokenizer.decode(ids[len(made.prefixes[1]) :], skip_special_tokens=True).strip()
    assert said.score == pytest.approx(chance, abs=2e-6)
    assert said.ended == (ids[-1] == made.templates.end)


def test_an_answer_ends_where_the_model_says_so(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    bias = made.model.lm_head.bias
    saved = bias.detach().clone()
    with torch.no_grad():
        bias[made.templates.end] = 1000
    assert made.replies([0, 1]) == [Reply("", 1.0, True)] * 2
    with torch.no_grad():
        bias.copy_(saved)
        bias[made.templates.end] = -1000
        bias[made.templates.image :] = 1000  # what no token means is never said
    never = made.replies([0, 1])
    assert not any(one.ended for one in never)
    assert all(one.text and "<image>" not in one.text for one in never)
    with torch.no_grad():
        bias.copy_(saved)


def test_a_withheld_picture_is_the_prefix_without_it(made: Made) -> None:
    blind = made.replies([0, 1], seen=None)
    bare = [made.templates.prefix([(QUESTIONS[row], None)], picture=False) for row in (0, 1)]
    assert blind == reply(made.model, made.tokenizer, bare, None, max_new_tokens=6, batch_size=8)
    assert blind != made.replies([0, 1])


def test_patches_that_don_t_fit_the_places_are_refused(made: Made) -> None:
    ids = torch.tensor([made.prefixes[0]])
    for seen in (None, torch.from_numpy(made.patches[:2]), torch.from_numpy(made.patches[:1, 1:])):
        with pytest.raises(ValueError, match="<image> tokens, but"):
            inputs_embeds(made.model, ids, seen)
    with pytest.raises(ValueError, match="2 prefixes, but 1 pictures"):
        made.replies([0, 1], seen=made.patches[:1])
    with pytest.raises(UserError, match="positions for 256"):
        made.replies([0], max_new_tokens=250)


def test_a_language_model_without_spare_rows_never_looks_the_picture_s_token_up(tmp_path: Path) -> None:
    one = Made(make_base(tmp_path / "tight", spare=0))
    assert one.model.get_input_embeddings().num_embeddings == one.templates.image
    assert len(one.replies([0, 1, 2])) == 3


def test_the_picture_s_token_is_the_last_and_padding_is_the_end(base: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(base / "language", ALIGN.model.language)
    assert tokenizer.convert_tokens_to_ids("<image>") == len(tokenizer) - 1
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    tokenizer.add_tokens(["<more>"])
    tokenizer.save_pretrained(tmp_path / "language")
    with pytest.raises(UserError, match="already has <image>"):
        load_tokenizer(tmp_path / "language", ALIGN.model.language)


def test_a_projector_survives_its_file_and_another_one_is_refused(base: Path, tmp_path: Path) -> None:
    first, other = Made(base, seed=1), Made(base, seed=2)
    save_projector(first.model, tmp_path)
    assert first.replies([0, 1]) != other.replies([0, 1])
    load_projector(other.model, tmp_path)
    assert first.replies([0, 1]) == other.replies([0, 1])
    with pytest.raises(UserError, match=r"trained for another model .*found \[32, 48\], expected None"):
        load_projector(Made(base, projector="residual").model, tmp_path)
    (tmp_path / "projector.safetensors").write_bytes(b"nothing")
    with pytest.raises(UserError, match="can't be read as safetensors"):
        load_projector(other.model, tmp_path)
    with torch.no_grad():
        first.model.model.multi_modal_projector.linear_1.bias[0] = torch.nan
    save_projector(first.model, tmp_path)
    with pytest.raises(UserError, match="aren't finite"):
        load_projector(other.model, tmp_path)


@pytest.mark.parametrize("ratio", [0.1, 5.0])
def test_a_paced_step_is_the_step_at_its_own_rate(ratio: float) -> None:
    torch.manual_seed(0)
    data = torch.randn(8, VISION_WIDTH)
    ends = []
    for paced in (True, False):
        torch.manual_seed(1)
        part = torch.nn.Linear(VISION_WIDTH, 3)
        pace = Pace(part, ratio)
        rate = 0.01 if paced else 0.01 * ratio
        optimiser = torch.optim.AdamW(part.parameters(), lr=rate, weight_decay=0.1)
        for _ in range(5):
            optimiser.zero_grad()
            part(data).square().mean().backward()
            optimiser.step()
            if paced:
                pace()
        ends.append(part.weight.detach().clone())
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-4, atol=1e-5)
    assert INSTRUCT.train.projector_rate / INSTRUCT.train.learning_rate == pytest.approx(10 / 3)
