"""Artifacts over REST: listed for everybody who sees the run, downloaded as their classification allows."""

import asyncio

import pytest
from django.core.files.storage import default_storage

from orchestration.artifacts import reading
from orchestration.models import Artifact
from orchestration.runtime.records import to_json
from tenants.models import AuditEntry
from tests import people, runs
from tests.artifacts import stored_artifact
from tests.documents import hello
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/runs"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def run(house, api):
    publish(house.operator, hello("files"), house.project)
    answer = api(house.operator).post(URL, {"procedure_id": "files"})
    return runs.Run.system.get(pk=answer.json()["run_id"])


def test_the_artifacts_of_a_run(house, api, run):
    first = stored_artifact(run, "a.txt", b"one", node_id="greet", step_id="s", path="greet")
    stored_artifact(run, "a.txt", b"two")
    found = api(house.viewer).get(f"{URL}/{run.pk}/artifacts").json()
    assert [one["size_bytes"] for one in found] == [3, 3]
    assert found[0] == {
        "artifact_id": str(first.pk),
        "run_id": str(run.pk),
        "node_id": "greet",
        "step_id": "s",
        "path": "greet",
        "kind": "file",
        "uri": f"/api/artifacts/{first.pk}/a.txt",
        "name": "a.txt",
        "mime_type": "text/plain",
        "size_bytes": 3,
        "sha256": first.sha256,
        "classification": "internal",
        "created_at": found[0]["created_at"],
    }
    bodies = [b"".join(api(house.viewer).get(one["uri"]).streaming_content) for one in found]
    assert bodies == [b"one", b"two"]


def test_an_unknown_run_has_none(house, api, run):
    assert api(house.viewer).get(f"{URL}/{house.tenant.pk}/artifacts").status_code == 404
    assert api(house.guest).get(f"{URL}/{run.pk}/artifacts").status_code == 404


def test_a_file_is_a_download_that_no_browser_runs(house, api, run):
    page = stored_artifact(run, 'ev"il ü.html', b"<html><script>alert(1)</script>")
    answer = api(house.viewer).get(page.uri)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/html"
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox")
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Length"] == str(page.size_bytes)


@pytest.mark.parametrize("form", ["{id}", "{id}/", "{id}/other.txt", "{id}/../a.txt", "x/a.txt", "{id}/a.txt/x"])
def test_only_the_whole_address_leads_to_a_file(house, api, run, form):
    artifact = stored_artifact(run, "a.txt", b"one")
    assert api(house.admin).get("/api/artifacts/" + form.format(id=artifact.pk)).status_code == 404


def test_others_do_not_find_it(house, api, run):
    artifact = stored_artifact(run, "a.txt", b"one")
    assert api(house.guest).get(artifact.uri).status_code == 404
    assert api(house.stranger).get(artifact.uri).status_code == 404
    assert api().get(artifact.uri).status_code == 401


@pytest.mark.parametrize(
    ("classification", "may"),
    [
        ("public", {"viewer", "operator", "admin"}),
        ("internal", {"viewer", "operator", "admin"}),
        ("confidential", {"operator", "admin"}),
        ("restricted", {"admin"}),
    ],
)
def test_the_classification_decides_who_downloads(house, api, run, classification, may):
    artifact = stored_artifact(run, "a.txt", b"one", classification=classification)
    for who in ("viewer", "operator", "admin"):
        answer = api(getattr(house, who)).get(artifact.uri)
        assert answer.status_code == (200 if who in may else 403), who
        if who not in may:
            assert answer.json()["code"] == "classification_denied"
            assert answer.json()["permission"].startswith("runs.")
    read = AuditEntry.system.filter(action="artifact.read", resource_id=str(artifact.pk))
    assert [entry.actor for entry in read] == (["admin"] if classification == "restricted" else [])


def test_a_file_that_is_gone(house, api, run):
    artifact = stored_artifact(run, "a.txt", b"one")
    default_storage.delete(artifact.file)
    answer = api(house.viewer).get(artifact.uri)
    assert (answer.status_code, answer.json()["code"]) == (410, "gone")


def test_a_link_is_no_download(house, api, run):
    link = Artifact.system.create(
        tenant=run.tenant,
        run=run,
        kind="report",
        name="r.pdf",
        uri="https://x.test/r.pdf",
        mime_type="application/pdf",
        size_bytes=0,
        sha256="",
        created_at=run.created_at,
    )
    assert api(house.viewer).get(f"{URL}/{run.pk}/artifacts").json()[0]["uri"] == "https://x.test/r.pdf"
    assert api(house.viewer).get(f"/api/artifacts/{link.pk}/r.pdf").status_code == 404


def test_an_event_loop_serves_it_in_parts(house, run, async_client):
    artifact = stored_artifact(run, "big.txt", b"x" * 200_000)
    async_client.force_login(house.viewer, backend="tenants.auth.password.PasswordBackend")

    async def fetch() -> list[int]:
        answer = await async_client.get(artifact.uri)
        return [len(part) async for part in answer.streaming_content]

    assert asyncio.run(fetch()) == [65_536, 65_536, 65_536, 200_000 - 3 * 65_536]


def shown(user, artifact):
    found = reading.preview(people.actor(user), artifact)
    return found.kind, found.text, found.cut


def test_what_a_page_shows(house, run):
    viewer = house.viewer
    assert shown(viewer, stored_artifact(run, "a.csv", b"a;b\n<b>1</b>")) == ("text", "a;b\n<b>1</b>", False)
    assert shown(viewer, stored_artifact(run, "a.json", b'{"a":[1]}')) == ("text", '{\n  "a": [\n    1\n  ]\n}', False)
    assert shown(viewer, stored_artifact(run, "a.png", PNG)) == ("image", "", False)
    assert shown(viewer, stored_artifact(run, "a.html", b"<html>")) == ("download", "", False)
    assert shown(viewer, stored_artifact(run, "a.svg", b"<svg xmlns='x'/>")) == ("download", "", False)
    assert shown(viewer, stored_artifact(run, "a.bin", b"\x00\x01")) == ("download", "", False)
    kind, text, cut = shown(viewer, stored_artifact(run, "a.txt", "ü".encode() * 40_000))
    assert (kind, len(text), cut) == ("text", 32_768, True)
    assert to_json(text)
    secret = stored_artifact(run, "a.txt", b"x", classification="confidential")
    assert shown(viewer, secret)[0] == "denied"
    assert shown(house.operator, secret)[0] == "text"
