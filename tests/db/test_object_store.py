"""Artifacts in an object store: kept, shown, downloaded and removed there as in a folder (settings 1)."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command

from langorch import checks
from langorch.lib import clock, ids
from orchestration.artifacts import storage
from orchestration.models import Artifact, Run
from tests import agents, buckets, html, runs
from tests.artifacts import stored_artifact
from tests.buckets import Bucket, Elsewhere
from tests.documents import hello
from tests.people import ApiClients, Browsers, House
from tests.processes import manage
from tests.published import publish
from tests.servers import Reply, serving

pytestmark = pytest.mark.django_db(transaction=True)

RESULT = {"artifact": {"name": "Q3.csv", "text": "region,sum\n<b>north</b>,5\n"}}
NODES = {
    "n": {"type": "sequence", "agent": "web", "steps": [{"step_id": "s", "action": "fetch"}], "next_node": "end"},
    "end": {"type": "terminate"},
}


@pytest.fixture
def run(house: House, api: ApiClients, bucket: Bucket) -> Run:
    """A run whose agent gave a file."""
    publish(house.operator, hello("files", workflow_graph={"start_node": "n", "nodes": NODES}), house.project)
    started = api(house.operator).post("/api/runs", {"procedure_id": "files"}).json()
    with agents.agent(house.tenant, fetch=lambda params: RESULT):
        ended = runs.drive(Run.system.get(pk=started["run_id"]))
    assert ended.status == "completed", ended.error
    return ended


def test_the_file_of_a_run_is_shown_and_downloaded(
    run: Run, bucket: Bucket, house: House, api: ApiClients, browser: Browsers
) -> None:
    (artifact,) = api(house.viewer).get(f"/api/runs/{run.pk}/artifacts").json()
    assert bucket.keys == [f"kept/{run.tenant_id}/{run.pk}/{artifact['artifact_id']}/Q3.csv"]
    answer = api(house.viewer).get(artifact["uri"])
    assert b"".join(answer.streaming_content).decode() == RESULT["artifact"]["text"]
    assert answer["Content-Disposition"] == 'attachment; filename="Q3.csv"'
    page = browser(house.viewer).get(f"/runs/{run.pk}?tab=artifacts&artifact={artifact['artifact_id']}")
    assert "<b>north</b>,5" in html.text(html.source(page))


def test_it_goes_with_its_run(run: Run, bucket: Bucket, house: House, api: ApiClients) -> None:
    assert api(house.operator).delete(f"/api/runs/{run.pk}").status_code == 200
    assert bucket.keys == []


def test_it_goes_when_its_time_has_come_and_so_does_what_no_row_names(run: Run, bucket: Bucket) -> None:
    kept = stored_artifact(runs.queue(run.tenant, runs.document(NODES)), "young.txt", b"x").file
    stray = storage.place(run.tenant_id, run.pk, ids.uuid7(), "stray.txt")
    default_storage.save(stray, ContentFile(b"x"))
    Run.system.filter(pk=run.pk).update(ended_at=clock.now() - timedelta(days=31))
    assert said_by_prune() == "artifacts: 1 removed\nfiles: 0 removed\n"
    assert sorted(bucket.keys) == sorted([f"kept/{kept}", f"kept/{stray}"])
    with clock.use(clock.FixedClock(clock.now() + timedelta(days=2))):
        assert said_by_prune() == "artifacts: 0 removed\nfiles: 1 removed\n"
    assert bucket.keys == [f"kept/{kept}"]


def said_by_prune() -> str:
    said = StringIO()
    call_command("prune", "--what", "artifacts,files", stdout=said)
    return said.getvalue()


def test_a_file_that_is_gone(run: Run, house: House, api: ApiClients) -> None:
    artifact = Artifact.system.get()
    default_storage.delete(artifact.file)
    assert api(house.viewer).get(artifact.uri).json()["code"] == "gone"


@pytest.mark.parametrize("status", [403, 507])
def test_a_store_that_refuses_to_be_read_is_said_to_be_away(
    run: Run, house: House, api: ApiClients, browser: Browsers, elsewhere: Elsewhere, status: int
) -> None:
    artifact = Artifact.system.get()
    with serving(lambda request: Reply(status, b"")) as server:
        elsewhere(server.url)
        answer = api(house.viewer).get(artifact.uri)
        page = browser(house.viewer).get(f"/runs/{run.pk}?tab=artifacts&artifact={artifact.pk}")
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert "The storage of artifacts does not answer" in html.text(html.source(page))


def test_sweeping_waits_until_the_store_answers(run: Run, bucket: Bucket, elsewhere: Elsewhere) -> None:
    with serving(lambda request: Reply(403, b"")) as server:
        elsewhere(server.url)
        assert said_by_prune() == "artifacts: 0 removed\nfiles: 0 removed\n"
        assert server.requests


def test_doctor_looks_into_the_bucket_and_no_key_is_in_the_log(bucket: Bucket, tmp_path: Path) -> None:
    given = bucket.environment | {"VAR_DIR": str(tmp_path), "LOG_LEVEL": "DEBUG"}
    healthy = manage("doctor", "--only", "storage", ARTIFACTS_URL=bucket.url, **given)
    assert (healthy.returncode, healthy.stdout) == (0, "1 checks, no fault\n"), healthy.stderr
    assert bucket.keys == []
    wrong = manage("doctor", "--only", "storage", ARTIFACTS_URL="s3://nobodys-bucket", **given)
    said = "ARTIFACTS_URL: files cannot be kept: the object store refused PutObject: NoSuchBucket (HTTP 404)"
    assert (wrong.returncode, wrong.stderr.splitlines()[-1]) == (1, said)
    everything = healthy.stderr + wrong.stderr
    assert not [key for key in (buckets.KEY, buckets.TOKEN) if key in everything]


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("nowhere", "AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL is not an address"),
        ("http://127.0.0.1:9", "the object store cannot be used: EndpointConnectionError"),
    ],
)
def test_an_address_without_a_store_is_a_fault(bucket: Bucket, elsewhere: Elsewhere, endpoint: str, said: str) -> None:
    elsewhere(endpoint)
    assert checks.faults(["storage"]) == [f"ARTIFACTS_URL: files cannot be kept: {said}"]
