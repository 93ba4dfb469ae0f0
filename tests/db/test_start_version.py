"""Which version a start takes (CKP 8)."""

import json

import pytest

from langorch.lib.errors import Conflict, NotFound
from procedures import selectors, services
from procedures.models import CurrentVersion, Procedure, ProcedureVersion
from tests.documents import hello


@pytest.fixture
def store(operator_actor):
    """`store("1.0.0", "active")` imports a version of the procedure hello."""

    def put(version, status="draft", **root):
        document = hello(version=version, status=status, **root)
        return services.import_document(operator_actor, json.dumps(document)).version

    return put


def resolve(version=None, channel=None):
    found, taken = selectors.resolve_for_start(Procedure.system.get(), version, channel)
    return found.version, taken


def release(version, channel):
    row = CurrentVersion.system.get(channel="dev")
    CurrentVersion.system.create(
        tenant_id=row.tenant_id,
        procedure_id=row.procedure_id,
        channel=channel,
        version=version,
        promoted_by="x",
        promoted_at=row.promoted_at,
    )


def test_without_a_current_version_the_newest_draft_runs_in_dev(store):
    store("1.0.0")
    store("2.0.0")
    assert resolve() == ("2.0.0", "dev")


def test_naming_nothing_takes_the_highest_channel_that_has_a_version(store):
    first = store("1.0.0", "active")
    store("2.0.0", "active")
    store("3.0.0")
    assert resolve() == ("2.0.0", "dev")
    release(first, "prod")
    assert resolve() == ("1.0.0", "prod")
    assert resolve(channel="dev") == ("2.0.0", "dev")


def test_a_channel_without_version_cannot_start(store):
    store("1.0.0", "active")
    with pytest.raises(Conflict) as refused:
        resolve(channel="qa")
    assert refused.value.code == "procedure_not_runnable"


def test_exact_versions(store):
    first = store("1.0.0", "active")
    store("2.0.0", "active")
    store("3.0.0")
    assert resolve("1.0.0") == ("1.0.0", "dev")
    assert resolve("3.0.0") == ("3.0.0", "dev")
    release(first, "qa")
    assert resolve("1.0.0") == ("1.0.0", "qa")
    assert resolve("1.0.0", "dev") == ("1.0.0", "dev")
    for version, channel in (("2.0.0", "qa"), ("3.0.0", "prod")):
        with pytest.raises(Conflict):
            resolve(version, channel)
    with pytest.raises(NotFound) as refused:
        resolve("9.9.9")
    assert refused.value.code == "procedure_not_found"


@pytest.mark.parametrize("status", ["deprecated", "archived"])
def test_versions_that_left_active_do_not_start(store, status):
    store("1.0.0")
    ProcedureVersion.system.update(status=status)
    for version in (None, "1.0.0"):
        with pytest.raises(Conflict) as refused:
            resolve(version)
        assert refused.value.code == "procedure_not_runnable"


def test_no_run_before_the_effective_date_in_the_documents_zone(store, standing_clock):
    config = {"timezone": "Pacific/Auckland"}
    store("1.0.0", effective_date="2026-03-03", global_config=config)
    assert resolve("1.0.0") == ("1.0.0", "dev")
    store("2.0.0", effective_date="2026-03-04", global_config=config)
    with pytest.raises(Conflict):
        resolve("2.0.0")
    standing_clock.advance(hours=24)
    assert resolve("2.0.0") == ("2.0.0", "dev")
