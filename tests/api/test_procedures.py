"""Procedures over REST: import, read, replace, publish, delete (api 4, CKP 5 and 8)."""

import json

import pytest

from procedures.models import CurrentVersion, Document, Procedure, ProcedureVersion
from tenants.models import AuditEntry
from tests.documents import broken, hello

URL = "/api/procedures"
ONE = f"{URL}/hello/1.0.0"


@pytest.fixture
def operator(house, api):
    return api(house.operator)


@pytest.fixture
def viewer(house, api):
    return api(house.viewer)


def send(client, document, **wrapper):
    return client.post(URL, {"ckp_json": document, **wrapper})


def set_status(client, status, version="1.0.0"):
    return client.patch(f"{URL}/hello/{version}/status", {"status": status})


def test_import_stores_a_draft_and_answers_it(operator, house):
    answer = send(operator, hello(name="Hello", description="Greets"), project_id=str(house.project.pk))
    assert answer.status_code == 201, answer.json()
    body = answer.json()
    assert (body["procedure_id"], body["version"], body["status"]) == ("hello", "1.0.0", "draft")
    assert (body["name"], body["description"], body["project_id"]) == ("Hello", "Greets", str(house.project.pk))
    assert (body["id"], body["created_by"], body["channels"]) == (1, "operator", [])
    assert len(body["document_hash"]) == len(body["source_hash"]) == 64
    assert body["problems"] == [] or all(problem["severity"] != "error" for problem in body["problems"])
    assert AuditEntry.system.filter(action="procedure.import", user=house.operator).count() == 1


def test_the_document_may_be_the_body_itself(operator):
    text = json.dumps(hello(), indent=4)
    answer = operator.post(URL, text.encode(), content_type="application/json")
    assert answer.status_code == 201
    assert ProcedureVersion.system.get().source == text


def test_the_text_is_kept_as_sent(operator):
    text = '{ "procedure_id" : "hello",\n' + json.dumps(hello(note=1.0))[1:].replace('"procedure_id": "hello", ', "")
    body = '{"version": "x", "ckp_json" :' + text + ' , "other": [1, {"ckp_json": 2}]}'
    answer = operator.post(URL, body.encode(), content_type="application/json")
    assert answer.status_code == 201, answer.json()
    assert ProcedureVersion.system.get().source == text


def test_same_content_again_is_200_and_other_content_409(operator):
    first = send(operator, hello()).json()
    again = send(operator, dict(reversed(hello(_note="moved").items())))
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    other = send(operator, hello(description="changed"))
    assert (other.status_code, other.json()["code"]) == (409, "version_exists")
    [problem] = other.json()["problems"]
    assert (problem["code"], problem["severity"], problem["pointer"]) == ("CKP107", "error", "/version")
    assert ProcedureVersion.system.count() == 1


def test_a_document_with_errors_is_not_stored(operator):
    answer = send(operator, broken())
    assert (answer.status_code, answer.json()["code"]) == (422, "compile_failed")
    problems = answer.json()["problems"]
    assert [problem["code"] for problem in problems if problem["severity"] == "error"] == ["CKP203"]
    assert answer.json()["errors"][0]["pointer"] == "/workflow_graph/nodes/greet/type"
    assert isinstance(answer.json()["detail"], str)
    assert not Procedure.system.exists()


@pytest.mark.parametrize("body", ['"hello"', "[]", "12", '{"ckp_json": "not json"}', '{"ckp_json": null}'])
def test_what_is_no_document_is_422(operator, body):
    answer = operator.post(URL, body.encode(), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_document")


def test_duplicate_keys_of_a_document_are_seen(operator):
    text = json.dumps(hello())
    doubled = text[:-1] + ', "name": "a", "name": "b"}'
    answer = operator.post(URL, f'{{"ckp_json": {doubled}}}'.encode(), content_type="application/json")
    assert [problem["code"] for problem in answer.json()["problems"]] == ["CKP002"]


def test_unknown_or_foreign_project_is_422(operator, house, api):
    for project in (house.elsewhere.pk, "nonsense", house.project.pk):
        client = api(house.stranger) if project == house.project.pk else operator
        answer = send(client, hello(), project_id=str(project))
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "project_id")


def test_a_procedure_stays_in_its_project(operator, house):
    send(operator, hello(), project_id=str(house.project.pk))
    assert send(operator, hello(version="1.1.0")).json()["project_id"] == str(house.project.pk)
    moved = send(operator, hello(version="1.2.0"), project_id=str(house.other_project.pk))
    assert moved.status_code == 422


def test_a_clerk_works_in_their_project_only(house, api, operator):
    clerk = api(house.clerk)
    assert send(clerk, hello()).status_code == 403
    assert not Procedure.system.exists()
    assert send(clerk, hello(), project_id=str(house.project.pk)).status_code == 201
    send(operator, hello("other"), project_id=str(house.other_project.pk))
    assert send(clerk, hello("other", "2.0.0")).status_code == 403
    assert [row["procedure_id"] for row in clerk.get(URL).json()] == ["hello"]
    assert clerk.get(f"{URL}/other/1.0.0").status_code == 404


def test_tenants_do_not_see_each_other(operator, house, api):
    send(operator, hello())
    stranger = api(house.stranger)
    assert stranger.get(URL).json() == []
    for method, path in [("get", ONE), ("get", f"{ONE}/graph"), ("delete", ONE), ("get", f"{URL}/hello/versions")]:
        assert getattr(stranger, method)(path).status_code == 404
    assert send(stranger, hello()).json()["id"] == 1


def test_detail_shows_text_canonical_and_parts(operator, viewer):
    send(operator, hello(_hint="kept", retrieval_metadata={"tags": ["a"]}, trigger={"type": "manual"}))
    answer = viewer.get(ONE)
    detail = answer.json()
    assert detail["ckp_json"]["_hint"] == "kept"
    assert "_hint" not in detail["canonical"]
    assert detail["variables_schema"]["who"]["type"] == "string"
    assert (detail["retrieval_metadata"]["tags"], detail["trigger"]["type"]) == (["a"], "manual")
    assert detail["provenance"] is None
    assert answer.headers["ETag"].startswith('"')
    assert viewer.get(f"{URL}/hello/latest").json()["version"] == "1.0.0"


def test_unknown_things_are_404(viewer, operator):
    send(operator, hello())
    for path in ("hello/9", "nobody/latest", "hello/9/graph", "nobody/versions", "hello/%00", "he%20llo/1.0.0"):
        assert viewer.get(f"{URL}/{path}").status_code == 404, path


def test_list_never_loads_documents(operator, viewer, django_assert_max_num_queries):
    for number in range(5):
        send(operator, hello(version=f"1.{number}.0"))
    with django_assert_max_num_queries(12) as counted:
        assert len(viewer.get(URL).json()) == 5
    texts = [query["sql"] for query in counted.captured_queries]
    assert not [sql for sql in texts if '"source"' in sql or '"canonical"' in sql]


def test_list_filters(operator, viewer, house):
    send(operator, hello("alpha", retrieval_metadata={"tags": ["Finance", "invoice"], "intents": ["pay a bill"]}))
    send(operator, hello("beta", name="Über Bericht", retrieval_metadata={"tags": ["invoices"]}))
    send(operator, hello("gamma", status="active"), project_id=str(house.project.pk))
    send(operator, hello("gamma", "1.1.0"))

    def ids(query):
        answer = viewer.get(f"{URL}?{query}")
        assert answer.status_code == 200, answer.json()
        return [f"{row['procedure_id']} {row['version']}" for row in answer.json()]

    assert ids("") == ["gamma 1.1.0", "gamma 1.0.0", "beta 1.0.0", "alpha 1.0.0"]
    assert ids("order=asc&limit=1") == ["alpha 1.0.0"]
    assert ids("tags=finance,invoice") == ["alpha 1.0.0"]
    assert ids("tags=invoice") == ["alpha 1.0.0"]
    assert ids("search=über") == ["beta 1.0.0"]
    assert ids("search=100%25") == []
    assert ids("metadata_search=PAY A") == ["alpha 1.0.0"]
    assert ids("release_channel=dev") == ids("environment=dev") == ids("status=active") == ["gamma 1.0.0"]
    assert ids("environment=production") == []
    assert ids(f"project_id={house.project.pk}") == ["gamma 1.1.0", "gamma 1.0.0"]
    assert ids("latest_only=true&search=gamma") == ["gamma 1.1.0"]
    assert viewer.get(f"{URL}?status=nonsense").status_code == 422


def test_versions_of_a_procedure(operator, viewer):
    for version in ("1.0.0", "2.0.0"):
        send(operator, hello(version=version))
    assert [row["version"] for row in viewer.get(f"{URL}/hello/versions").json()] == ["2.0.0", "1.0.0"]


def test_a_draft_gets_a_new_document(operator):
    send(operator, hello())
    former = Document.system.get().document_hash
    answer = operator.put(ONE, {"ckp_json": hello(description="better")})
    assert answer.status_code == 200, answer.json()
    assert answer.json()["description"] == "better"
    assert Document.system.get().document_hash == answer.json()["document_hash"] != former


@pytest.mark.parametrize(("field", "other"), [("procedure_id", "hallo"), ("version", "1.0.1")])
def test_a_document_says_the_id_and_version_of_its_address(operator, field, other):
    send(operator, hello())
    refused = operator.put(ONE, {"ckp_json": hello(**{field: other})})
    [problem] = refused.json()["problems"]
    assert (refused.status_code, problem["code"], problem["severity"]) == (422, "CKP104", "error")
    assert problem["pointer"] == f"/{field}"
    assert operator.put(ONE, {"ckp_json": hello(**{field: hello()[field]})}).status_code == 200


def test_put_checks_status_and_document(operator):
    send(operator, hello())
    assert operator.put(ONE, {"ckp_json": broken()}).json()["code"] == "compile_failed"
    set_status(operator, "active")
    frozen = operator.put(ONE, {"ckp_json": hello(description="x")})
    assert (frozen.status_code, frozen.json()["code"]) == (409, "version_frozen")


def test_if_match_protects_the_work_of_others(operator):
    send(operator, hello())
    seen = operator.get(ONE).headers["ETag"]
    first = operator.put(ONE, {"ckp_json": hello(description="mine")}, HTTP_IF_MATCH=seen)
    assert (first.status_code, first.headers["ETag"] != seen) == (200, True)
    second = operator.put(ONE, {"ckp_json": hello(description="theirs")}, HTTP_IF_MATCH=seen)
    assert (second.status_code, second.json()["code"]) == (412, "precondition_failed")
    assert ProcedureVersion.system.get().description == "mine"


def test_publishing_makes_a_version_current_in_dev(operator):
    send(operator, hello())
    body = set_status(operator, "active").json()
    assert (body["status"], body["channels"], body["release_channel"], body["environment"]) == (
        "active",
        ["dev"],
        "dev",
        "dev",
    )
    assert (body["promoted_by"], body["promoted_from_version"]) == ("operator", None)
    send(operator, hello(version="1.1.0", status="active"))
    rows = {row["version"]: row for row in operator.get(f"{URL}/hello/versions").json()}
    assert (rows["1.0.0"]["status"], rows["1.0.0"]["channels"]) == ("active", [])
    assert rows["1.1.0"]["channels"] == ["dev"]


def test_an_import_that_wants_more_stays_a_draft_with_a_remark(operator):
    for version, status in (("1.0.0", "archived"), ("1.1.0", "deprecated")):
        body = send(operator, hello(version=version, status=status)).json()
        assert body["status"] == "draft"
        assert "CKP106" in [problem["code"] for problem in body["problems"]]


DRAFT = "The status active was not applied, and the version is a draft: "


def unapplied(body):
    """What is said of each request that was not applied (CKP106), by its pointer."""
    return {one["pointer"]: one["message"] for one in body["problems"] if one["code"] == "CKP106"}


def test_an_import_that_wants_to_be_active_becomes_so_or_says_why_not(house, api):
    send(api(house.operator), hello("stock"), project_id=str(house.other_project.pk))
    document = hello("orders", status="active", release={"channel": "qa"}, variables_schema={})
    call = {"type": "subflow", "procedure_id": "stock", "version": "1.0.0", "next_node": "done"}
    document["workflow_graph"]["nodes"]["greet"] = call
    place = {"project_id": str(house.project.pk)}
    draft = send(api(house.clerk), document, **place).json()
    reason = "it runs stock of the project Warehouse; only an operator there may do so."
    assert (draft["status"], unapplied(draft)["/status"]) == ("draft", DRAFT + reason)
    active = send(api(house.operator), document | {"version": "1.1.0"}, **place).json()
    assert (active["status"], set(unapplied(active))) == ("active", {"/release/channel"})


def test_a_new_document_of_a_draft_publishes_nothing(operator):
    send(operator, hello())
    body = operator.put(ONE, {"ckp_json": hello(status="active")}).json()
    assert (body["status"], unapplied(body)) == ("draft", {"/status": DRAFT + "an update publishes nothing."})


def test_a_project_may_refuse_warnings_when_publishing(operator, house):
    house.project.settings = {"errors_on": ["CKP126"]}
    house.project.save()
    document = hello(variables_schema={"who": {"type": "string", "default": "x"}, "unused": {"type": "string"}})
    body = send(operator, document | {"status": "active"}, project_id=str(house.project.pk)).json()
    assert "CKP126" in [problem["code"] for problem in body["problems"]]
    assert body["status"] == "draft"
    assert unapplied(body) == {"/status": DRAFT + "the project publishes nothing with CKP126."}
    assert set_status(operator, "active").status_code == 422


LEGAL = [
    ("draft", "active"),
    ("draft", "archived"),
    ("active", "deprecated"),
    ("active", "archived"),
    ("active", "draft"),
    ("deprecated", "active"),
    ("deprecated", "archived"),
    ("archived", "deprecated"),
]


@pytest.mark.parametrize("present", ["draft", "active", "deprecated", "archived"])
@pytest.mark.parametrize("wanted", ["draft", "active", "deprecated", "archived"])
def test_moves_between_statuses(operator, present, wanted):
    send(operator, hello())
    ProcedureVersion.system.update(status=present)
    answer = set_status(operator, wanted)
    if present == wanted or (present, wanted) in LEGAL:
        assert (answer.status_code, answer.json()["status"]) == (200, wanted)
    else:
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


def test_unknown_status_is_422(operator):
    send(operator, hello())
    answer = set_status(operator, "published")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_status")


def test_what_qa_or_prod_use_stays_active(operator, house):
    send(operator, hello(status="active"))
    CurrentVersion.system.update(channel="prod")
    for status in ("deprecated", "archived"):
        answer = set_status(operator, status)
        assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert set_status(operator, "draft").status_code == 409


def test_leaving_active_leaves_dev(operator):
    send(operator, hello(status="active"))
    assert set_status(operator, "deprecated").json()["channels"] == []
    assert not CurrentVersion.system.exists()


def test_archived_versions_are_out_of_lists(operator, viewer):
    send(operator, hello())
    set_status(operator, "archived")
    assert viewer.get(URL).json() == []
    assert len(viewer.get(f"{URL}?status=archived").json()) == 1
    assert viewer.get(f"{URL}/hello/latest").status_code == 404


def test_deleting(operator):
    send(operator, hello(status="active"))
    active = operator.delete(ONE)
    assert (active.status_code, active.json()["code"]) == (409, "in_use")
    set_status(operator, "archived")
    assert operator.delete(ONE).json() == {"deleted": True, "procedure_id": "hello", "version": "1.0.0"}
    assert (Procedure.system.count(), Document.system.count()) == (0, 0)
    assert operator.get(f"{URL}/hello/versions").status_code == 404


def test_graph_has_every_edge_and_the_authors_positions(operator, viewer):
    document = hello()
    document["workflow_graph"]["nodes"]["greet"]["x-position"] = {"x": 7, "y": 9}
    document["workflow_graph"]["nodes"]["greet"]["on_error"] = "done"
    send(operator, document)
    drawn = viewer.get(f"{ONE}/graph").json()
    assert {node["id"]: node["position"] for node in drawn["nodes"]}["greet"] == {"x": 7, "y": 9}
    assert {edge["kind"] for edge in drawn["edges"]} == {"next", "error"}


def test_builder_draft_is_kept_beside_the_version(operator, viewer):
    send(operator, hello())
    url = f"{ONE}/builder-draft"
    assert viewer.get(url).json()["draft"] is None
    assert viewer.put(url, {"draft": {}}).status_code == 403
    seen = operator.get(url).headers["ETag"]
    kept = operator.put(url, {"draft": {"half": "done"}}, HTTP_IF_MATCH=seen)
    assert (kept.status_code, kept.json()["draft"]) == (200, {"half": "done"})
    assert operator.put(url, {"draft": {}}, HTTP_IF_MATCH=seen).status_code == 412
    assert viewer.get(ONE).json()["builder_draft"] == {"half": "done"}


def test_viewers_change_nothing(operator, viewer):
    send(operator, hello())
    for answer in (
        send(viewer, hello(version="2")),
        viewer.put(ONE, {"ckp_json": hello()}),
        viewer.delete(ONE),
        set_status(viewer, "active"),
    ):
        assert (answer.status_code, answer.json()["permission"]) == (403, "procedures.edit")
