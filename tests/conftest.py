"""Fixtures that all suites share: the house of people, clients of the API and of the pages, a clock that stands."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings

from langorch.lib import clock
from tenants.actor import Actor
from tenants.models import Project, Tenant
from tests import databases, people
from tests.people import ApiClients, Browsers, House

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")  # how long an example takes says more of what else the machine does


@pytest.fixture(scope="session", autouse=True)
def emptied_quickly() -> Iterator[None]:
    """After a test with transactions of its own only what has rows is emptied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: databases.empty())
        yield


@pytest.fixture
def house(db: None) -> House:
    """A tenant with projects and people of every role, and a stranger of another tenant."""
    return people.build()


@pytest.fixture
def tenant(house: House) -> Tenant:
    return house.tenant


@pytest.fixture
def project(house: House) -> Project:
    return house.project


@pytest.fixture
def operator_actor(house: House) -> Actor:
    """The operator of the house, for calling services directly."""
    return people.actor(house.operator)


@pytest.fixture
def api() -> ApiClients:
    """`api(user)` calls the API with a bearer token of that person; `api()` as nobody."""
    return people.api_client


@pytest.fixture
def browser() -> Browsers:
    """`browser(user)` visits pages with a session of that person; `browser()` as nobody."""
    return people.browser


@pytest.fixture
def standing_clock() -> Iterator[clock.FixedClock]:
    """Time stands at noon of 2 March 2026, UTC, and moves when told to."""
    fixed = clock.FixedClock(datetime(2026, 3, 2, 12, tzinfo=UTC))
    with clock.use(fixed):
        yield fixed
