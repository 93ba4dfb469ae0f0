"""Subflows: a child is a run of its own, started with its wait and answered by its end (runtime 15)."""

from typing import Any

import pytest

from langorch.lib.errors import Conflict, Denied
from orchestration import queue, services
from orchestration.models import Event, Run, RunJob, Wait
from procedures import services as procedures
from procedures.ckp.compile import compile_document
from procedures.models import Document, ProcedureVersion
from tenants.actor import system
from tenants.choices import Role
from tenants.services import grant_role
from tests import people, runs
from tests.children import asks, calls, child_of, divides, ends, made, sets, started
from tests.people import House
from tests.published import draft, publish

pytestmark = pytest.mark.django_db(transaction=True)

GRAPH = {"start_node": "end", "nodes": {"end": {"type": "terminate"}}}
BY = {"by": {"type": "integer", "default": 2}}


def payload(run: Run, event_type: str) -> dict[str, Any]:
    return Event.objects.get(run=run, event_type=event_type).payload


@pytest.fixture
def by(house: House):
    return house.operator


def family(by, child: dict[str, Any], node: dict[str, Any], *, schema: Any = None, **root: Any) -> Run:
    """A queued run of a parent that calls one child and then ends."""
    made(by, "child", child, **root)
    made(
        by,
        "parent",
        {"call": {**node, "next_node": "end"}, "end": {"type": "terminate"}},
        variables_schema=schema or {},
    )
    return started(by)


def rewritten(procedure_id: str, nodes: dict[str, Any]) -> None:
    """Let a published version have these nodes, as no compiler would."""
    version = ProcedureVersion.system.select_related("document").get(procedure__procedure_id=procedure_id)
    compiled = compile_document(runs.document(nodes, procedure_id=procedure_id))
    Document.system.filter(pk=version.document_id).update(canonical=compiled.canonical)


class TestItsEnd:
    def test_the_outputs_of_a_child_are_all_in_one_variable(self, by):
        run = runs.drive(family(by, {"set": sets("x", 5, "end"), "end": ends(y="{{ x }}", who="me")}, calls()))
        assert (run.status, run.output_vars) == ("completed", {"subflow_output": {"y": 5, "who": "me"}})
        child = child_of(run)
        assert (child.status, child.trigger_type, child.triggered_by) == ("completed", "subflow", str(run.pk))
        assert (child.parent_path, child.depth, child.root_run, child.initiator) == ("call", 1, run, by)
        about = {"child_run_id": str(child.pk), "procedure_id": "child", "version": "1.0.0"}
        assert payload(run, "subflow_started") == payload(run, "subflow_completed") == about

    def test_outputs_are_mapped_over_the_outputs_of_the_child_alone(self, by):
        node = calls(output_mapping={"sum": "x + y", "other": "z | default('none')"})
        made(by, "child", {"end": ends(x=2, y=3)})
        nodes = {"z": sets("z", "mine", "call"), "call": {**node, "next_node": "end"}, "end": {"type": "terminate"}}
        nodes["call"]["output_mapping"].pop("other")
        made(by, "parent", nodes)
        run = runs.drive(started(by))
        assert run.output_vars == {"z": "mine", "sum": 5}

    def test_a_failed_child_fails_its_parent_with_its_error(self, by):
        run = runs.drive(family(by, {"d": divides()}, calls(input_mapping={"by": 0}), variables_schema=BY))
        assert (run.status, run.error_class, run.error["error_type"]) == (
            "failed",
            "subflow_failed",
            "expression_error",
        )
        inner = run.error["details"]
        assert (inner["child_run_id"], inner["status"]) == (str(child_of(run).pk), "failed")
        assert (inner["error"]["node_id"], inner["error"]["step_id"]) == ("d", "d")
        assert payload(run, "subflow_failed")["on_failure"] == "fail_parent"

    def test_a_child_that_terminates_as_failed_fails_its_parent(self, by):
        child = {"end": {"type": "terminate", "status": "failed", "message": "Nothing to do"}}
        run = runs.drive(family(by, child, calls()))
        assert (run.status, run.error_class) == ("failed", "subflow_failed")
        assert "Nothing to do" in run.error["message"]

    def test_the_parent_may_go_on_without_a_failed_child(self, by):
        node = calls(on_failure="continue", input_mapping={"by": 0}, output_mapping={"result": "part"})
        run = runs.drive(family(by, {"d": divides()}, node, variables_schema=BY))
        assert run.status == "completed"
        assert run.output_vars["result"] is None
        assert (run.output_vars["subflow_error"]["class"], run.output_vars["subflow_error"]["node_id"]) == (
            "subflow_failed",
            "call",
        )

    def test_a_child_that_completes_leaves_no_old_error(self, by):
        run = runs.drive(family(by, {"end": ends(a=1)}, calls(on_failure="continue")))
        assert run.output_vars == {"subflow_output": {"a": 1}, "subflow_error": None}

    def test_a_failure_takes_the_way_of_on_error(self, by):
        made(by, "child", {"d": divides()}, variables_schema=BY)
        nodes = {
            "call": calls(input_mapping={"by": 0}, on_error="mend", next_node="end"),
            "mend": sets("mended", "{{ error.class }}", "end"),
            "end": ends(mended="{{ mended | default('no') }}"),
        }
        made(by, "parent", nodes)
        assert runs.drive(started(by)).output_vars == {"mended": "subflow_failed"}

    def test_a_new_child_is_tried_under_the_retry_policy(self, by):
        node = calls(on_failure="retry", retry={"max_retries": 2, "base_delay_ms": 1}, input_mapping={"by": 0})
        run = runs.drive(family(by, {"d": divides()}, node, variables_schema=BY))
        assert (run.status, run.error_class) == ("failed", "subflow_failed")
        assert Run.system.filter(parent_run=run, status="failed").count() == 3
        assert runs.told(run.pk).count("subflow_failed") == 3

    def test_a_long_delay_before_the_next_child_parks_the_parent(self, by):
        node = calls(on_failure="retry", retry={"max_retries": 1, "base_delay_ms": 60_000}, input_mapping={"by": 0})
        run = runs.drive(family(by, {"d": divides()}, node, variables_schema=BY))
        wait = Wait.objects.get(run=run, state="open")
        assert (run.status, wait.kind) == ("paused", "retry")
        runs.fire(wait)
        assert runs.drive(run).status == "failed"
        assert Run.system.filter(parent_run=run).count() == 2

    def test_errors_that_are_never_retried_are_not_retried_here_either(self, by):
        policy = {"max_retries": 2, "base_delay_ms": 1, "non_retryable_errors": ["expression_error"]}
        node = calls(on_failure="retry", retry=policy, input_mapping={"by": 0})
        run = runs.drive(family(by, {"d": divides()}, node, variables_schema=BY))
        assert Run.system.filter(parent_run=run).count() == 1

    def test_a_child_that_a_person_cancels_is_a_failed_one(self, by):
        run = runs.drive(family(by, {"ask": asks("end"), "end": ends()}, calls()))
        assert run.status == "paused"
        services.cancel_run(people.actor(by), child_of(run), "not today")
        run = runs.drive(run)
        assert (run.status, run.error["details"]["status"]) == ("failed", "canceled")
        assert "not today" in run.error["message"]


class TestItsStart:
    def test_inputs_are_given_inherited_and_filled_with_defaults(self, by):
        schema = {
            "given": {"type": "string", "required": True},
            "shared": {"type": "string", "required": True},
            "amount": {"type": "number", "default": 7},
            "note": {"type": "string", "default": "by {{ triggered_by }}"},
        }
        outputs = {name: f"{{{{ {name} }}}}" for name in schema}
        made(by, "child", {"end": ends(**outputs)}, variables_schema=schema)
        node = calls(inherit_context=True, input_mapping={"given": "hidden"}, next_node="end")
        own = {
            name: {"type": "string", "default": f"parent's {name}"} for name in ("given", "shared", "hidden", "other")
        }
        made(by, "parent", {"call": node, "end": {"type": "terminate"}}, variables_schema=own)
        run = runs.drive(started(by))
        assert run.output_vars["subflow_output"] == {
            "given": "parent's hidden",
            "shared": "parent's shared",
            "amount": 7,
            "note": f"by {run.pk}",
        }

    def test_inputs_that_do_not_fit_make_no_child(self, by):
        schema = {
            "a": {"type": "number", "required": True, "validation": {"min": 10}},
            "b": {"type": "string", "required": True},
        }
        node = calls(input_mapping={"a": "{{ one }}", "b": "{{ nothing }}"}, on_failure="continue")
        made(by, "child", {"end": ends()}, variables_schema=schema)
        own = {"one": {"type": "number", "default": 1}, "nothing": {"type": "string"}}
        made(by, "parent", {"call": {**node, "next_node": "end"}, "end": ends()}, variables_schema=own)
        run = runs.drive(started(by))
        assert (run.status, run.error_class) == ("failed", "subflow_contract")
        assert set(run.error["details"]["errors"]) == {"a", "b"}
        assert not Run.system.filter(parent_run=run).exists()

    @pytest.mark.parametrize(
        ("pin", "found"), [("1.1.0", "1.1.0"), ("^1.1", "1.4.2"), (">=1.1 <1.4", "1.3.0"), ("latest", "2.0.0")]
    )
    def test_the_version_of_a_pin(self, by, pin, found):
        for version in ("1.1.0", "1.3.0", "1.4.2", "2.0.0"):
            made(by, "child", {"end": ends(version=version)}, version)
        made(by, "parent", {"call": calls(version=pin, next_node="end"), "end": {"type": "terminate"}})
        assert runs.drive(started(by)).output_vars == {"subflow_output": {"version": found}}

    def test_a_version_is_fixed_once_per_reference_and_run(self, by):
        made(by, "child", {"end": ends(v=1)}, "1.0.0")
        nodes = {
            "one": calls(version="^1.0", output_mapping={"a": "v"}, next_node="ask"),
            "ask": asks("two"),
            "two": calls(version="^1.0", output_mapping={"b": "v"}, next_node="end"),
            "end": {"type": "terminate", "outputs": {"a": "a", "b": "b"}},
        }
        made(by, "parent", nodes)
        run = runs.drive(started(by))
        made(by, "child", {"end": ends(v=2)}, "1.1.0")
        ProcedureVersion.system.filter(version="1.0.0", procedure__procedure_id="child").update(status="deprecated")
        runs.answer(run, "ask", {"decision": "approved"})
        assert runs.drive(run).output_vars == {"a": 1, "b": 1}
        assert runs.drive(started(by)).status == "waiting_approval"
        assert Run.system.filter(procedure_key="child").order_by("-created_at").first().procedure_version == "1.1.0"

    @pytest.mark.parametrize(
        ("gone", "code"),
        [({"procedure__procedure_id": "child"}, "procedure_not_runnable")],
    )
    def test_a_child_that_cannot_be_started_counts_as_failed(self, by, gone, code):
        run = family(by, {"end": ends()}, calls(on_failure="continue"))
        ProcedureVersion.system.filter(**gone).update(status="archived")
        run = runs.drive(run)
        assert run.status == "completed"
        assert (run.output_vars["subflow_error"]["class"], run.output_vars["subflow_error"]["code"]) == (
            "subflow_failed",
            code,
        )

    def test_a_procedure_that_does_not_exist_is_named(self, by):
        made(by, "parent", {"call": calls("nowhere", next_node="end"), "end": ends()})
        run = runs.drive(started(by))
        assert (run.error_class, run.error["code"]) == ("subflow_failed", "procedure_not_found")
        assert "There is no procedure nowhere" in run.error["message"]

    def test_no_procedure_runs_itself(self, by):
        made(by, "middle", {"end": ends()})
        made(by, "parent", {"call": calls("middle", next_node="end"), "end": ends()})
        run = started(by)
        rewritten("middle", {"call": calls("parent", next_node="end"), "end": ends()})
        runs.drive(run)
        run.refresh_from_db()
        inner = run.error["details"]["error"]
        assert (run.error_class, inner["class"]) == ("subflow_failed", "procedure_not_runnable")
        assert "middle → parent → middle" in inner["message"]
        assert Run.system.count() == 1

    def test_children_are_nested_ten_deep_at_most(self, by):
        made(by, "p12", {"end": ends()})
        for number in range(11, 1, -1):
            made(by, f"p{number}", {"call": calls(f"p{number + 1}", next_node="end"), "end": ends()})
        made(by, "p1", {"end": ends()})
        run = started(by, "p1")
        rewritten("p1", {"call": calls("p2", next_node="end"), "end": ends()})
        run = runs.drive(run)
        assert run.status == "failed"
        assert Run.system.get(depth=10).error_class == "subflow_recursion"
        assert not Run.system.filter(depth=11).exists()

    def test_what_a_child_has_of_its_parent(self, by, house: House):
        made(by, "child", {"ask": asks("end"), "end": ends()})
        made(by, "parent", {"call": calls(next_node="end"), "end": ends()})
        run = started(by, case_id="C-1", priority=3, project_id=house.project.pk, mock_external_calls=True)
        RunJob.objects.filter(pk=run.pk).update(priority=10)
        runs.drive(run)
        child = child_of(run)
        assert (child.case_id, child.priority, child.project, child.mock_external_calls) == (
            "C-1",
            3,
            house.project,
            True,
        )
        assert child.release_channel == run.release_channel
        assert RunJob.objects.get(pk=child.pk).priority == 10


class TestOtherProjects:
    """Who publishes a parent, or starts its draft, must be an operator where the child belongs."""

    @pytest.fixture
    def child(self, by, house: House) -> None:
        document = {"procedure_id": "child", "version": "1.0.0", "workflow_graph": GRAPH}
        publish(by, document, house.other_project)

    def parent(self) -> dict[str, Any]:
        nodes = {"call": calls(next_node="end"), "end": ends()}
        return {"procedure_id": "parent", "version": "1.0.0", "workflow_graph": {"start_node": "call", "nodes": nodes}}

    @pytest.fixture
    def clerk(self, house: House):
        """Operator of one project; an editor there too."""
        grant_role(system(house.tenant.pk), house.clerk, Role.ADMIN, house.project)
        return house.clerk

    def test_publishing_is_refused_and_an_import_stays_a_draft(self, child, clerk, house: House):
        version = draft(clerk, self.parent(), house.project)
        with pytest.raises(Denied, match="child of the project Warehouse"):
            procedures.change_status(people.actor(clerk), version, "active")
        source = self.parent() | {"status": "active", "version": "1.1.0"}
        assert draft(clerk, source, house.project).status == "draft"

    def test_a_draft_does_not_run_it_for_somebody_else(self, child, clerk, by, house: House):
        draft(clerk, self.parent(), house.project)
        run = runs.drive(started(clerk))
        assert (run.status, run.error["code"]) == ("failed", "permission_denied")
        assert runs.drive(started(by)).status == "completed"

    def test_a_parent_published_by_an_operator_of_both_runs_for_everybody(self, child, clerk, by, house: House):
        publish(by, self.parent(), house.project)
        run = runs.drive(started(clerk))
        assert (run.status, child_of(run).project) == ("completed", house.project)


class TestModes:
    def test_a_dry_run_walks_its_children_as_dry_runs(self, by):
        child = {
            "ask": asks("out"),
            "out": {
                "type": "sequence",
                "steps": [{"action": "navigate", "url": "x", "agent": "WEB", "output_variable": "seen"}],
                "next_node": "end",
            },
            "end": ends(seen="{{ seen }}"),
        }
        made(by, "child", child)
        made(by, "parent", {"call": calls(next_node="end"), "end": {"type": "terminate"}})
        run = runs.drive(started(by, execution_mode="dry_run"))
        assert run.status == "completed", run.error
        assert child_of(run).execution_mode == "dry_run"
        assert run.output_vars["subflow_output"]["seen"]["dry_run"] is True

    def test_test_data_stands_in_for_a_whole_child(self, by):
        made(by, "child", {"end": ends(x=1)})
        made(by, "parent", {"call": calls(output_mapping={"got": "x"}, next_node="end"), "end": {"type": "terminate"}})
        run = runs.drive(started(by, test_data_overrides={"call": {"x": 42}}))
        assert (run.output_vars, Run.system.count()) == ({"got": 42}, 1)
        assert payload(run, "step_test_override_applied") == {"step_id": "call", "override": {"x": 42}}


class TestWaiting:
    def test_the_parent_waits_parked_and_is_woken_by_the_end(self, by):
        run = runs.drive(family(by, {"ask": asks("end"), "end": ends(a=1)}, calls()))
        wait, child = Wait.objects.get(run=run), child_of(run)
        assert (run.status, wait.kind, wait.ref, child.status) == (
            "paused",
            "subflow",
            str(child.pk),
            "waiting_approval",
        )
        runs.answer(child, "ask", {"decision": "approved"})
        run = runs.drive(run)
        assert run.status == "completed"
        assert payload(run, "run_resumed")["kind"] == "subflow"
        assert (
            Event.objects.filter(run=run, event_type="execution_resumed").get().payload["resume_reason"]
            == "subflow_resume"
        )

    def test_an_answer_that_comes_while_the_parent_is_held_is_kept(self, by):
        run = runs.drive(family(by, {"ask": asks("end"), "end": ends(a=1)}, calls()))
        services.pause_run(people.actor(by), run)
        runs.answer(child_of(run), "ask", {"decision": "approved"})
        run = runs.drive(run)
        assert (run.status, child_of(run).status) == ("paused", "completed")
        services.resume_run(people.actor(by), run)
        assert runs.drive(run).status == "completed"


class TestRetry:
    @pytest.fixture
    def failed(self, by) -> Run:
        """A parent whose child failed after it had done something."""
        nodes = {"did": sets("did", "once", "d"), "d": divides("end"), "end": ends(part="{{ part }}", did="{{ did }}")}
        return runs.drive(family(by, nodes, calls(input_mapping={"by": 0}), variables_schema=BY))

    def test_the_same_child_goes_on_from_where_it_failed(self, by, failed):
        child = child_of(failed)
        Run.system.filter(pk=child.pk).update(input_vars={"by": 3})
        services.retry_run(people.actor(by), failed)
        run = runs.drive(failed)
        assert (run.status, run.output_vars) == ("completed", {"subflow_output": {"part": 2, "did": "once"}})
        assert child_of(run).retry_count == 1
        assert runs.told(child.pk).count("step_completed") == 2

    def test_a_child_that_fails_again_fails_its_parent_again(self, by, failed):
        services.retry_run(people.actor(by), failed)
        run = runs.drive(failed)
        assert (run.status, child_of(run).status, run.retry_count) == ("failed", "failed", 1)
        assert Wait.objects.filter(run=run, state="answered").count() == 1

    def test_a_child_is_not_retried_alone_but_as_a_new_run(self, by, failed):
        child = child_of(failed)
        with pytest.raises(Conflict, match="part of another run"):
            services.retry_run(people.actor(by), child)
        again = services.retry_run(people.actor(by), child, "start")
        assert (again.parent_run, again.retry_of) == (None, child)

    def test_children_that_were_stopped_with_their_parent_go_on_with_it(self, by):
        made(by, "child", {"did": sets("did", 1, "ask"), "ask": asks("end"), "end": ends()})
        made(by, "middle", {"call": calls(next_node="end"), "end": ends()})
        branches = [{"branch_id": "a", "start_node": "call"}, {"branch_id": "b", "start_node": "ask"}]
        nodes = {
            "fork": {"type": "parallel", "branches": branches, "next_node": "end"},
            "call": calls("middle", next_node="end"),
            "ask": asks("end"),
            "end": ends(),
        }
        made(by, "parent", nodes)
        run = runs.drive(started(by))
        run = services.cancel_run(people.actor(by), run)
        assert set(Run.system.values_list("status", flat=True)) == {"canceled"}
        services.retry_run(people.actor(by), run)
        run = runs.drive(run)
        child = Run.system.get(depth=2)
        assert (run.status, child.status) == ("waiting_approval", "waiting_approval")
        runs.answer(run, "fork:b/ask", {"decision": "approved"})
        runs.answer(child, "ask", {"decision": "approved"})
        assert runs.drive(run).status == "completed"
        assert runs.told(child.pk).count("step_completed") == 1

    def test_a_parent_is_not_retried_while_a_child_is_being_canceled(self, by, failed):
        child = child_of(failed)
        Run.system.filter(pk=child.pk).update(status="running", cancel_requested=True, ended_at=None)
        with pytest.raises(Conflict, match="still being canceled"):
            services.retry_run(people.actor(by), failed)
        assert Run.system.get(pk=failed.pk).status == "failed"

    def test_what_a_completed_child_gave_is_taken_again(self, by):
        made(by, "child", {"end": ends(n=0)})
        schema = {"n": {"type": "integer", "default": 0}}
        node = calls(output_mapping={"part": "6 / n"}, next_node="end")
        made(by, "parent", {"call": node, "end": ends()}, variables_schema=schema)
        run = runs.drive(started(by))
        assert (run.status, run.error_class) == ("failed", "expression_error")
        services.retry_run(people.actor(by), run)
        assert runs.drive(run).error_class == "expression_error"
        assert Run.system.filter(parent_run=run).count() == 1

    def test_a_fork_takes_the_recorded_child_as_done(self, by):
        made(by, "child", {"end": ends(a=1)})
        made(by, "parent", {"call": calls(next_node="ask"), "ask": asks("end"), "end": {"type": "terminate"}})
        run = runs.drive(started(by))
        forked = runs.drive(services.fork_run(people.actor(by), run, "ask", "see"))
        assert forked.status == "waiting_approval"
        runs.answer(forked, "ask", {"decision": "approved"})
        assert runs.drive(forked).output_vars["subflow_output"] == {"a": 1}
        assert not Run.system.filter(parent_run=forked).exists()


class TestDeclaredOutputs:
    def test_outputs_that_do_not_fit_fail_the_run(self, by):
        schema = {"total": {"type": "number", "required": True}, "note": {"type": "string"}}
        run = runs.drive(family(by, {"end": ends(total="many")}, calls(), outputs_schema=schema))
        child = child_of(run)
        assert (child.error_class, run.error_class) == ("validation_failed", "subflow_failed")
        assert set(child.error["details"]["errors"]) == {"total"}
        assert child.output_vars == {"total": "many"}

    def test_what_stands_in_for_a_result_is_not_judged(self, by):
        node = {
            "type": "sequence",
            "steps": [{"action": "navigate", "url": "x", "agent": "WEB", "output_variable": "total"}],
            "next_node": "end",
        }
        schema = {"total": {"type": "number", "required": True}}
        made(by, "child", {"look": node, "end": ends(total="total")}, outputs_schema=schema)
        assert runs.drive(started(by, "child", execution_mode="dry_run")).status == "completed"
        assert runs.drive(started(by, "child", mock_external_calls=True)).status == "completed"


class TestCancel:
    def test_children_follow(self, by):
        run = runs.drive(family(by, {"ask": asks("end"), "end": ends()}, calls()))
        services.cancel_run(people.actor(by), run)
        assert Run.system.filter(status="canceled").count() == 2
        assert child_of(run).cancel_reason == "parent"

    def test_a_child_that_nobody_waits_for_is_canceled(self, by):
        run = runs.drive(family(by, {"ask": asks("end"), "end": ends()}, calls()))
        Wait.objects.filter(run=run).update(state="canceled")
        assert queue.sweep() == 1
        assert child_of(run).status == "canceled"
        assert queue.sweep() == 0

    def test_the_child_of_a_branch_that_was_decided_without_it_is_canceled(self, by):
        made(by, "child", {"ask": asks("end"), "end": ends()})
        branches = [{"branch_id": "a", "start_node": "call"}, {"branch_id": "b", "start_node": "ask"}]
        nodes = {
            "fork": {"type": "parallel", "branches": branches, "wait_strategy": "any", "next_node": "end"},
            "call": calls(next_node="end"),
            "ask": asks("end"),
            "end": ends(),
        }
        made(by, "parent", nodes)
        run = runs.drive(started(by))
        runs.answer(run, "fork:b/ask", {"decision": "approved"})
        run = runs.drive(run)
        assert (run.status, child_of(run).status) == ("completed", "canceled")

    def test_the_child_of_a_node_that_took_too_long_is_canceled(self, by):
        run = runs.drive(family(by, {"ask": asks("end"), "end": ends()}, calls(timeout_ms=1)))
        assert (run.status, run.error_class) == ("failed", "node_timeout")
        assert Run.system.filter(parent_run=run).exclude(status="canceled").count() == 0
