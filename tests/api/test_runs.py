"""Runs over REST: starting, reading, finding (api 5, 14; runtime 3)."""

from datetime import timedelta
from typing import Any

import pytest

from orchestration.api.serializers import RunOut
from orchestration.models import Event, Run, RunJob
from tenants.models import AuditEntry
from tests.documents import hello
from tests.published import draft, publish, purchase

URL = "/api/runs"


@pytest.fixture
def operator(house, api):
    return api(house.operator)


@pytest.fixture
def viewer(house, api):
    return api(house.viewer)


@pytest.fixture
def buying(house):
    """A published version with inputs of several kinds."""
    return publish(house.operator, purchase())


def start(client, procedure_id="hello", **body):
    return client.post(URL, {"procedure_id": procedure_id, **body})


def calling() -> dict[str, Any]:
    """A document with a call."""
    step = {"step_id": "open", "action": "navigate", "agent": "web"}
    nodes = {"fetch": {"type": "sequence", "steps": [step], "next_node": "done"}, "done": {"type": "terminate"}}
    return {"procedure_id": "calling", "version": "1.0.0", "workflow_graph": {"start_node": "fetch", "nodes": nodes}}


def ids(answer):
    assert answer.status_code == 200, answer.json()
    return [row["run_id"] for row in answer.json()]


class TestStart:
    def test_a_run_is_queued_with_its_job_its_event_and_its_audit_row(self, house, operator):
        publish(house.operator, hello(), house.project)
        answer = start(operator, title="First", labels={"team": "ap"}, priority=7, case_id="C-1")
        assert answer.status_code == 201, answer.json()
        body = answer.json()
        assert set(body) == set(RunOut().fields)
        assert (body["status"], body["procedure_version"], body["release_channel"]) == ("created", "1.0.0", "dev")
        assert (body["environment"], body["project_id"]) == ("dev", str(house.project.pk))
        assert (body["title"], body["labels"], body["priority"], body["case_id"]) == ("First", {"team": "ap"}, 7, "C-1")
        assert (body["trigger_type"], body["triggered_by"], body["is_test"]) == ("manual", "operator", False)
        assert body["thread_id"] == body["run_id"]
        assert body["created_at"].endswith("Z")
        run = Run.system.get(pk=body["run_id"])
        assert (run.initiator, RunJob.objects.get(run=run).state) == (house.operator, "ready")
        assert RunJob.objects.get(run=run).priority == 7
        assert list(Event.objects.filter(run=run).values_list("seq", "event_type")) == [(1, "run_created")]
        entry = AuditEntry.system.get(action="run.start")
        assert (entry.user, entry.resource_id, entry.project) == (house.operator, str(run.pk), house.project)

    def test_defaults_fill_in_and_see_the_built_ins_of_the_start(self, operator, buying):
        body = start(operator, "purchase", input_vars={"item": "lamp", "amount": 5}).json()
        assert body["input_vars"] == {"item": "lamp", "amount": 5, "note": "for operator"}

    def test_all_faulty_inputs_are_told_together_and_nothing_is_stored(self, operator, buying):
        answer = start(operator, "purchase", input_vars={"item": "x" * 41, "amount": "5"})
        assert answer.status_code == 422
        body = answer.json()
        assert body["code"] == "invalid_input"
        assert body["detail"]["message"] == "Invalid input_vars"
        assert set(body["detail"]["errors"]) == {"item", "amount"}
        assert {place["field"] for place in body["errors"]} == {"item", "amount"}
        assert not Run.system.exists()
        assert not AuditEntry.system.filter(action="run.start").exists()

    def test_undeclared_inputs_are_left_out_and_recorded(self, operator, buying):
        body = start(operator, "purchase", input_vars={"item": "lamp", "amount": 5, "color": "red"}).json()
        assert "color" not in body["input_vars"]
        events = operator.get(f"{URL}/{body['run_id']}/events").json()
        assert [(event["event_type"], event["payload"].get("names")) for event in events] == [
            ("run_created", None),
            ("unknown_input", ["color"]),
        ]

    def test_undeclared_inputs_are_refused_where_the_document_says_so(self, house, operator):
        publish(house.operator, hello(global_config={"extra_inputs": "reject"}))
        answer = start(operator, input_vars={"color": "red"})
        assert (answer.status_code, answer.json()["detail"]["errors"]) == (
            422,
            {"color": "color is not an input of this procedure."},
        )

    @pytest.mark.parametrize("name", ["initial_state", "variables", "inputs"])
    def test_older_names_of_fields_are_read(self, operator, buying, name):
        answer = start(operator, "purchase", version="1.0.0", trigger="x", **{name: {"item": "lamp", "amount": 2}})
        assert answer.status_code == 201, answer.json()
        assert answer.json()["input_vars"]["item"] == "lamp"

    def test_input_vars_outrank_the_older_names(self, operator, buying):
        answer = start(
            operator, "purchase", input_vars={"item": "new", "amount": 2}, variables={"item": "old", "amount": 3}
        )
        assert answer.json()["input_vars"]["item"] == "new"

    def test_what_cannot_be_started_says_why(self, house, operator):
        assert self.refused(operator, "nothing") == (404, "procedure_not_found")
        version = publish(house.operator, hello())
        assert self.refused(operator, "hello", procedure_version="9") == (404, "procedure_not_found")
        assert self.refused(operator, "hello", environment="production") == (409, "procedure_not_runnable")
        type(version).system.filter(pk=version.pk).update(status="deprecated")
        assert self.refused(operator, "hello", procedure_version="1.0.0") == (409, "procedure_not_runnable")
        type(version).system.filter(pk=version.pk).update(status="archived")
        assert self.refused(operator, "hello", procedure_version="1.0.0") == (409, "procedure_not_runnable")

    def test_what_is_registered_now_may_forbid_a_start(self, house, operator):
        publish(house.operator, calling(), house.project)
        house.project.settings = {"allowed_actions": ["mail.*"]}
        house.project.save()
        answer = start(operator, "calling")
        place = "/workflow_graph/nodes/fetch/steps/0/action"
        assert (answer.status_code, answer.json()["code"]) == (409, "procedure_not_runnable")
        assert [(one["code"], one["pointer"]) for one in answer.json()["errors"]] == [("CKP505", place)]
        assert not Run.system.exists()
        house.project.settings = {"allowed_actions": ["mail.*", "navigate"]}
        house.project.save()
        assert start(operator, "calling").status_code == 201

    def test_malformed_bodies_name_their_field(self, house, operator):
        publish(house.operator, hello())
        bodies: list[dict[str, Any]] = [
            {"priority": 101},
            {"input_vars": []},
            {"labels": {"a": {}}},
            {"execution_mode": "x"},
        ]
        for body in bodies:
            answer = start(operator, **body)
            assert (answer.status_code, answer.json()["errors"][0]["field"].split(".")[0]) == (422, next(iter(body)))

    @staticmethod
    def refused(client, procedure_id, **body: Any):
        answer = start(client, procedure_id, **body)
        return answer.status_code, answer.json()["code"]

    def test_a_draft_is_a_test_run(self, house, operator):
        draft(house.operator, hello())
        assert start(operator).json()["is_test"] is True

    def test_modes_only_get_stricter(self, house, operator):
        publish(house.operator, hello(global_config={"execution_mode": "dry_run"}))
        body = start(operator).json()
        assert (body["execution_mode"], body["is_test"]) == ("dry_run", True)
        assert start(operator, execution_mode="validation_only").json()["execution_mode"] == "validation_only"
        answer = start(operator, execution_mode="production")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "execution_mode")

    def test_the_same_dedupe_key_gives_the_first_run(self, house, operator):
        config = {"dedupe": {"key": "{{ who }}", "window_seconds": 60}}
        publish(house.operator, hello(global_config=config))
        first = start(operator, input_vars={"who": "ann"})
        again = start(operator, input_vars={"who": "ann"})
        assert (again.status_code, again.headers["X-Deduplicated"]) == (200, "true")
        assert again.json()["run_id"] == first.json()["run_id"]
        assert start(operator, input_vars={"who": "bob"}).status_code == 201
        Run.system.filter(pk=first.json()["run_id"]).update(
            created_at=Run.system.get(pk=first.json()["run_id"]).created_at - timedelta(seconds=61)
        )
        assert start(operator, input_vars={"who": "ann"}).status_code == 201

    def test_a_tenant_over_its_quota_is_refused(self, house, operator):
        publish(house.operator, hello())
        type(house.tenant).objects.filter(pk=house.tenant.pk).update(max_open_runs=1)
        assert start(operator).status_code == 201
        answer = start(operator)
        assert (answer.status_code, answer.json()["code"], answer.json()["max"]) == (429, "quota_exceeded", 1)
        assert answer.headers["Retry-After"]
        Run.system.update(status="canceled", ended_at=Run.system.get().created_at)
        assert start(operator).status_code == 201

    def test_a_project_over_its_quota_is_refused(self, house, operator):
        publish(house.operator, hello(), house.project)
        type(house.project).system.filter(pk=house.project.pk).update(settings={"quotas": {"max_open_runs": 0}})
        assert start(operator).json()["scope"] == "project"

    def test_concurrency_drops_where_the_document_says_so(self, house, operator):
        publish(house.operator, hello(global_config={"concurrency": {"max_runs": 1, "on_limit": "drop"}}))
        first = start(operator).json()["run_id"]
        assert start(operator).status_code == 201, "queued runs occupy nothing yet"
        run = Run.system.get(pk=first)
        Run.system.filter(pk=first).update(started_at=run.created_at)
        answer = start(operator)
        assert (answer.status_code, answer.json()["code"]) == (429, "concurrency_limit")

    def test_the_same_idempotency_key_starts_once(self, house, operator):
        publish(house.operator, hello())
        answers = [operator.post(URL, {"procedure_id": "hello"}, headers={"Idempotency-Key": "k1"}) for _ in range(2)]
        assert answers[0].json()["run_id"] == answers[1].json()["run_id"]
        assert answers[1].headers["Idempotent-Replayed"] == "true"
        assert Run.system.count() == 1


class TestAccess:
    def test_who_may_start(self, house, api):
        publish(house.operator, hello(), house.project)
        statuses = {
            name: start(api(getattr(house, name))).status_code
            for name in ("admin", "operator", "approver", "viewer", "clerk", "judge", "guest", "stranger")
        }
        assert statuses == {
            "admin": 201,
            "operator": 201,
            "approver": 403,
            "viewer": 403,
            "clerk": 201,
            "judge": 403,
            "guest": 403,
            "stranger": 404,
        }
        assert start(api()).status_code == 401

    def test_an_operator_of_another_project_finds_no_such_procedure(self, house, api):
        publish(house.operator, hello(), house.other_project)
        assert start(api(house.clerk)).status_code == 404

    def test_a_procedure_of_the_tenant_runs_in_a_project_that_is_named(self, house, api):
        publish(house.operator, hello())
        answer = start(api(house.operator), project_id=str(house.other_project.pk))
        assert answer.json()["project_id"] == str(house.other_project.pk)

    def test_a_procedure_of_a_project_runs_in_no_other(self, house, api):
        publish(house.operator, hello(), house.project)
        answer = start(api(house.operator), project_id=str(house.other_project.pk))
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "project_id")

    def test_who_may_see(self, house, api):
        publish(house.operator, hello(), house.project)
        run_id = start(api(house.operator)).json()["run_id"]
        seen = {
            name: (api(getattr(house, name)).get(f"{URL}/{run_id}").status_code, len(ids(listed)))
            for name in ("viewer", "clerk", "guest", "stranger")
            if (listed := api(getattr(house, name)).get(URL))
        }
        assert seen == {"viewer": (200, 1), "clerk": (200, 1), "guest": (404, 0), "stranger": (404, 0)}
        assert api(house.viewer).get(f"{URL}/not-an-id").status_code == 404
        for path in ("events", "stream"):
            assert api(house.guest).get(f"{URL}/{run_id}/{path}").status_code == 404

    def test_a_viewer_is_told_which_verbs_are_not_his(self, house, api, viewer):
        publish(house.operator, hello())
        run_id = start(api(house.operator)).json()["run_id"]
        assert "runs.operate" in viewer.get(f"{URL}/{run_id}").json()["can"]["cancel"]
        assert viewer.post(f"{URL}/{run_id}/cancel").status_code == 403


class TestRead:
    def test_sensitive_values_are_masked(self, operator, viewer, buying):
        body = start(operator, "purchase", input_vars={"item": "lamp", "amount": 5, "password": "hush-hush"})
        assert body.json()["input_vars"]["password"] == "***REDACTED***"
        assert "hush-hush" not in viewer.get(URL).content.decode()

    def test_a_queued_run_waits_for_a_worker_and_knows_its_place(self, house, operator):
        publish(house.operator, hello())
        first, second = (start(operator).json()["run_id"] for _ in range(2))
        waiting = operator.get(f"{URL}/{second}").json()["waiting_for"]
        assert (waiting["kind"], waiting["ref"]) == ("capacity", "worker")
        assert waiting["sentence"] == "Waiting for a free worker, 2nd in line"
        assert "1st" in operator.get(f"{URL}/{first}").json()["waiting_for"]["sentence"]

    def test_big_outputs_are_left_out_of_lists_only(self, house, operator):
        publish(house.operator, hello())
        run_id = start(operator).json()["run_id"]
        Run.system.filter(pk=run_id).update(output_vars={"text": "x" * 20_000})
        assert operator.get(URL).json()[0]["outputs"] is None
        body = operator.get(f"{URL}/{run_id}").json()
        assert len(body["outputs"]["text"]) == 20_000
        assert body["outputs"] == body["state"] == body["variables"] == body["output_vars"]

    def test_a_list_costs_the_same_for_one_and_for_many(self, house, operator, django_assert_max_num_queries):
        publish(house.operator, hello())
        for _ in range(12):
            start(operator)
        with django_assert_max_num_queries(14):
            assert len(ids(operator.get(URL))) == 12

    def test_events_are_read_after_a_number(self, house, operator, buying):
        run_id = start(operator, "purchase", input_vars={"item": "a", "amount": 1, "x": 1}).json()["run_id"]
        events = operator.get(f"{URL}/{run_id}/events", {"after": 1}).json()
        assert [event["seq"] for event in events] == [2]
        assert operator.get(f"{URL}/{run_id}/events", {"event_type": "run_created"}).json()[0]["seq"] == 1
        assert operator.get(f"{URL}/{run_id}/events", {"limit": 0}).status_code == 422


class TestFind:
    @pytest.fixture
    def made(self, house, operator, buying):
        """Three runs: an old failed one of hello in a project, a canceled one and a queued one of purchase."""
        publish(house.operator, hello(), house.project)
        old = start(operator, title="Oldest of all", labels={"team": "ap"}, case_id="C-9").json()["run_id"]
        cut = start(operator, "purchase", input_vars={"item": "bed", "amount": 400}).json()["run_id"]
        new = start(operator, "purchase", input_vars={"item": "cup", "amount": 12.5}).json()["run_id"]
        rows = Run.system
        before = rows.get(pk=old).created_at - timedelta(days=3)
        rows.filter(pk=old).update(
            created_at=before,
            status="failed",
            ended_at=before,
            error={"class": "timeout", "message": "m"},
            error_class="timeout",
            last_node_id="greet",
        )
        rows.filter(pk=cut).update(status="canceled", ended_at=rows.get(pk=cut).created_at)
        return {"old": old, "cut": cut, "new": new, "old_at": before}

    def found(self, client, made, **query):
        names = {run_id: name for name, run_id in made.items()}
        return [names[run_id] for run_id in ids(client.get(URL, query))]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({}, ["new", "cut", "old"]),
            ({"order": "asc"}, ["old", "cut", "new"]),
            ({"procedure_id": "purchase"}, ["new", "cut"]),
            ({"procedure_version": "2"}, []),
            ({"status": "failed,canceled"}, ["cut", "old"]),
            ({"status": "cancelled"}, ["cut"]),
            ({"status": "queued"}, ["new"]),
            ({"case_id": "C-9"}, ["old"]),
            ({"error_class": "timeout"}, ["old"]),
            ({"node_id": "greet"}, ["old"]),
            ({"trigger_type": "manual", "triggered_by": "operator"}, ["new", "cut", "old"]),
            ({"trigger_type": "webhook"}, []),
            ({"waiting_for": "capacity"}, ["new"]),
            ({"waiting_for": "approval"}, []),
            ({"label": "team"}, ["old"]),
            ({"label": "team:ap"}, ["old"]),
            ({"label": "team:hr"}, []),
            ({"search": "OLDEST"}, ["old"]),
            ({"search": "%"}, []),
            ({"search": "purch"}, ["new", "cut"]),
            ({"var.amount": "400"}, ["cut"]),
            ({"var.amount": "<100"}, ["new"]),
            ({"var.amount": ">=12.5"}, ["new", "cut"]),
            ({"var.item": "bed"}, []),
            ({"unheard_of": "x"}, ["new", "cut", "old"]),
        ],
    )
    def test_each_filter(self, operator, made, query, names):
        assert self.found(operator, made, **query) == names

    def test_filters_that_need_ids_and_times(self, house, operator, made):
        assert self.found(operator, made, project_id=str(house.project.pk)) == ["old"]
        assert self.found(operator, made, parent_run_id=made["old"]) == []
        assert self.found(operator, made, search=made["cut"][:13]) != []
        at = made["old_at"].isoformat()
        assert self.found(operator, made, created_from=at) == ["new", "cut", "old"]
        assert self.found(operator, made, created_to=at) == []

    @pytest.mark.parametrize(
        "query",
        [{"status": "lost"}, {"project_id": "x"}, {"created_from": "soon"}, {"trigger_type": "x"}, {"limit": 0}],
    )
    def test_values_that_cannot_be_read_are_refused_by_name(self, operator, query):
        answer = operator.get(URL, query)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == next(iter(query))

    def test_pages_follow_each_other_without_gap(self, operator, made):
        first = operator.get(URL, {"limit": 2})
        assert (len(first.json()), first.headers["X-Total-Count"]) == (2, "3")
        rest = operator.get(URL, {"limit": 2, "cursor": first.headers["X-Next-Cursor"]})
        assert ids(first) + ids(rest) == [made["new"], made["cut"], made["old"]]
        assert "X-Next-Cursor" not in rest.headers
