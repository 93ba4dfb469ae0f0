"""Fixtures of the runtime's unit tests: time stands; no database."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from langorch.lib import clock


@pytest.fixture
def standing_noon() -> Iterator[clock.FixedClock]:
    """Time stands at noon of a Friday."""
    fixed = clock.FixedClock(datetime(2026, 3, 6, 12, tzinfo=UTC))
    with clock.use(fixed):
        yield fixed
