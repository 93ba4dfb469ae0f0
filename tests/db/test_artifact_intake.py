"""Artifacts of results: stored with the record of their step, or not at all (runtime 19)."""

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage

from langorch.lib import clock
from langorch.lib.redaction import REDACTED, Redactor
from langorch.settings import stores
from orchestration import pruning
from orchestration.choices import StepState
from orchestration.models import Artifact, Event, Run, StepRecord
from orchestration.runtime import claims, intake
from orchestration.runtime.contexts import VisitContext
from orchestration.runtime.drive import Drive
from orchestration.runtime.intake import Call
from orchestration.runtime.outcomes import StepFailed
from orchestration.runtime.program import programs
from orchestration.runtime.records import Ending, Fenced, StepRow, moment, to_json
from orchestration.runtime.region import RegionDrive
from procedures.ckp.expressions import SecretRef
from procedures.ckp.regions import MAIN
from tenants.models import Tenant
from tests import runs
from tests.artifacts import stored_artifact
from tests.unit.ckp.test_operations_spreadsheets import workbook

pytestmark = pytest.mark.django_db(transaction=True)

NODES = {"n": {"type": "sequence", "steps": [{"step_id": "s", "action": "log", "message": "x"}]}}
SECRET = "seven-loud-drums"


class Work:
    """A run that a worker holds, in the middle of the step `s`."""

    def __init__(self, tenant: Tenant) -> None:
        self.run = runs.queue(tenant, runs.document(NODES))
        claimed = claims.claim("w1")
        assert claimed is not None
        claimed.redactor = Redactor()
        self.claim = claimed
        self.drive = Drive(claimed, programs.get(claimed.run.document_id))
        self.visit = VisitContext(self.drive, RegionDrive(self.drive, MAIN, MAIN), "n", "n", 1, {}, None)

    def take_in(self, result: Any, beside: Any = (), step_id: str = "s") -> Any:
        return intake.take_in(self.visit, Call("n", step_id, 1), result, beside)

    def record(self, result: Any, state: StepState = StepState.COMPLETED, step_id: str = "s") -> None:
        at = moment(clock.now())
        row = StepRow("n", step_id, "n", "shoot", state, 1, 0, "", None, to_json(result), None, at, 1.0)
        self.drive.journal.step(row, self.visit.row())

    def told(self, event_type: str) -> list[dict[str, Any]]:
        found = Event.objects.filter(run=self.run, event_type=event_type).order_by("seq")
        return list(found.values_list("payload", flat=True))


@pytest.fixture
def work(tenant) -> Work:
    return Work(tenant)


def coded(content: bytes | str) -> str:
    return base64.b64encode(content if isinstance(content, bytes) else content.encode()).decode()


def files() -> list[str]:
    """All files of the storage."""
    found, waiting = [], [""]
    while waiting:
        folder = waiting.pop()
        folders, names = default_storage.listdir(folder)
        waiting += [f"{folder}/{name}".lstrip("/") for name in folders]
        found += [f"{folder}/{name}" for name in names]
    return found


@pytest.fixture(params=["files", "memory", "s3"], autouse=True)
def empty_storage(request, settings, tmp_path):
    if request.param == "s3":
        request.getfixturevalue("bucket")
        return
    backend = {
        "files": stores.backend("", tmp_path / "artifacts"),
        "memory": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    }[request.param]
    (tmp_path / "artifacts").mkdir()
    settings.STORAGES = {**settings.STORAGES, "default": backend}


def test_content_becomes_a_file_and_a_reference(work):
    entry = {"kind": "report", "name": "Q3 ü.csv", "content_base64": coded("a,b\n"), "note": "kept"}
    result = work.take_in({"artifacts": [entry], "rows": 2})
    assert not Artifact.system.exists()
    work.record(result)
    work.drive.journal.flush()
    row = Artifact.system.get()
    assert row.file == f"{work.run.tenant_id}/{work.run.pk}/{row.pk}/Q3_.csv"
    assert default_storage.open(row.file).read() == b"a,b\n"
    facts = {
        "kind": "report",
        "name": "Q3 ü.csv",
        "uri": f"/api/artifacts/{row.pk}/Q3_.csv",
        "mime_type": "text/csv",
        "size_bytes": 4,
        "sha256": hashlib.sha256(b"a,b\n").hexdigest(),
        "classification": "internal",
    }
    assert {name: getattr(row, name) for name in facts} == facts
    assert (row.node_id, row.step_id, row.path) == ("n", "s", "n")
    reference = {"note": "kept", "artifact_id": str(row.pk), **facts}
    assert StepRecord.objects.get().result == {"artifacts": [reference], "rows": 2}
    assert work.told("artifact_created") == [{"artifact_id": str(row.pk), **facts}]


def test_two_runs_keep_files_of_the_same_name_apart(work, tenant):
    for one in (work, Work(tenant)):
        one.record(one.take_in({"artifact": {"name": "a.txt", "content_base64": coded(str(one.run.pk))}}))
        one.drive.journal.flush()
    contents = {str(row.run_id): default_storage.open(row.file).read().decode() for row in Artifact.system.all()}
    assert contents == {str(run_id): str(run_id) for run_id in Run.system.values_list("pk", flat=True)}


def test_links_screenshots_and_artifacts_beside_the_result(work):
    result = work.take_in(
        {"artifact_uri": "memory://x", "artifact_kind": "trace", "screenshot": "a grey button"},
        [{"kind": "log", "uri": "https://logs.test/1.log"}],
    )
    work.record(result)
    work.drive.journal.flush()
    rows = {row.kind: row for row in Artifact.system.all()}
    assert {kind: row.file == "" for kind, row in rows.items()} == {"trace": True, "screenshot": False, "log": True}
    assert result == {"artifact_uri": "memory://x", "artifact_kind": "trace", "screenshot": rows["screenshot"].uri}
    assert rows["log"].uri == "https://logs.test/1.log"


def test_paths_are_refused_and_said_so(work):
    result = work.take_in({"artifacts": [{"kind": "x", "name": "p", "uri": "/etc/passwd"}], "uri": "/tmp/any"})
    work.record(result)
    work.drive.journal.flush()
    assert not Artifact.system.exists()
    (told,) = work.told("artifact_rejected")
    assert (told["kind"], told["name"]) == ("x", "p")
    assert "no path" in told["reason"]
    assert result["artifacts"][0]["rejected"] == told["reason"]
    assert result["uri"] == "/tmp/any"


def test_a_step_that_fails_after_all_keeps_no_artifact(work):
    work.take_in({"artifact": {"content_base64": coded("x")}})
    work.record(None, StepState.FAILED)
    work.record(work.take_in({"artifact": {"content_base64": coded("again")}}))
    work.drive.journal.flush()
    assert Artifact.system.get().size_bytes == 5
    assert len(work.told("artifact_created")) == 1
    assert len(files()) == 2
    assert pruning.prune(["files"]) == {"files": 0}
    with clock.use(clock.FixedClock(clock.now() + timedelta(days=1, minutes=1))):
        assert pruning.prune(["files"]) == {"files": 1}
    assert files() == [Artifact.system.get().file]


def test_the_screenshot_of_a_failure_is_kept(work):
    intake.keep(work.visit, Call("n", "s", 1), {"screenshot": "the error page"})
    work.record(None, StepState.FAILED)
    work.drive.journal.flush()
    assert Artifact.system.get().kind == "screenshot"
    assert len(work.told("artifact_created")) == 1


def test_a_late_worker_leaves_a_file_at_most(work):
    work.record(work.take_in({"artifact": {"content_base64": coded("x")}}))
    Run.system.filter(pk=work.run.pk).update(fence=99)
    with pytest.raises(Fenced):
        work.drive.journal.flush()
    assert not Artifact.system.exists()
    assert len(files()) == 1


def test_artifacts_go_out_with_the_end_of_the_run(work):
    work.record(work.take_in({"artifact": {"content_base64": coded("x")}}))
    work.drive.journal.end(Ending("completed", "{}", None, "", ""))
    assert Artifact.system.count() == 1
    assert Run.system.get(pk=work.run.pk).status == "completed"


def test_limits(work, settings):
    limits = {"MAX_INLINE_ARTIFACT_BYTES": 1024, "MAX_RUN_ARTIFACT_BYTES": 2048, "MAX_RESULT_BYTES": 2000}
    settings.ENV = settings.ENV.model_copy(update=limits)
    sizes = [1025, 1024, 1000, 100]
    result = work.take_in({"artifacts": [{"content_base64": coded("x" * size)} for size in sizes]})
    work.record(result)
    work.drive.journal.flush()
    assert [row.size_bytes for row in Artifact.system.order_by("created_at")] == [1024, 1000]
    assert [told["reason"].partition(" bytes")[0] for told in work.told("artifact_rejected")] == [
        "the content has 1025",
        "the run holds 2048",
    ]
    with pytest.raises(StepFailed) as failure:
        work.take_in({"rows": "x" * 2000})
    assert failure.value.error.error_class == "result_too_large"


def test_what_a_run_holds_already_counts(work, settings):
    settings.ENV = settings.ENV.model_copy(update={"MAX_RUN_ARTIFACT_BYTES": 1024})
    stored_artifact(work.run, "old.txt", b"x" * 1000)
    result = work.take_in({"artifact": {"content_base64": coded("x" * 25)}})
    assert "rejected" in result["artifact"]


def test_secret_values_stay_out_of_results_and_artifacts(work, tenant, settings, monkeypatch):
    settings.ENV = settings.ENV.model_copy(update={"DEFAULT_TENANT": tenant.slug})
    monkeypatch.setenv("LANGORCH_SECRET_K", SECRET)
    work.drive.secrets.resolve(work.drive.secrets.mark(SecretRef("k")), "https://x.test")
    result = work.take_in(
        {
            "said": f"used {SECRET}",
            "artifacts": [
                {"name": f"{SECRET}.txt", "content_base64": coded(f"log: {SECRET}, auth: {coded(f'mia:{SECRET}')}")},
                {"name": "b.bin", "content_base64": coded(b"\xff\xfe" + SECRET.encode())},
                {"kind": "link", "uri": f"https://x.test/?k={SECRET}"},
            ],
        }
    )
    work.record(result)
    work.drive.journal.flush()
    text, link = Artifact.system.order_by("created_at")
    assert default_storage.open(text.file).read().decode() == f"log: {REDACTED}, auth: bWlhOn{REDACTED}M="
    assert link.uri == f"https://x.test/?k={REDACTED}"
    everything = json.dumps([result, list(Event.objects.values_list("payload", flat=True)), text.name, text.file])
    assert SECRET not in everything
    assert [told["reason"] for told in work.told("artifact_rejected")] == ["the content holds a secret"]


def test_artifacts_go_when_their_time_has_come(work, tenant):
    old = stored_artifact(work.run, "a.txt", b"x", node_id="n")
    young = stored_artifact(runs.queue(tenant, runs.document(NODES)), "b.txt", b"x")
    later = clock.FixedClock(clock.now() + timedelta(days=31))
    with clock.use(later):
        assert pruning.prune(["artifacts"]) == {"artifacts": 0}
    runs.drive(young.run)
    work.drive.journal.end(Ending("completed", "{}", None, "", ""))
    Run.system.filter(pk=young.run_id).update(ended_at=clock.now() + timedelta(days=2))
    assert pruning.prune(["artifacts"]) == {"artifacts": 0}
    with clock.use(later):
        assert pruning.prune(["artifacts"], dry_run=True) == {"artifacts": 1}
        assert pruning.prune(["artifacts"]) == {"artifacts": 1}
    assert list(Artifact.system.values_list("pk", flat=True)) == [young.pk]
    assert files() == [young.file]
    told = {"artifact_id": str(old.pk), "name": "a.txt", "reason": "retention"}
    assert work.told("artifact_deleted") == [told]


def test_operations_read_artifacts_of_their_run_and_no_others(tenant):
    operation = {"action": "parse_excel_data", "source": "book", "output_variable": "rows"}
    nodes = {"p": {"type": "processing", "operations": [operation], "next_node": "e"}, "e": {"type": "terminate"}}
    source = runs.document(nodes, variables_schema={"book": {"type": "object"}})
    first = runs.queue(tenant, source, book={})
    artifact = stored_artifact(first, "book.xlsx", workbook())
    Run.system.filter(pk=first.pk).update(input_vars={"book": {"artifact_id": str(artifact.pk)}})
    other = runs.queue(tenant, source, book={"uri": artifact.uri})
    runs.drive(first)
    done, failed = Run.system.get(pk=first.pk), Run.system.get(pk=other.pk)
    assert done.output_vars["rows"][0]["name"] == "Ä & B", done.error
    assert (failed.status, failed.error_class) == ("failed", "invalid_value")
