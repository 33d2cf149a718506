"""The tensors that IDEFICS is given are those of its own processor, whatever the padding and the pictures."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interleaved import CAPTIONS, RECIPE, curated, make_processor, picture

from stages.interleaved.model import IGNORED, Inputs, Sample, Views, ids_of, image_mask, levels, picture_tokens
from stages.interleaved.recipe import Tokenize
from stages.interleaved.templates import answered, interleaved
from stages.shards import ShardReader
from stages.tokenize.interleaved.encode import Encoder
from stages.tokenize.interleaved.views import Fit

ANSWERS = ("golf.", "figure skating.", "an ünknown sport!", "luge.")


@pytest.fixture(scope="module")
def processor() -> Any:
    return make_processor()


def asked(template: Tokenize, shots: int) -> list[Any]:
    """A question behind `shots` examples, with real pictures."""
    return interleaved(template, picture(9), examples=[(picture(i), ANSWERS[i % 4]) for i in range(shots)])


@pytest.mark.parametrize("template", [RECIPE.tokenize, CAPTIONS.tokenize])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_batch_is_what_the_processor_makes_of_the_lists(
    processor: Any, template: Tokenize, side: Literal["left", "right"]
) -> None:
    lists = [asked(template, shots) for shots in (0, 2, 1, 4)]
    processor.tokenizer.padding_side = side
    theirs = processor(text=lists, padding="longest", return_tensors="pt")
    fit = Fit.of(processor, "squeeze")
    samples = [
        Sample(ids_of(parts, processor.tokenizer), [levels(fit(part)) for part in parts if not isinstance(part, str)])
        for parts in lists
    ]
    ours = Inputs(processor)(samples, side)
    assert set(theirs) == set(ours) - {"labels"}
    for name, tensor in theirs.items():
        assert tensor.dtype == ours[name].dtype, name
        np.testing.assert_array_equal(tensor.numpy(), ours[name].numpy(), err_msg=name)
    assert bool((ours["labels"] == IGNORED).all())


def test_training_and_inference_read_one_prefix(processor: Any) -> None:
    for template in (RECIPE.tokenize, CAPTIONS.tokenize):
        encoder = Encoder(processor, template)
        tokenizer, prefix = processor.tokenizer, encoder.prefix()
        for answer in ANSWERS:
            encoded = encoder.encode(answer)
            parts = [picture(0), answered(template, answer)]
            trained = processor(text=[parts], add_eos_token=True)["input_ids"][0].tolist()
            assert trained == [*encoded.prefix, *encoded.suffix]
            assert encoded.prefix == prefix
            assert tokenizer.decode(list(encoded.suffix)).strip() == f"{answer}</s>"


@given(st.lists(st.sampled_from(ANSWERS), max_size=8), st.sampled_from([RECIPE.tokenize, CAPTIONS.tokenize]))
@settings(max_examples=15, deadline=None)
def test_a_question_behind_examples_is_their_tokens_joined(answers: list[str], template: Tokenize) -> None:
    processor = make_processor_once()
    encoder = Encoder(processor, template)
    parts = interleaved(template, picture(9), examples=[(picture(0), answer) for answer in answers])
    theirs = processor(text=[parts])["input_ids"][0].tolist()
    prefix = encoder.prefix()
    told = [token for answer in answers for token in encoder.encode(answer).example]
    assert theirs == [*prefix[:1], *told, *prefix[1:]]


def make_processor_once(kept: list[Any] = []) -> Any:  # noqa: B006
    kept[:] = kept or [make_processor()]
    return kept[0]


@given(st.lists(st.lists(st.sampled_from([0, 1, 2, 7, 8, 9]), min_size=9, max_size=9), min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_a_token_looks_at_the_last_picture_before_it(rows: list[list[int]]) -> None:
    from transformers.models.idefics import processing_idefics as theirs

    class Tokenizer:
        eos_token_id = 2

        def convert_tokens_to_ids(self, token: str) -> int:
            return 8

    import torch

    ids = torch.tensor(rows)
    most = max(1, int((ids == 8).sum(1).max()))
    mask, _ = theirs.image_attention_mask_for_packed_input_ids_pt(ids, Tokenizer())
    expected = theirs.incremental_to_binary_attention_mask(mask, "pt", num_classes=most)
    np.testing.assert_array_equal(image_mask(ids.numpy(), 8, 2, most), expected.numpy())


def test_labels_are_the_last_ids_only(processor: Any) -> None:
    shown = [levels(picture(0).resize((32, 32)))]
    batch = Inputs(processor)([Sample((1, 5, 6, 7, 2), shown, learnt=2), Sample((1, 5, 2), shown, learnt=1)], "right")
    assert batch["labels"].tolist() == [[IGNORED] * 3 + [7, 2], [IGNORED] * 2 + [2] + [IGNORED] * 2]
    assert batch["attention_mask"].tolist() == [[1] * 5, [1, 1, 1, 0, 0]]


@pytest.mark.parametrize("mode", ["RGB", "P", "L", "RGBA"])
def test_a_squeezed_view_is_what_the_processor_makes_of_the_picture(processor: Any, mode: str) -> None:
    drawn = picture(3).convert(mode)
    view = Fit.of(processor, "squeeze")(drawn)
    theirs = processor.image_processor([drawn.convert("RGB")], return_tensors="pt")
    np.testing.assert_array_equal(Inputs(processor).table[0][levels(view)[0]], theirs[0][0].numpy())


def test_padding_keeps_the_whole_picture_and_cropping_its_middle(processor: Any) -> None:
    wide = picture(0).resize((64, 16))
    padded, cropped = (np.asarray(Fit.of(processor, how)(wide)) for how in ("pad", "crop"))  # type: ignore[arg-type]
    assert padded.shape == cropped.shape == (32, 32, 3)
    assert (padded[:12] == (123, 117, 104)).all()
    assert (padded[12:20] != (123, 117, 104)).any(axis=-1).all()


def test_a_view_is_decoded_once_while_there_is_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = curated(tmp_path / "set", 3)
    with ShardReader(tmp_path / "set") as shards:
        read: list[str] = []
        monkeypatch.setattr(shards, "read", lambda s, m, d, real=shards.read: read.append(m) or real(s, m, d))
        views = Views(shards)
        first = [views(row.image) for row in records]
        assert [views(row.image) is known for row, known in zip(records, first, strict=True)] == [True] * 3
        assert len(read) == 3
        small = Views(shards, kept=first[0].nbytes)  # room for one
        for row in [*records, *records[::-1]]:
            np.testing.assert_array_equal(small(row.image), first[records.index(row)])
        assert len(read) == 8  # only the last one was still there when it was asked for again


def test_picture_tokens_are_one_token_each(processor: Any) -> None:
    image, around = picture_tokens(processor.tokenizer)
    assert ids_of([None], processor.tokenizer) == (1, around, image, around)
