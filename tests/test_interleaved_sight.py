"""What the tower made of a picture is kept, within bounds, for the very model and the very picture."""

from typing import Any

import pytest
from interleaved import make_model, make_processor, picture

from stages.evaluate.interleaved.asking import Respondent, grey
from stages.interleaved.model import Inputs, Sample, ids_of, levels
from stages.interleaved.sight import Sight


@pytest.mark.parametrize("resampler", [False, True])
def test_a_picture_of_many_rows_is_looked_at_once_and_seen_as_the_model_sees_it(resampler: bool) -> None:
    import torch

    processor = make_processor()
    model, made = make_model(processor, resampler).eval(), Inputs(processor)
    first, second = (levels(picture(number).resize((32, 32))) for number in (0, 1))
    ids = ids_of([None, "a", None, "b"], processor.tokenizer)
    samples = [Sample(ids, [first, second]), Sample(ids, [first, first]), Sample(ids[:5], [second])]
    looked: list[int] = []
    model.model.vision_model.register_forward_hook(lambda *given: looked.append(len(given[-1].last_hidden_state)))
    with torch.inference_mode():
        states = Sight(model, made)(samples)
        batch = made(samples, "left")
        batch.pop("labels")
        theirs = model(**batch).logits
        del batch["pixel_values"]
        given = {"perceiver_embeddings" if resampler else "image_encoder_embeddings": states}
        torch.testing.assert_close(model(**batch, **given).logits, theirs, rtol=1e-4, atol=1e-4)
    assert looked == [2, 6]  # two pictures, where the model by itself looks at three rows' two each


def looks(model: Any) -> list[int]:
    """How many pictures the tower looks at, one entry a pass."""
    looked: list[int] = []
    model.model.vision_model.register_forward_hook(lambda *given: looked.append(len(given[-1].last_hidden_state)))
    return looked


def question(number: int, processor: Any) -> Sample:
    return Sample(ids_of([None, "a"], processor.tokenizer), [levels(picture(number).resize((32, 32)))])


def test_a_picture_is_looked_at_once_while_there_is_room() -> None:
    import torch

    processor = make_processor()
    model = make_model(processor, False).eval()
    samples = [question(number, processor) for number in range(4)]
    looked = looks(model)
    with torch.inference_mode():
        sight = Sight(model, Inputs(processor))
        first = sight(samples[:3])
        again = sight([samples[3], samples[1]])
        assert torch.equal(again[1], first[1])
        assert looked == [3, 1]
        narrow = Sight(model, Inputs(processor), kept=2 * first[0].nbytes)
        narrow(samples[:3])
        assert len(narrow._known) == 2
        # another batch adds in another order
        torch.testing.assert_close(narrow(samples[:3]), first, rtol=1e-5, atol=1e-5)
        assert looked[2:] == [3, 3] or looked[2:] == [3, 1]


def test_a_changed_model_looks_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `ask_all` does it: a copy of the respondent, after the adapter is on."""
    from dataclasses import replace

    import torch

    processor = make_processor()
    model = make_model(processor, False).eval()
    respond = Respondent(model, processor, 4, 4, ())
    samples = [question(0, processor)]
    with torch.inference_mode():
        before = respond.sight(samples)
        model.model.vision_model.embeddings.position_embedding.weight.add_(1.0)
        assert torch.equal(respond.sight(samples), before)  # what a kept one would say
        assert not torch.allclose(replace(respond).sight(samples), before)


def test_grey_pictures_are_one() -> None:
    assert grey(8, 8) is grey(8, 8)
