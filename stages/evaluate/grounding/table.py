"""The short table on stdout: every method on the same rows."""

from typing import Any

METHODS = {
    "blind": "blind",
    "thumbnail": "nearest thumbnails",
    "histogram": "nearest colours",
    "probe": "linear probe",
    "clip": "frozen CLIP",
    "before": "before training",
    "tuned": "tuned",
}
SPEAKERS = {
    "usual": "the usual answer",
    "unseen": "tuned, without the picture",
    "before": "before training",
    "tuned": "tuned",
}


def summary(metrics: dict[str, Any]) -> str:
    """Retrieval, captions and dialogue, with 95 % intervals, and tuned's lead over the frozen CLIP."""
    rows, entities = metrics["rows"], metrics["entities"]
    scored = metrics["retrieval"]
    lines = [f"{rows} held-out pictures of {entities} entities, {metrics['captions']} captions; 95 % intervals"]
    lines.append(f"  {'text to image, R@1 in per cent':<32} {100 * scored['tuned']['t2i_r1_chance']:6.1f}  by chance")
    lines += [_line(title, scored[name], "t2i_r1") for name, title in METHODS.items() if name in scored]
    lead = metrics["tuned_over"]["clip"]
    lines.append(_line("tuned over CLIP, paired", lead, "t2i_r1", sign="+"))
    said = metrics["captioning"]
    lines.append(
        "  captions, BLEU-4 and CIDEr: "
        + "; ".join(f"{name} {said[name]['bleu4']:.1f} and {said[name]['cider']:.2f}" for name in ("before", "tuned"))
    )
    if "dialogue" in metrics:
        lines.append(f"  {'dialogue, right answers by turn':<32} " + " ".join(f"{turn:>6}" for turn in _turns(metrics)))
        lines += [_by_turn(title, metrics["dialogue"][name]) for name, title in SPEAKERS.items()]
    return "\n".join([*lines, *warnings(metrics)])


def warnings(metrics: dict[str, Any]) -> list[str]:
    """What makes the number say little: a shallow method that comes near, a lead that may be nothing."""
    scored = metrics["retrieval"]
    found = [
        f"  note: {METHODS[name]} reaches over half of tuned; what is tuned says little"
        for name in ("blind", "thumbnail", "histogram")
        if scored[name]["t2i_r1"] > scored["tuned"]["t2i_r1"] / 2
    ]
    if metrics["tuned_over"]["clip"]["t2i_r1_low"] <= 0:
        found.append("  note: tuned is not surely better than the frozen CLIP")
    return found


def _turns(metrics: dict[str, Any]) -> list[str]:
    return [name.removeprefix("turn_") for name in metrics["dialogue"]["tuned"]]


def _by_turn(title: str, turns: dict[str, Any]) -> str:
    return f"  {title:<32} " + " ".join(f"{100 * one['mean']:6.1f}" for one in turns.values())


def _line(title: str, scores: dict[str, float], key: str, sign: str = "") -> str:
    low, high = 100 * scores[f"{key}_low"], 100 * scores[f"{key}_high"]
    return f"  {title:<32} {100 * scores[key]:{sign}6.1f}  [{low:{sign}.1f}, {high:{sign}.1f}]"
