"""What is wrong with a row before its name is masked."""

from dataclasses import replace

from stages.describe.masking import name_of
from stages.describe.parameters import Describe
from stages.describe.rows import Row
from stages.describe.text import has_control_characters, has_control_token, normalised
from stages.record import Drop

LONGEST_NAME = 60  # characters: longer ones are sentences


def checked(params: Describe, row: Row) -> Row | Drop:
    """The row with plain texts, or the first reason why it can't be used."""
    if not row.name.strip():
        return row.dropped("no name")
    if not row.description.strip():
        return row.dropped("empty description")
    if len(row.description) > 2 * params.longest + 1000:  # not even looked at: normalising can't shorten it enough
        return _too_long(params, row)
    if params.languages is not None and row.language not in params.languages:
        return row.dropped("another language", row.language or "not said")
    if any(map(has_control_characters, (row.name, row.description, row.line, row.language, row.stage))):
        return row.dropped("control characters")
    if has_control_token(row.name) or has_control_token(row.description):
        return row.dropped("a chat template's token")
    plain = replace(row, name=normalised(row.name), description=normalised(row.description), line=normalised(row.line))
    if not plain.description:
        return row.dropped("empty description")
    if len(plain.name) > LONGEST_NAME:
        return row.dropped("over-long name", f"{len(plain.name)} characters, at most {LONGEST_NAME}")
    if len(plain.description) > params.longest:
        return _too_long(params, plain)
    if name_of(plain.name) is None:
        return row.dropped("name without letters")
    return plain


def _too_long(params: Describe, row: Row) -> Drop:
    return row.dropped("over-long description", f"{len(row.description)} characters, `longest` is {params.longest}")
