"""Merge an adapter into its base: one model folder that other programs load, compared with base + adapter first.

The merged model must answer as base and adapter do together: its logits are compared on the same prompts, after it
was written and read back. If a logit differs by more than the tolerance, nothing is written.
"""

import argparse
from pathlib import Path

from stages.params import UserError, check_params

TRAINED = Path("models/trained")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("adapter", metavar="ADAPTER", help="a recipe's name, or a folder such as models/trained/RECIPE")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="a folder that isn't there, or is empty")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="of the weights written")
    parser.add_argument(
        "--onto",
        choices=("dequantised", "original"),
        default="dequantised",
        help="the weights that the quantised base stands for, which were trained on (default), or those before that",
    )
    parser.add_argument(
        "--tolerance", type=float, metavar="X", help="largest difference of a logit (default: 0.001; bfloat16: 0.5)"
    )
    parser.add_argument("--base-dir", type=Path, default=Path("models/base"), metavar="DIR", help="embedded bases")


def command(given: argparse.Namespace) -> int:
    """Merge, and say what was measured; UserError when that is too much, and nothing is written then."""
    from stages.cli.predict_answers import FACTS, read_content
    from stages.recipe import Model

    if given.tolerance is not None and not given.tolerance > 0:
        raise UserError(f"--tolerance {given.tolerance} is not allowed: a number above 0.")
    adapter = TRAINED / given.adapter if "/" not in given.adapter else Path(given.adapter)
    content = read_content(adapter)
    model = check_params(Model, content.get("model"), "adapter.model", adapter / FACTS)
    name = content.get("base")
    if not isinstance(name, str) or "/" in name or name in ("", ".", ".."):
        raise UserError(f"{adapter / FACTS}: `base` = {name!r} is not allowed: the name of a folder in --base-dir.")

    from stages.merging import merge  # brings torch

    report = merge(
        given.base_dir / name,
        model,
        adapter,
        given.out,
        dtype=given.dtype,
        tolerance=given.tolerance,
        onto=given.onto,
    )
    other = "original" if report.onto == "dequantised" else "dequantised"
    print(
        f"{adapter.name} merged onto the {report.onto} base as {report.dtype} in {given.out}\n"
        f"largest difference of a logit from base + adapter: {report.merged.largest} (tolerance {report.tolerance}); "
        f"likeliest token the same in {report.merged.agree:.2%} of {report.places} places, {report.prompts} prompts\n"
        f"merged onto the {other} base it would be {report.other_base.largest} and {report.other_base.agree:.2%}"
    )
    return 0
