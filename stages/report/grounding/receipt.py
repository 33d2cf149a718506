"""The mask receipt's examples with the supervised part marked where it stands."""

from typing import Any

ANSWER = "A:"  # stands before each supervised line of a dialogue

Part = tuple[str, bool]  # text, supervised


def by_kind(receipt: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """{kind: examples}, each with `parts`: its text cut where supervision begins and ends."""
    found: dict[str, list[dict[str, Any]]] = {}
    for example in receipt["examples"]:
        parts = cut(example["text"], example["supervised"])
        found.setdefault(example["kind"], []).append({**example, "parts": parts})
    return found


def cut(text: str, supervised: str) -> list[Part]:
    """`text` in parts. Where `supervised` can't be placed without a guess, it follows the whole text as one part."""
    if text.endswith(supervised):
        return [(text[: len(text) - len(supervised)], False), (supervised, True)]
    parts: list[Part] = []
    at = 0
    for line in supervised.splitlines(keepends=True):
        begin = text.find(ANSWER + line, at)
        if begin < 0:
            return [(f"{text}\n", False), (supervised, True)]
        begin += len(ANSWER)
        parts += [(text[at:begin], False), (line, True)]
        at = begin + len(line)
    return [*parts, (text[at:], False)]
