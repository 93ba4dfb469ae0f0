"""The sample procedures tell the same events as when they were recorded.

A change of meaning shows here: look at the difference, and if it is meant, write the files anew with
`ENVIRONMENT=test GOLDEN=write python -m pytest tests/golden`.
"""

import os

import pytest

from tests.golden import replaying
from tests.people import House

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("name", replaying.names())
def test_a_sample_tells_what_it_told(house: House, name: str) -> None:
    recorded = replaying.case(name)
    found = replaying.replayed(house, recorded)
    if os.environ.get("GOLDEN") == "write":
        (replaying.FOLDER / f"{name}.json").write_text(replaying.written(found), encoding="utf-8")
        return
    assert found["status"] == recorded["status"]
    assert found["events"] == recorded["events"]
