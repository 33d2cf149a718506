"""Numbers that a new row gets in place of those it was copied with."""

from typing import Any

from ruamel.yaml.comments import CommentedSeq


def set_numbers(row: Any, source: Any, numbers: dict[str, dict[str, Any]]) -> list[str]:
    """Write `numbers` into `row`, whose values `source` has typed; what changed, as `train.lora_rank 16 -> 8`."""
    changed = []
    for part, values in numbers.items():
        for key, value in values.items():
            before = getattr(getattr(source, part), key)  # as it is read, with its default
            if before != value:
                changed.append(f"{part}.{key} {_said(before)} -> {_said(value)}")
                row[part][key] = _in_one_line(value)
    return changed


def _said(value: Any) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def _in_one_line(value: Any) -> Any:
    """A tuple as YAML's `[a, b]`."""
    if not isinstance(value, tuple):
        return value
    sequence = CommentedSeq(value)
    sequence.fa.set_flow_style()
    return sequence
