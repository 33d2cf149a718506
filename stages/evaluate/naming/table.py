"""The short table on stdout: every method on the same held-out rows."""

from collections.abc import Mapping
from typing import Any

SHALLOW = ("prior", "tfidf_nearest", "tfidf_kernel")  # without a language model
BASELINES = ("chance", *SHALLOW, "blind", "zero_shot")  # what tuned is compared with
VARIANTS = ("zero_shot_per_token", "tuned_per_token", "tuned_less_blind")  # other readings of the same likelihoods
TITLES = {
    "chance": "chance",
    "prior": "likeliest letters, no description",
    "tfidf_nearest": "nearest description (TF-IDF)",
    "tfidf_kernel": "20 nearest descriptions (TF-IDF)",
    "blind": "tuned, description withheld",
    "zero_shot": "zero-shot",
    "tuned": "tuned",
    "zero_shot_per_token": "zero-shot, likelihood a token",
    "tuned_per_token": "tuned, likelihood a token",
    "tuned_less_blind": "tuned, less what it gives blindly",
}
WIDTH = 36
FEW = 10  # held-out names that say nothing about a script


def naming_table(metrics: Mapping[str, Any]) -> str:
    """Ranks of the true name, what was answered, and what tuned leads by."""
    ranking, at = metrics["ranking"], metrics["at"]
    head = "".join(f"{f'R@{k}':>24}" for k in at)
    lines = [
        f"{metrics['rows']} held-out rows of {metrics['entities']} entities; the true name among all "
        f"{metrics['names']} names ({metrics['new_names']} of them never trained on), per cent and 95 % interval",
        f"  {'':<{WIDTH}}{head}{'MRR':>8}{'exact':>8}",
    ]
    if ranking["rows"] < metrics["rows"]:
        lines.insert(1, f"  ranked: a sample of {ranking['rows']} rows, {ranking['entities']} entities alike")
    for name, title in TITLES.items():
        found = ranking["methods"][name]
        shares = "".join(f"{_share(found, f'r_at_{k}'):>24}" for k in at)
        exact = metrics["answers"].get(name, {}).get("exact")
        last = f"{100 * exact:>8.1f}" if exact is not None else ""
        lines.append(f"  {title:<{WIDTH}}{shares}{found['mrr']:>8.3f}{last}".rstrip())
    for name, lead in metrics["tuned_over"].items():
        leads = "".join(f"{_share(lead, f'r_at_{k}', '+'):>24}" for k in at)
        lines.append(f"  {'tuned over ' + TITLES[name]:<{WIDTH + 8}}{leads}")
    lines += [_answered(name, metrics) for name in ("zero_shot", "tuned")]
    return "\n".join([*lines, *(f"  note: {warning}" for warning in warnings(metrics))])


def warnings(metrics: Mapping[str, Any]) -> list[str]:
    """What makes the numbers say little."""
    k = metrics["at"][-1]
    found = [
        f"by R@{k}, tuned is not surely better than: {TITLES[name]}"
        for name, lead in metrics["tuned_over"].items()
        if lead[f"r_at_{k}_low"] <= 0
    ]
    for script, rule in metrics["rules"].items():
        if rule["shuffled"] > 0.5 and rule["held_out"] >= FEW:
            found.append(
                f"{100 * rule['shuffled']:.0f} % of {script.capitalize()} names stay pronounceable with their letters "
                "shuffled; that rule says little"
            )
    return found


def _answered(name: str, metrics: Mapping[str, Any]) -> str:
    said, invented = metrics["answers"][name], metrics["invented"][name]
    text = f"  {TITLES[name]}: one name {100 * said['one_name']:.1f} %, ended by itself {100 * said['ended']:.1f} %"
    text += f", edit similarity {said['edit_similarity']:.2f}"
    if invented["rows"]:
        text += (
            f"; of {invented['rows']} invented names {100 * invented['new']:.1f} % new, "
            f"{100 * invented['valid']:.1f} % valid"
        )
    return text


def _share(found: Mapping[str, Any], name: str, sign: str = "") -> str:
    text = f"{100 * found[name]:{sign}.1f}"
    if f"{name}_low" not in found:
        return text
    return f"{text} [{100 * found[f'{name}_low']:{sign}.1f}, {100 * found[f'{name}_high']:{sign}.1f}]"
