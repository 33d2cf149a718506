"""Captions in chat formats are data: what a template would take for a token of its own is taken apart."""

import re

QUESTION = "Describe the picture in one sentence."

# <image>, </s>, <|im_end|>, <start_of_turn>, <<SYS>>, [INST], [/INST], [IMG], [RET]
TOKEN = re.compile(r"<([|｜]?/?[^\W\d][^<>\s]{0,60})>|\[(/?[A-Z][A-Z_]{1,30})\]")


def neutral(text: str) -> str:
    """`text` with blanks inside what looks like a special token: `<image>` becomes `< image >`."""
    return TOKEN.sub(lambda found: f"< {found[1]} >" if found[1] else f"[ {found[2]} ]", text)
