"""The scenarios of the long chaos run at a twentieth of their size (quality R1 to R5, R11)."""

import pytest

from tests.chaos import __main__ as chaos
from tests.databases import leading_here

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

SCALE = 20


@pytest.mark.parametrize("scenario", chaos.ALL)
def test_it_holds(scenario: str) -> None:
    here = leading_here()
    report = chaos.carried_out(scenario, SCALE, here["DATABASE_URL"], here["REDIS_URL"])
    assert not report.faults, str(report)
