"""The weighted sum of FROMAGe's losses over one batch."""

from typing import Any

from stages.grounding.losses import contrastive, next_token_loss
from stages.grounding.recipe import Weights


def losses(model: Any, batch: dict[str, Any], weights: Weights) -> dict[str, Any]:
    """Each loss by name, in nats; those that weigh nothing are left out."""
    found: dict[str, Any] = {}
    features = batch["features"]
    if "caption" in batch:
        found["caption"] = model(features=features, **batch["caption"]).loss
    if "retrieval" in batch:
        given = batch["retrieval"]
        hidden = model(given["input_ids"], given["attention_mask"]).last_hidden_state
        if weights.retrieval_text:
            found["retrieval_text"] = next_token_loss(hidden, given["labels"], model.logits_of)
        if weights.image_to_text or weights.text_to_image:
            texts, images = model.at_ret(hidden, given["input_ids"]), model.image_embeddings(features)
            scale = model.logit_scale.exp()
            found["image_to_text"], found["text_to_image"] = contrastive(images, texts, scale)
    if "dialogue" in batch:
        found["dialogue"] = model(**batch["dialogue"]).loss
    return found


def weighted(model: Any, batch: dict[str, Any], weights: Weights) -> Any:
    """What is minimised. ValueError when every weight is 0."""
    found = losses(model, batch, weights)
    terms = [getattr(weights, name) * loss for name, loss in found.items() if getattr(weights, name)]
    if not terms:
        raise ValueError("every weight in `train.weights` is 0, or no row of a batch has what they are for")
    return sum(terms)
