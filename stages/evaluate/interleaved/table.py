"""The short table on stdout: every method on the same pictures."""

from collections.abc import Mapping
from typing import Any

LABEL_METHODS = {
    "majority": "most frequent label",
    "histogram": "nearest colours",
    "thumbnail": "nearest thumbnails",
    "blind": "tuned, without the picture",
}
CAPTION_METHODS = {
    "usual": "most frequent caption",
    "histogram": "nearest colours",
    "thumbnail": "nearest thumbnails",
    "blind": "tuned, without the picture",
    "zero_shot": "zero-shot",
}
RULES = {"exact": "exact match", "synonym": "synonyms count", "closed": "chosen from the list"}


def label_table(metrics: Mapping[str, Any]) -> str:
    """Per cent right by every rule, with 95 % intervals."""
    rules = [rule for rule in RULES if rule in metrics["tuned"]]
    lines = [
        f"{metrics['rows']} test pictures, {metrics['classes']} classes; per cent right, 95 % interval",
        f"  {'':<28}" + "".join(f"{RULES[rule]:>26}" for rule in rules),
        f"  {'chance':<28}" + f"{100 * metrics['chance']:>10.1f}",
    ]
    lines += [_row(title, metrics[name], rules) for name, title in LABEL_METHODS.items()]
    lines.append(_row("zero-shot", metrics["zero_shot"], rules))
    lines += [_row(f"{shots}-shot, mean of seeds", found, rules) for shots, found in metrics["few_shot"].items()]
    lines.append(_row("tuned", metrics["tuned"], rules))
    lines.append(_row("lift over zero-shot, paired", metrics["lift"], rules, "+"))
    if "over_few_shot" in metrics:
        lines.append(_row(f"lift over {metrics['best_shots']}-shot, paired", metrics["over_few_shot"], rules, "+"))
    test = metrics["mcnemar"][metrics["rule"]]
    lines.append(f"  McNemar: {test['c']} rows newly right, {test['b']} newly wrong, p = {test['p']:.2g}")
    lines.append(f"  worse than before: {', '.join(metrics['worse']) or 'no class'}")
    return "\n".join([*lines, *warnings(metrics)])


def warnings(metrics: Mapping[str, Any]) -> list[str]:
    """What makes the number say little."""
    rule = metrics["rule"]
    found = [
        f"  note: {title} reaches over half of tuned; what is tuned says little"
        for name, title in LABEL_METHODS.items()
        if metrics[name][rule] > metrics["tuned"][rule] / 2
    ]
    if metrics["lift"][f"{rule}_low"] <= 0:
        found.append("  note: tuned is not surely better than zero-shot")
    return found


def caption_table(metrics: Mapping[str, Any]) -> str:
    """BLEU-4, CIDEr and ROUGE-L against all references, and captions that name what no reference names."""
    lines = [
        f"{metrics['rows']} test pictures, {metrics['references']} references; 95 % interval of CIDEr",
        f"  {'':<28}{'CIDEr':>24}{'BLEU-4':>8}{'ROUGE-L':>9}{'invented names':>16}",
    ]
    methods = CAPTION_METHODS | {
        name: f"{name.split('_')[0]}-shot, seed {name.split('_')[-1]}"
        for name in metrics["captioning"]
        if "_shot_" in name
    }
    for name, title in (*methods.items(), ("tuned", "tuned")):
        lines.append(_caption_row(title, metrics["captioning"][name]))
    for name, lead in metrics["tuned_over"].items():
        between = f"[{lead['cider_low']:+.2f}, {lead['cider_high']:+.2f}]"
        lines.append(f"  {'tuned over ' + name.replace('_', '-'):<28}{lead['cider']:+8.2f} {between}")
    return "\n".join(lines)


def _caption_row(title: str, found: Mapping[str, Any]) -> str:
    between = f"{found['cider']:.2f} [{found['cider_low']:.2f}, {found['cider_high']:.2f}]"
    rest = f"{found['bleu4']:8.1f}{found['rouge_l']:9.3f}{100 * found['invented_names']:14.1f} %"
    return f"  {title:<28}{between:>24}{rest}"


def _row(title: str, found: Mapping[str, float], rules: list[str], sign: str = "") -> str:
    shares = [[100 * found[f"{rule}{end}"] for end in ("", "_low", "_high")] for rule in rules]
    cells = (f"{mean:{sign}.1f} [{low:{sign}.1f}, {high:{sign}.1f}]" for mean, low, high in shares)
    return f"  {title:<28}" + "".join(f"{cell:>26}" for cell in cells)
