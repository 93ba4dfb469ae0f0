"""Steps whose files cannot be stored: the storage is full or refuses after the agent has done its work (runtime 23)."""

import errno
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import connection
from pytest_django import Settings

from agents.choices import DesiredState
from agents.models import Agent, AgentLease
from orchestration.models import Artifact, Event, Run, StepRecord
from tenants.models import Tenant
from tests import agents, buckets, runs
from tests.artifacts import stored_artifact
from tests.buckets import Bucket, Elsewhere
from tests.servers import Reply, Request, serving

pytestmark = pytest.mark.django_db(transaction=True)

PAID = {"receipt": 7, "artifacts": [{"name": "a.txt", "text": "one"}, {"name": "b.txt", "text": "two"}]}
IRREVERSIBLE = [{"name": "pay", "side_effect": "irreversible"}]
KEEPING = [{"name": "pay", "side_effect": "irreversible", "keeps_keys": True}]


class Disk(FileSystemStorage):
    """A disk on which the first file fits, and half of the next; then there is room again."""

    saved = 0

    def save(self, name: Any, content: Any, max_length: int | None = None) -> str:
        type(self).saved += 1
        if self.saved != 2:
            return super().save(name, content, max_length)
        super().save(name, ContentFile(b"half"), max_length)
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def full(settings: Settings, tmp_path: Any) -> None:
    Disk.saved = 0
    backend = {"BACKEND": f"{__name__}.Disk", "OPTIONS": {"location": tmp_path / "disk"}}
    settings.STORAGES = {**settings.STORAGES, "default": backend}


def paying(retries: int = 1, **node: Any) -> dict[str, Any]:
    step = {"step_id": "s", "action": "pay", "output_variable": "paid"}
    retry = {"retry_config": {"max_retries": retries, "base_delay_ms": 1}}
    nodes = {
        "n": {"type": "sequence", "agent": "bank", "steps": [step | retry], "next_node": "end", **node},
        "end": {"type": "terminate", "outputs": {"receipt": "{{ paid.receipt }}"}},
    }
    return runs.document(nodes)


def kept() -> list[str]:
    """The contents of all stored files, by their rows."""
    return [default_storage.open(one.file).read().decode() for one in Artifact.system.order_by("created_at")]


def test_a_full_disk_fails_the_attempt_and_the_next_goes_out_under_its_key(tenant: Tenant, full: None, tmp_path: Any):
    with agents.agent(tenant, "bank", pay=lambda params: PAID) as bank:
        run = runs.drive(runs.queue(tenant, paying()))
    assert (run.status, run.output_vars) == ("completed", {"receipt": 7}), run.error
    assert [(call["attempt"], call["idempotency_key"]) for call in bank.calls] == [
        (1, f"{run.pk}:n:s"),
        (2, f"{run.pk}:n:s"),
    ]
    failed = Event.objects.get(run=run, event_type="step_failed").payload
    assert (failed["error_class"], failed["retryable"]) == ("artifact_store", True)
    assert "b.txt could not be stored: No space left on device" in failed["error"]
    assert runs.told(run.pk).count("artifact_created") == 2
    assert kept() == ["one", "two"]
    assert len([path for path in (tmp_path / "disk").rglob("*") if path.is_file()]) == 2
    assert not AgentLease.system.filter(released_at=None).exists()


def test_what_must_not_happen_twice_is_not_sent_again(tenant: Tenant, full: None):
    with agents.agent(tenant, "bank", pay=lambda params: PAID, capabilities=IRREVERSIBLE) as bank:
        run = runs.drive(runs.queue(tenant, paying()))
    assert (run.status, run.error_class) == ("failed", "effect_unknown")
    assert run.error["details"]["cause"] == "artifact_store"
    assert len(bank.calls) == 1


def test_who_keeps_keys_is_asked_for_the_file_again(tenant: Tenant, full: None):
    with (
        agents.agent(tenant, "bank", "one", pay=lambda params: PAID, capabilities=KEEPING, keeps_keys=True) as one,
        agents.agent(tenant, "bank", "two", pay=lambda params: PAID, capabilities=KEEPING, affinity="none") as two,
    ):
        run = runs.drive(runs.queue(tenant, paying()))
    assert run.status == "completed", run.error
    assert sorted([len(one.calls), len(two.calls)]) == [0, 2]
    assert len(one.effects + two.effects) == 1
    assert kept() == ["one", "two"]


def test_nobody_else_is_asked_in_its_place(tenant: Tenant, full: None):
    def pay_and_go(params: dict[str, Any]) -> Any:
        Agent.system.filter(pk__in=AgentLease.system.filter(released_at=None).values("agent")).update(
            desired_state=DesiredState.PAUSED
        )
        connection.close()
        return PAID

    with (
        agents.agent(tenant, "bank", "one", pay=pay_and_go, capabilities=KEEPING) as one,
        agents.agent(tenant, "bank", "two", pay=pay_and_go, capabilities=KEEPING) as two,
    ):
        run = runs.drive(runs.queue(tenant, paying()))
    assert run.status == "paused"
    assert len(one.calls + two.calls) == 1


def test_an_agents_own_error_stands_when_what_it_shows_cannot_be_stored(tenant: Tenant, full: None):
    failing = agents.failing("no such account", retryable=False, artifacts=PAID["artifacts"])
    with agents.agent(tenant, "bank", pay=failing):
        run = runs.drive(runs.queue(tenant, paying()))
    assert (run.error_class, run.error["message"]) == ("agent_error", "no such account")
    told = Event.objects.get(run=run, event_type="artifact_rejected").payload
    assert "b.txt could not be stored" in told["reason"]
    assert not Artifact.system.exists()


REFUSAL = f"<Error><Code>AccessDenied</Code><Message>{buckets.KEY_ID} {buckets.KEY}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("reply", "said"), [(Reply(403, REFUSAL), "AccessDenied (HTTP 403)"), (Reply(507, b""), "507 (HTTP 507)")]
)
def test_a_store_that_refuses_fails_the_step_without_telling_keys(
    tenant: Tenant, bucket: Bucket, elsewhere: Elsewhere, reply: Reply, said: str, caplog: pytest.LogCaptureFixture
):
    with (
        serving(lambda request: reply) as store,
        agents.agent(tenant, "bank", pay=lambda params: PAID) as bank,
    ):
        elsewhere(store.url)
        run = runs.drive(runs.queue(tenant, paying()))
    assert (run.status, run.error_class) == ("failed", "artifact_store")
    refused = "the object store refused PutObject"
    assert run.error["message"] == f"The artifact a.txt could not be stored: {refused}: {said}."
    assert len({call["idempotency_key"] for call in bank.calls}) == 1
    assert len(bank.calls) == 2
    everything = caplog.text + str(list(Event.objects.values_list("payload", flat=True))) + str(run.error)
    assert not [key for key in (buckets.KEY, buckets.KEY_ID, buckets.TOKEN) if key in everything]
    assert StepRecord.objects.get(run=run).result is None
    assert not Artifact.system.exists()


def test_nothing_remains_of_a_file_that_the_store_took_before_it_refused_the_next(
    tenant: Tenant, bucket: Bucket, elsewhere: Elsewhere
):
    seen: list[str] = []

    def first_only(request: Request) -> Reply:
        seen.append(f"{request.method} {request.path.rpartition('/')[2].partition('?')[0]}")
        return Reply(507 if request.path.partition("?")[0].endswith("b.txt") and request.method == "PUT" else 200, b"")

    with serving(first_only) as store, agents.agent(tenant, "bank", pay=lambda params: PAID):
        elsewhere(store.url)
        run = runs.drive(runs.queue(tenant, paying(retries=0)))
    assert run.error_class == "artifact_store"
    assert [what for what in seen if not what.startswith(("HEAD", "GET"))] == [
        "PUT a.txt",
        "PUT b.txt",
        "DELETE b.txt",
        "DELETE a.txt",
    ]


def test_a_file_that_cannot_be_read_fails_the_step_that_needs_it(tenant: Tenant, bucket: Bucket, elsewhere: Elsewhere):
    operation = {"action": "parse_excel_data", "source": "book", "output_variable": "rows"}
    nodes = {"p": {"type": "processing", "operations": [operation], "next_node": "e"}, "e": {"type": "terminate"}}
    run = runs.queue(tenant, runs.document(nodes, variables_schema={"book": {"type": "object"}}), book={})
    artifact = stored_artifact(run, "book.xlsx", b"PK\x03\x04")
    Run.system.filter(pk=run.pk).update(input_vars={"book": {"artifact_id": str(artifact.pk)}})

    def cut(request: Request) -> Reply:
        return Reply(200, b"PK", {"content-length": "4", "connection": "close"} if request.method == "GET" else {})

    with serving(cut) as store:
        elsewhere(store.url)
        ended = runs.drive(run)
    assert (ended.status, ended.error_class) == ("failed", "artifact_store"), ended.error
