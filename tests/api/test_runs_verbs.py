"""Cancel and retry over REST, on runs that the engine drives (api 5, runtime 14)."""

from typing import Any

import pytest

from approvals.models import Approval
from orchestration.models import Event, Run, Wait
from orchestration.runtime import claims
from procedures.models import ProcedureVersion
from tenants.models import AuditEntry
from tests import runs
from tests.documents import hello
from tests.published import publish, purchase

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/runs"
INPUTS = {"item": "lamp", "amount": 5}


@pytest.fixture
def operator(house, api):
    return api(house.operator)


def fragile(**root: Any) -> dict[str, Any]:
    """Prepares, then divides by an input: zero fails it."""
    nodes = {
        "prepare": {
            "type": "sequence",
            "steps": [{"step_id": "say", "action": "log", "message": "ready"}],
            "next_node": "divide",
        },
        "divide": {
            "type": "sequence",
            "steps": [{"step_id": "do", "action": "calculate", "expression": "10 / by", "output_variable": "result"}],
            "next_node": "done",
        },
        "done": {"type": "terminate", "outputs": {"result": "{{ result }}"}},
    }
    schema = {"by": {"type": "number", "required": True}}
    return hello("fragile", variables_schema=schema, workflow_graph={"start_node": "prepare", "nodes": nodes}, **root)


def start(client, procedure_id, **inputs):
    answer = client.post(URL, {"procedure_id": procedure_id, "input_vars": inputs})
    assert answer.status_code == 201, answer.json()
    return answer.json()["run_id"]


def started(client, procedure_id, **inputs):
    """The id of a run that has been driven as far as it goes."""
    run_id = start(client, procedure_id, **inputs)
    runs.drive(Run.system.get(pk=run_id))
    return run_id


def verb(client, run_id, name, **body):
    return client.post(f"{URL}/{run_id}/{name}", body)


class TestCancel:
    def test_a_queued_run_is_canceled_at_once_and_only_once(self, house, operator):
        publish(house.operator, hello())
        run_id = start(operator, "hello")
        answers = [verb(operator, run_id, "cancel", reason="typo") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert [answer.json()["status"] for answer in answers] == ["canceled", "canceled"]
        assert runs.told(Run.system.get(pk=run_id).pk) == ["run_created", "run_canceled"]
        last = Event.objects.filter(run_id=run_id).latest("seq")
        assert last.payload == {"by": "operator", "reason": "typo"}
        assert AuditEntry.system.filter(action="run.cancel", resource_id=run_id).count() == 1
        assert not runs.engine.drive_one("w"), "nothing is left to drive"

    def test_a_run_that_waits_for_a_person_withdraws_its_question(self, house, operator):
        publish(house.operator, purchase())
        run_id = started(operator, "purchase", **INPUTS)
        waiting = operator.get(f"{URL}/{run_id}").json()
        assert (waiting["status"], waiting["waits_open"]) == ("waiting_approval", 1)
        assert (waiting["waiting_for"]["kind"], waiting["can"]["cancel"]) == ("approval", True)
        assert waiting["waiting_for"]["sentence"].startswith("Waiting for a decision by")
        assert [row["run_id"] for row in operator.get(URL, {"waiting_for": "approval"}).json()] == [run_id]
        assert verb(operator, run_id, "cancel").json()["status"] == "canceled"
        assert Approval.system.get().status == "cancelled"
        assert Wait.objects.get().state == "canceled"

    def test_a_run_at_work_is_asked_to_stop(self, house, operator):
        publish(house.operator, hello())
        run_id = start(operator, "hello")
        assert claims.claim("w1") is not None
        for _ in range(2):
            body = verb(operator, run_id, "cancel").json()
            assert (body["status"], body["cancel_requested"]) == ("running", True)
        assert "already" in body["can"]["cancel"]
        assert Event.objects.filter(run_id=run_id, event_type="run_cancel_requested").count() == 1

    def test_what_has_ended_otherwise_is_not_canceled(self, house, operator):
        publish(house.operator, fragile())
        for by, status in ((2, "completed"), (0, "failed")):
            run_id = started(operator, "fragile", by=by)
            answer = verb(operator, run_id, "cancel")
            assert (answer.status_code, answer.json()["code"], answer.json()["status"]) == (409, "run_terminal", status)


class TestRetry:
    @pytest.fixture
    def failed(self, house, operator):
        publish(house.operator, fragile())
        return started(operator, "fragile", by=0)

    def test_a_failed_run_says_what_was_wrong(self, operator, failed):
        body = operator.get(f"{URL}/{failed}").json()
        assert (body["status"], body["error"]["class"], body["error"]["node_id"]) == (
            "failed",
            "expression_error",
            "divide",
        )
        assert (body["error_message"], body["last_node_id"]) == (body["error"]["message"], "divide")
        assert (body["can"]["retry"], body["can"]["cancel"]) == (True, "The run has ended.")

    def test_it_goes_on_from_the_failed_step_and_repeats_nothing(self, operator, failed):
        answer = verb(operator, failed, "retry", reason="again")
        assert (answer.status_code, answer.json()["run_id"], answer.json()["status"]) == (200, failed, "created")
        assert answer.json()["error"] is None
        runs.drive(Run.system.get(pk=failed))
        told = runs.told(Run.system.get(pk=failed).pk)
        assert (told.count("run_retry_requested"), told.count("run_failed")) == (1, 2)
        assert Event.objects.filter(run_id=failed, node_id="prepare", event_type="node_started").count() == 1
        assert AuditEntry.system.get(action="run.retry").meta == {"mode": "failed_step"}

    def test_from_the_start_is_a_new_run_with_the_same_inputs(self, operator, failed):
        answer = verb(operator, failed, "retry", mode="start")
        body = answer.json()
        assert (answer.status_code, body["retry_of"], body["input_vars"]) == (201, failed, {"by": 0})
        assert body["run_id"] != failed

    def test_changed_inputs_make_a_new_run(self, operator, failed):
        body = verb(operator, failed, "retry", input_vars={"by": 4}).json()
        assert runs.drive(Run.system.get(pk=body["run_id"])).output_vars == {"result": 2.5}
        assert body["retry_of"] == failed
        refused = verb(operator, failed, "retry", input_vars={"by": "four"})
        assert (refused.status_code, set(refused.json()["detail"]["errors"])) == (422, {"by"})

    def test_another_version_makes_a_new_run(self, house, operator, failed):
        publish(house.operator, fragile() | {"version": "2.0.0"})
        body = verb(operator, failed, "retry", procedure_version="2.0.0").json()
        assert (body["procedure_version"], body["input_vars"]) == ("2.0.0", {"by": 0})

    def test_the_failed_step_does_not_take_changed_inputs(self, operator, failed):
        answer = verb(operator, failed, "retry", mode="failed_step", input_vars={"by": 4})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "mode")

    def test_the_document_may_prefer_the_start(self, house, operator):
        publish(house.operator, fragile(global_config={"resume_on_failure": False}))
        run_id = started(operator, "fragile", by=0)
        assert verb(operator, run_id, "retry").status_code == 201
        assert verb(operator, run_id, "retry", mode="failed_step").json()["run_id"] == run_id

    def test_a_completed_run_is_retried_as_a_new_one_only(self, house, operator, failed):
        done = started(operator, "fragile", by=5)
        refused = verb(operator, done, "retry")
        assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")
        assert verb(operator, done, "retry", mode="start").status_code == 201

    def test_an_open_run_is_not_retried(self, house, operator):
        publish(house.operator, purchase())
        run_id = started(operator, "purchase", **INPUTS)
        for mode in ("failed_step", "start", "new_run"):
            assert verb(operator, run_id, "retry", mode=mode).status_code == 409
        assert operator.get(f"{URL}/{run_id}").json()["can"]["retry"] == "The run has not ended; cancel it first."

    def test_a_canceled_run_goes_on_where_it_was_and_asks_anew(self, house, operator):
        publish(house.operator, purchase())
        run_id = started(operator, "purchase", **INPUTS)
        verb(operator, run_id, "cancel")
        assert verb(operator, run_id, "retry").json()["cancel_requested"] is False
        assert runs.drive(Run.system.get(pk=run_id)).status == "waiting_approval"
        assert sorted(Approval.system.values_list("status", flat=True)) == ["cancelled", "pending"]

    def test_a_deprecated_version_still_repeats_and_an_archived_one_does_not(self, operator, failed):
        version = ProcedureVersion.system.get(procedure__procedure_id="fragile")
        set_status(version, "deprecated")
        assert verb(operator, failed, "retry", mode="start").status_code == 201
        set_status(version, "archived")
        for mode in ("failed_step", "start", "new_run"):
            answer = verb(operator, failed, "retry", mode=mode)
            assert (answer.status_code, answer.json()["detail"]) == (409, "Its version was archived since.")
        assert operator.get(f"{URL}/{failed}").json()["can"]["retry"] == "Its version was archived since."

    def test_who_may_retry(self, house, api, failed):
        statuses = {
            name: verb(api(getattr(house, name)), failed, "retry", mode="start").status_code
            for name in ("viewer", "approver", "clerk", "stranger", "admin")
        }
        assert statuses == {"viewer": 403, "approver": 403, "clerk": 404, "stranger": 404, "admin": 201}


def set_status(version: ProcedureVersion, status: str) -> None:
    ProcedureVersion.system.filter(pk=version.pk).update(status=status)
