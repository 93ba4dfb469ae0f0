"""Starting runs through the service: children, triggers, keys, limits; also many at the same moment (runtime 3, 15)."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from langorch.lib import clock
from langorch.lib.errors import Conflict, Denied, Invalid, Refusal, TooLarge
from orchestration import limits
from orchestration.choices import TriggerType
from orchestration.models import Run, RunJob, SearchValue, Wait
from orchestration.services import Cause, StartRequest, start_run
from procedures.models import ProcedureVersion
from tenants.actor import system
from tenants.models import Tenant
from tests import people
from tests.documents import hello
from tests.published import draft, publish, purchase

INPUTS = {"item": "lamp", "amount": 5, "password": "hush-hush"}


@pytest.fixture
def actor(house):
    return people.actor(house.operator)


def wish(procedure_id: str = "hello", **fields: Any) -> StartRequest:
    return StartRequest(procedure_id=procedure_id, **fields)


@pytest.mark.django_db
class TestOne:
    def test_a_child_has_what_its_parent_has(self, house, actor):
        publish(house.operator, hello())
        parent = start_run(actor, wish(case_id="C-1", priority=4, execution_mode="dry_run")).run
        cause = Cause(TriggerType.SUBFLOW, by=str(parent.pk), parent=parent, parent_path="call")
        child = start_run(system(house.tenant.pk), wish(cause=cause)).run
        grandchild = start_run(
            system(house.tenant.pk), wish(cause=Cause(TriggerType.SUBFLOW, parent=child, parent_path="x"))
        ).run
        assert (child.parent_run, child.root_run, child.depth, child.parent_path) == (parent, parent, 1, "call")
        assert (grandchild.root_run, grandchild.depth) == (parent, 2)
        assert (child.case_id, child.priority, child.execution_mode, child.is_test) == ("C-1", 4, "dry_run", True)
        assert (child.initiator, child.triggered_by) == (house.operator, str(parent.pk))
        assert RunJob.objects.get(run=child).priority == 4

    def test_inputs_labels_and_title_are_stored_as_they_were_given(self, house, actor):
        given = {"a": 2**70, "b": -1.5e-7, "c": None, "d": {"é": [True, None, {}]}, "e": "line\u2028 \\u0041 \"'%s"}
        known = {name: {"searchable": True} for name in given}
        publish(house.operator, hello(variables_schema={"who": {"default": "x"}, **known}))
        labels, title = {"größe": "10 %"}, "100 % \\ 'fine'"
        started = start_run(actor, wish(input_vars=given, labels=labels, title=title)).run
        stored = Run.system.get(pk=started.pk)
        assert (stored.input_vars, stored.labels, stored.title) == ({"who": "x", **given}, labels, title)
        assert (stored.output_vars, stored.error, stored.cost_usd) == (None, None, None)
        assert {one.name: one.text for one in SearchValue.objects.filter(run=stored)}["e"] == given["e"]
        assert [event.seq for event in stored.events.all()] == [1]

    @pytest.mark.parametrize("bad", ["a\0b", "a\ud83d"])
    @pytest.mark.parametrize("given", [{"item": "%"}, {"item": "lamp", "note": ["%"]}, {"item": "lamp", "%": 1}])
    def test_texts_that_cannot_be_stored_are_refused(self, house, actor, given, bad):
        publish(
            house.operator, hello(variables_schema={"who": {"default": "x"}, "item": {}, "note": {"type": "array"}})
        )
        inputs = json.loads(json.dumps(given).replace("%", json.dumps(bad)[1:-1]))
        with pytest.raises(Invalid):
            start_run(actor, wish(input_vars=inputs))
        assert not Run.system.exists()

    def test_a_default_that_cannot_be_stored_is_refused(self, house, actor):
        publish(
            house.operator, hello(variables_schema={"who": {"default": "x"}, "item": {"default": "{{ '\\u0000' }}"}})
        )
        with pytest.raises(Invalid) as refused:
            start_run(actor, wish())
        assert [place.field for place in refused.value.places] == ["item"]

    def test_a_trigger_does_not_start_drafts_and_a_person_does(self, house, actor):
        draft(house.operator, hello())
        with pytest.raises(Conflict) as refused:
            start_run(system(house.tenant.pk), wish(cause=Cause(TriggerType.WEBHOOK, by="webhook:10.0.0.1")))
        assert refused.value.code == "procedure_not_runnable"
        assert start_run(actor, wish()).run.is_test

    def test_an_exact_pin_and_a_retry_may_use_a_deprecated_version(self, house, actor):
        publish(house.operator, hello())
        first = start_run(actor, wish()).run
        ProcedureVersion.system.update(status="deprecated")
        for cause in (Cause(TriggerType.SUBFLOW, exact_pin=True), Cause(retry_of=first), Cause(forked_from=first)):
            assert start_run(actor, wish(procedure_version="1.0.0", cause=cause)).run.procedure_version == "1.0.0"
        with pytest.raises(Conflict):
            start_run(actor, wish(procedure_version="1.0.0"))

    def test_form_texts_are_read_as_the_types_they_stand_for(self, house, actor):
        publish(house.operator, purchase())
        run = start_run(actor, wish("purchase", input_vars={"item": "lamp", "amount": "5.5"}, from_text=True)).run
        assert run.input_vars["amount"] == 5.5

    def test_only_searchable_values_are_kept_for_finding_and_sensitive_ones_never(self, house, actor):
        document = purchase()
        document["variables_schema"]["password"]["searchable"] = True
        publish(house.operator, document)
        start_run(actor, wish("purchase", input_vars=INPUTS))
        assert list(SearchValue.objects.values_list("name", "text", "number")) == [("amount", "5", 5.0)]

    def test_a_date_in_the_future_is_not_today_in_the_zone_of_the_procedure(self, house, actor, standing_clock):
        document = hello(effective_date="2026-03-03", global_config={"timezone": "Pacific/Kiritimati"})
        publish(house.operator, document)
        assert start_run(actor, wish()).run, "on the line islands it is the 3rd already"
        ProcedureVersion.system.update(effective_date="2026-03-04")
        with pytest.raises(Conflict):
            start_run(actor, wish())

    def test_a_key_that_lacks_a_part_is_refused_with_its_place(self, house, actor):
        config = {"dedupe": {"key": "{{ reference }}", "window_seconds": 60}}
        schema = {"reference": {"type": "string"}, "who": {"type": "string", "default": "you"}}
        publish(house.operator, hello(global_config=config, variables_schema=schema))
        with pytest.raises(Invalid) as refused:
            start_run(actor, wish())
        (place,) = refused.value.places
        assert (place.field, place.pointer) == ("reference", "/global_config/dedupe/key")
        assert not Run.system.exists()

    def test_a_retry_is_never_taken_for_its_double(self, house, actor):
        config = {"dedupe": {"key": "{{ who }}", "window_seconds": 60}}
        publish(house.operator, hello(global_config=config))
        first = start_run(actor, wish()).run
        assert start_run(actor, wish()).deduplicated
        assert not start_run(actor, wish(procedure_version="1.0.0", cause=Cause(retry_of=first))).deduplicated

    def test_inputs_that_are_too_large_are_refused_before_anything_is_looked_at(self, house, actor):
        publish(house.operator, hello())
        with pytest.raises(TooLarge):
            start_run(actor, wish(input_vars={"who": "x" * 2**20}))

    def test_nothing_starts_in_a_tenant_that_is_closed(self, house, actor):
        publish(house.operator, hello())
        Tenant.objects.filter(pk=house.tenant.pk).update(active=False)
        with pytest.raises(Denied):
            start_run(actor, wish())

    @pytest.mark.parametrize(
        ("status", "started", "kind", "occupies", "with_waiting"),
        [
            ("created", False, None, 0, 0),
            ("created", True, None, 1, 1),
            ("running", True, None, 1, 1),
            ("paused", True, "timer", 1, 1),
            ("paused", True, "operator", 0, 1),
            ("waiting_approval", True, "approval", 0, 1),
            ("completed", True, None, 0, 0),
        ],
    )
    def test_what_occupies_a_place(self, house, actor, status, started, kind, occupies, with_waiting):
        publish(house.operator, hello())
        run = start_run(actor, wish()).run
        now = clock.now()
        ended_at = now if status == "completed" else None
        Run.system.filter(pk=run.pk).update(
            status=status, started_at=now if started else None, ended_at=ended_at, created_at=now - timedelta(1)
        )
        if kind:
            Wait.objects.create(run=run, path="n", kind=kind, ref="r", since=now)
        assert limits.occupying(run.procedure_id).count() == occupies
        assert limits.occupying(run.procedure_id, count_waiting=True).count() == with_waiting
        assert limits.occupying(run.procedure_id, "another key").count() == 0


def at_once(number: int, start: Any) -> list[str]:
    """Call `start` in so many threads at the same moment: the ids of the runs it gave, or codes of refusals."""
    gate, found, lock = threading.Barrier(number), [], threading.Lock()

    def one() -> None:
        gate.wait()
        try:
            outcome = str(start().run.pk)
        except Refusal as refusal:
            outcome = refusal.code
        finally:
            connection.close()
        with lock:
            found.append(outcome)

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def test_one_dedupe_key_makes_one_run(self, house, actor):
        publish(house.operator, hello(global_config={"dedupe": {"key": "{{ who }}", "window_seconds": 60}}))
        assert len(set(at_once(8, lambda: start_run(actor, wish())))) == 1
        assert Run.system.count() == 1

    def test_a_quota_is_never_passed(self, house, actor):
        publish(house.operator, hello())
        Tenant.objects.filter(pk=house.tenant.pk).update(max_open_runs=3)
        outcomes = at_once(8, lambda: start_run(actor, wish()))
        assert outcomes.count("quota_exceeded") == 5
        assert Run.system.count() == 3
