"""The model card: Hugging Face front matter and a page of Markdown, made of the lineage alone.

Nothing else goes in, so that `verify` can write it again and compare. Texts of the data (hosts, licences, authors)
are a stranger's: what Markdown or HTML would read in them is escaped.
"""

import html
import re
from pathlib import Path
from typing import Any

from stages.lineage.form import Lineage
from stages.seal.figures import Figure, figures

CARD = "README.md"
TEMPLATE = Path(__file__).with_name("card.md")
SPECIAL = re.compile(r"([\\`*_\[\]|~])")
PIPELINES = {  # of the hub's list, by objective or task
    "caption": "image-to-text",
    "answers": "image-text-to-text",
    "interleaved": "image-text-to-text",
    "grounding": "image-text-to-text",
    "chat": "image-text-to-text",
    "naming": "text-generation",
}
LICENCES = (  # those that the hub has a name for, of the ones that pictures and texts come with
    *("cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
    *("cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0"),
    *("mit", "apache-2.0", "bsd-3-clause", "odbl", "pddl", "gfdl", "unlicense"),
)
COLLECTED = {
    "drawn": "All pictures are drawn by a program; none is a photograph.",
    "collected": "The pictures were collected by a search.",
    "imported": "The pictures were imported.",
    "none": "There are no pictures: the model learnt from texts.",
}
SHOWN = 24  # rows of a table of the card; what is more is counted


def render_card(lineage: Lineage) -> str:
    """README.md of the adapter folder."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def finalise(value: Any) -> Any:
        return value if isinstance(value, Markup) else Markup(plain(str(value)))

    environment = Environment(  # `finalize` escapes for Markdown, which autoescape doesn't know
        loader=FileSystemLoader(TEMPLATE.parent),
        finalize=finalise,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["listed"] = _listed
    environment.filters["code"] = lambda value: Markup("`" + re.sub(r"[`\s]+", " ", str(value)) + "`")
    return environment.get_template(TEMPLATE.name).render(
        front=Markup(_yaml(front_matter(lineage))),
        bases=bases_of(lineage),
        lineage=lineage,
        data=lineage.data,
        figures=figures(lineage.metrics),
        pictures=COLLECTED[lineage.data.pictures],
        tables=_tables(lineage),
        training=_training(lineage),
        shown=SHOWN,
    )


def _listed(counts: dict[str, int]) -> str:
    return "; ".join(f"{name}: {count}" for name, count in sorted(counts.items())) or "none"


def plain(text: str) -> str:
    """`text` as Markdown that shows it: on one line, nothing in it a tag, a link, a table's edge or emphasis."""
    return SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def front_matter(lineage: Lineage) -> dict[str, Any]:
    """The card's metadata, in the hub's words."""
    pipeline = PIPELINES.get(lineage.task) or PIPELINES.get(lineage.objective)
    lora = "adapter_config.json" in lineage.adapter.files
    bases = [name for name, _ in bases_of(lineage)]
    facts: dict[str, Any] = {
        "base_model": bases[0] if len(bases) == 1 else bases,
        "base_model_relation": "adapter",
        "library_name": "peft" if lora else "plumbline",
        "datasets": datasets_of(lineage),
        "tags": ["plumbline", *(["lora"] if lora else []), lineage.objective, lineage.task],
        **({"pipeline_tag": pipeline} if pipeline else {}),
        **licence_of(sorted(lineage.data.licences)),
        "plumbline_seal": lineage.seal,
    }
    found = figures(lineage.metrics)
    if found:
        facts["model-index"] = [{"name": lineage.recipe, "results": [_result(lineage, found, pipeline)]}]
    return facts


def bases_of(lineage: Lineage) -> list[tuple[str, str | None]]:
    """(id, revision) of the base, or of each of its two models, once."""
    parts = {part.id: part.revision for part in lineage.base.parts.values()}
    return sorted((parts or {lineage.base.id: lineage.base.revision}).items())


def datasets_of(lineage: Lineage) -> list[str]:
    """The hub's ids of the data sets that were imported from it, else the name of the data folder."""
    rows = [values for stage in lineage.stages for values in stage.params.values() if isinstance(values, dict)]
    return sorted({str(row["hub_id"]) for row in rows if row.get("hub_id")}) or [lineage.data.folder.rpartition("/")[2]]


def licence_of(licences: list[str]) -> dict[str, Any]:
    """`license` as the hub knows it, of one licence; else `other`, with a name that lists them all."""
    if len(licences) == 1 and licences[0].lower() in LICENCES:
        return {"license": licences[0].lower()}
    if not licences:
        return {"license": "unknown"}
    return {"license": "other", "license_name": "-and-".join(re.sub(r"[^a-z0-9.]+", "-", x.lower()) for x in licences)}


def _result(lineage: Lineage, found: list[Figure], pipeline: str | None) -> dict[str, Any]:
    data = lineage.data.folder.rpartition("/")[2]
    return {
        "task": {"type": pipeline or lineage.task, "name": lineage.task},
        "dataset": {"type": data, "name": data, "split": "test"},
        "metrics": [
            {
                "type": figure.name,
                "name": f"{figure.name} (95 % interval {figure.low} to {figure.high})",
                "value": figure.after,
                "args": {"low": figure.low, "high": figure.high, "before": figure.before},
            }
            for figure in found
        ],
    }


def _tables(lineage: Lineage) -> list[tuple[str, list[tuple[str, int]]]]:
    """(what, rows with their counts, the commonest first) for each side of the data that has any."""
    data = lineage.data
    sides = {
        "Licence": data.licences,
        "Kind of source": data.kinds,
        "Host": data.hosts,
        "Author of texts": data.authors,
        "Generator and seed": data.generators,
    }
    return [(name, sorted(found.items(), key=lambda one: (-one[1], one[0]))) for name, found in sides.items() if found]


def _training(lineage: Lineage) -> dict[str, Any]:
    """The numbers of the run: the `train` params of the recipe, as dvc.lock has them."""
    stage = next((stage for stage in lineage.stages if stage.name == f"train@{lineage.recipe}"), None)
    values = stage.params.get(f"recipes.{lineage.recipe}.train") if stage else None
    found: dict[str, Any] = {}
    for key, value in (values if isinstance(values, dict) else {}).items():
        found |= {f"{key}.{name}": inner for name, inner in value.items()} if isinstance(value, dict) else {key: value}
    return {key: value for key, value in found.items() if value is not None}


def _yaml(facts: dict[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=1_000_000)).rstrip("\n")
