"""What every test may rely on."""

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def denormals_as_usual() -> Iterator[None]:
    """Training flushes denormals for its whole process, and here all stages share one; hypothesis refuses that."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
