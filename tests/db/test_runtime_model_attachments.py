"""What llm_action attaches to its question."""

from base64 import b64encode
from typing import Any

import pytest

from orchestration.models import Run, StepRecord
from tenants.models import Tenant
from tests import runs
from tests.artifacts import stored_artifact
from tests.asking import driven, queued, served

pytestmark = pytest.mark.django_db(transaction=True)


def test_values_and_pictures_are_attached(tenant: Tenant):
    attachments = [
        {"type": "json", "source": "rows", "description": "The rows"},
        {"type": "text", "source": "{{ note }}"},
        {"type": "image", "source": "{{ picture }}"},
    ]
    declared = {name: {} for name in ("rows", "note", "picture")}
    inputs = {"rows": [{"a": 1}], "note": "short", "picture": "data:image/png;base64,AAAA"}
    with served() as model:
        run = driven(tenant, {"attachments": attachments}, {"variables_schema": declared}, **inputs)
    assert model.said()[0][1] == [
        {"type": "text", "text": "Say something."},
        {"type": "text", "text": 'The rows:\n[{"a":1}]'},
        {"type": "text", "text": "Attached text:\nshort"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
    ]
    shown = StepRecord.objects.get(run=run).params["messages"][0]["content"]
    assert shown[3] == {"type": "image_url", "text": "(a picture, 26 characters)"}


PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
PDF = b"%PDF-1.7\n\xff\xfe"


def test_artifacts_of_the_run_are_attached(tenant: Tenant):
    attachments = [
        {"type": "image", "source": "{{ shot }}"},
        {"type": "csv", "source": "rows", "description": "The rows"},
        {"type": "file", "source": "letter"},
    ]
    declared: dict[str, Any] = {name: {} for name in ("shot", "rows", "letter")}
    with served() as model:
        run = queued(tenant, {"attachments": attachments}, {"variables_schema": declared})
        files = {"shot": ("a.png", PNG), "rows": ("r.csv", b"a,b\n1,2\n"), "letter": ("l.pdf", PDF)}
        stored = {name: stored_artifact(run, *file) for name, file in files.items()}
        named = {name: {"artifact_id": str(one.pk), "name": one.name} for name, one in stored.items()}
        Run.system.filter(pk=run.pk).update(input_vars=named)
        run = runs.drive(run)
    assert run.status == "completed", run.error
    picture, rows, letter = model.said()[0][1][1:]
    assert picture["image_url"]["url"] == f"data:image/png;base64,{b64encode(PNG).decode()}"
    assert rows["text"] == "The rows:\na,b\n1,2\n"
    pdf = f"data:application/pdf;base64,{b64encode(PDF).decode()}"
    assert letter == {"type": "file", "file": {"filename": "l.pdf", "file_data": pdf}}
    shown = StepRecord.objects.get(run=run).params["messages"][0]["content"]
    assert [part["text"] for part in shown[1:]] == [
        "(a.png, 28 bytes)",
        "The rows:\n(r.csv, 8 bytes)",
        "(l.pdf, 11 bytes)",
    ]
