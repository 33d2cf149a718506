"""The sealed folder's README.md as a model card, checked with the hub's own library, without asking the hub."""

from typing import Any

from stages.lineage.export.sealed import Sealed
from stages.params import UserError

NEEDED = ("base_model", "library_name", "tags", "pipeline_tag", "model-index")


def write(sealed: Sealed) -> str:
    """The card's text; UserError when the hub's library wouldn't read it as one, or it is of another seal."""
    path = sealed.folder / "README.md"
    if not path.is_file():
        raise UserError(f"{path} is missing: `dvc checkout`, or `dvc repro seal@{sealed.lineage.recipe}` writes it.")
    with path.open(encoding="utf-8", newline="") as stream:
        text = stream.read()
    front = _front_matter(text, str(path))
    missing = [key for key in NEEDED if not front.get(key)]
    if missing:
        raise UserError(f"{path}: the front matter has no `{'`, `'.join(missing)}`; seal the adapter anew.")
    if sealed.lineage.seal not in text:
        raise UserError(f"{path} doesn't name the seal {sealed.lineage.seal[:12]}: it is another adapter's card.")
    return text


def _front_matter(text: str, where: str) -> dict[str, Any]:
    """The YAML before the card's text, as `huggingface_hub` understands it (model-index included)."""
    from huggingface_hub import ModelCard
    from yaml import YAMLError

    try:
        data: Any = ModelCard(text, ignore_metadata_errors=False).data  # without types in the library
    except (ValueError, TypeError, KeyError, YAMLError) as error:
        raise UserError(f"{where} is no model card ({error}); seal the adapter anew.") from error
    return dict(data.to_dict())
