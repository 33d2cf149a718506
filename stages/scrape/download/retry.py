"""When another attempt may help, and how long to wait for it."""

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST_WAIT = 0.5  # seconds
LONGEST_WAIT = 30.0
MOST_RETRY_AFTER = 60.0  # seconds; a host that wants to be left alone for longer is, until the next run


def may_help(status: int) -> bool:
    """Whether an HTTP status can be another one a moment later."""
    return status in (408, 425, 429) or 500 <= status < 600


def backoff(attempt: int) -> float:
    """Seconds to wait after attempt 1, 2, ...: doubled each time, and scattered so that retries don't come in step."""
    return min(FIRST_WAIT * 2.0 ** (attempt - 1), LONGEST_WAIT) * random.uniform(0.5, 1.5)


def retry_after(header: str | None) -> float:
    """Seconds that a Retry-After header asks for (a number or a date), 0 when it says nothing readable."""
    if not header:
        return 0.0
    if header.strip().isdecimal() and header.isascii():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except (ValueError, IndexError, OverflowError):
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    seconds: float = (until - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds)
