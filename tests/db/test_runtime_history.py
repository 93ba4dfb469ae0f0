"""The saver that reads the records, used through LangGraph itself (quality R10)."""

from typing import Any

import pytest
from django.db import OperationalError

from orchestration import history
from orchestration.models import Event, Run, Snapshot, Wait
from orchestration.runtime.checkpoints import CheckpointRefused, RecordSaver
from orchestration.runtime.graph import Graph
from orchestration.runtime.program import programs
from tenants.models import Tenant
from tests import agents, runs

pytestmark = pytest.mark.django_db(transaction=True)

NODES = {
    "a:1": {
        "type": "sequence",
        "steps": [{"step_id": "s", "action": "set_variable", "variable": "x", "value": 1}],
        "next_node": "_b",
    },
    "_b": {
        "type": "sequence",
        "steps": [{"step_id": "s", "action": "set_variable", "variable": "x", "value": 2}],
        "is_checkpoint": True,
        "next_node": "ask",
    },
    "ask": {"type": "human_approval", "prompt": "?", "on_approve": "end"},
    "end": {"type": "terminate"},
}


def parked(tenant: Tenant, **root: Any) -> Run:
    nodes = {name.replace("_b", "b"): {**node} for name, node in NODES.items()}
    nodes["a:1"]["next_node"] = "b"
    return runs.drive(runs.queue(tenant, runs.document(nodes, **root)))


def with_saver(run: Run) -> tuple[Graph, dict[str, Any]]:
    graph = programs.get(run.document_id).graph("", "a:1").copy({"checkpointer": RecordSaver()})
    return graph, {"configurable": {"thread_id": history.thread_id(run.pk, "")}}


def test_the_state_of_a_parked_run_names_what_it_waits_for(tenant: Tenant):
    run = parked(tenant)
    graph, config = with_saver(run)
    state = graph.get_state(config)
    assert state.values["vars"] == {"x": 2}
    assert state.next == ("n.ask",)
    wait = Wait.objects.get(run=run)
    (interrupt,) = state.interrupts
    assert interrupt.value == {"kind": "approval", "ref": wait.ref}
    assert graph.get_state(config).interrupts == state.interrupts


def test_history_has_a_checkpoint_for_each_visit_the_latest_first(tenant: Tenant):
    run = parked(tenant)
    runs.answer(run, "ask", {"decision": "approved"})
    run = runs.drive(run)
    graph, config = with_saver(run)
    found = list(graph.get_state_history(config))
    assert [state.values["vars"].get("x") for state in found] == [2, 2, 2, 1]
    assert [state.next for state in found] == [(), ("n.end",), ("n.ask",), ("n.b",)]
    assert found[0].parent_config == found[1].config
    older = graph.get_state(found[3].config)
    assert older.values["vars"] == {"x": 1}
    assert not older.interrupts


def test_the_saver_reads_only(tenant: Tenant):
    run = parked(tenant)
    graph, config = with_saver(run)
    with pytest.raises(CheckpointRefused):
        graph.update_state(config, {"vars": {"x": 9}})
    with pytest.raises(CheckpointRefused):
        RecordSaver().delete_thread(history.thread_id(run.pk, ""))
    saver, before = RecordSaver(), list(graph.get_state_history(config))
    saver.put(config, saver.get_tuple(config).checkpoint | {"id": "other"}, {"source": "loop"}, {})
    with pytest.raises(CheckpointRefused):
        saver.put(config, saver.get_tuple(config).checkpoint, {"source": "fork"}, {})
    assert list(graph.get_state_history(config)) == before
    assert graph.get_state(config).values["vars"] == {"x": 2}


def test_a_region_is_a_thread_of_its_own(tenant: Tenant):
    nodes = {
        "each": {
            "type": "loop",
            "iterator": "[1, 2]",
            "iterator_variable": "n",
            "body_node": "add",
            "next_node": "end",
        },
        "add": {
            "type": "sequence",
            "steps": [{"step_id": "s", "action": "calculate", "expression": "t + n", "output_variable": "t"}],
            "next_node": "each",
        },
        "end": {"type": "terminate"},
    }
    source = runs.document(nodes, variables_schema={"t": {"type": "integer", "default": 0}})
    run = runs.drive(runs.queue(tenant, source, t=0))
    thread = history.thread_id(run.pk, "each[1]")
    found = RecordSaver().get_tuple({"configurable": {"thread_id": thread}})
    assert found is not None
    assert found.checkpoint["channel_values"]["vars"] == {"t": 3, "n": 2}


def test_a_pin_keeps_a_snapshot(tenant: Tenant):
    run = parked(tenant)
    kept = {(one.reason, one.pos, one.pinned, one.variables["x"]) for one in Snapshot.objects.filter(run=run)}
    assert kept == {("pin", 2, True, 2)}
    saved = Event.objects.get(run=run, event_type="checkpoint_saved")
    assert saved.payload == {
        "reason": "pin",
        "node_id": "b",
        "checkpoint_id": history.checkpoint_id(run.pk, "", 2),
    }


def test_a_park_keeps_a_snapshot(tenant: Tenant):
    nodes = {"a:1": {**NODES["a:1"], "next_node": "ask"}, "ask": NODES["ask"], "end": NODES["end"]}
    run = runs.drive(runs.queue(tenant, runs.document(nodes)))
    kept = Snapshot.objects.get(run=run)
    assert (kept.reason, kept.pos, kept.pinned, kept.variables) == ("park", 1, False, {"x": 1})


def test_a_document_may_do_without_snapshots(tenant: Tenant):
    run = parked(tenant, global_config={"checkpoint_strategy": "none"})
    assert run.status == "waiting_approval"
    assert not Snapshot.objects.filter(run=run).exists()


def test_a_snapshot_that_fails_stops_nothing(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    def full(*arguments: Any, **options: Any) -> None:
        raise OperationalError("disk full")

    monkeypatch.setattr(Snapshot.objects, "bulk_create", full)
    run = parked(tenant)
    assert run.status == "waiting_approval"
    assert Event.objects.get(run=run, event_type="checkpoint_failed").payload == {"error": "disk full"}


LOOPS, ASKED = 5, ("a", "b", "c")


def rounds() -> dict[str, Any]:
    """Five rounds; in each three branches that each do something outside and then ask a person."""
    nodes: dict[str, Any] = {
        "each": {
            "type": "loop",
            "iterator": "[0, 1, 2, 3, 4]",
            "iterator_variable": "round",
            "body_node": "fork",
            "next_node": "end",
        },
        "fork": {
            "type": "parallel",
            "branches": [{"branch_id": name, "start_node": f"do_{name}"} for name in ASKED],
            "next_node": "meet",
        },
        "meet": {"type": "processing", "operations": [], "next_node": "each"},
        "end": {"type": "terminate"},
    }
    for name in ASKED:
        do = {"step_id": "do", "agent": "WEB", "action": "buy", "what": f"{{{{ round }}}}{name}"}
        nodes[f"do_{name}"] = {"type": "sequence", "agent": "WEB", "steps": [do], "next_node": f"ask_{name}"}
        nodes[f"ask_{name}"] = {"type": "human_approval", "prompt": "?", "on_approve": "meet", "on_reject": "meet"}
    return runs.document(nodes)


def test_questions_side_by_side_keep_their_interrupts_and_effects_happen_once(tenant: Tenant):
    """Quality R10: they are answered last first, each in a drive of its own."""
    with agents.agent(tenant, buy=lambda params: params["what"]) as shop:
        run = runs.drive(runs.queue(tenant, rounds()))
        seen: set[str] = set()
        for number in range(LOOPS):
            before = {name: interrupt_of(run, number, name) for name in ASKED}
            seen |= set(before.values())
            for place, name in enumerate(reversed(ASKED), 1):
                left = ASKED[: len(ASKED) - place + 1]
                assert {one: interrupt_of(run, number, one) for one in left} == {one: before[one] for one in left}
                assert runs.answer(run, f"each[{number}]/fork:{name}/ask_{name}", {"decision": "approved"})
                run = runs.drive(run)
        assert run.status == "completed", run.error
        assert len(seen) == LOOPS * len(ASKED)
        bought = sorted(call["params"]["what"] for call in shop.calls)
        assert bought == sorted(f"{number}{name}" for number in range(LOOPS) for name in ASKED)
        assert len(set(shop.effects)) == len(shop.effects) == LOOPS * len(ASKED)


def interrupt_of(run: Run, number: int, name: str) -> str:
    """The id of the one interrupt of a branch's thread, and that it is for the open question there."""
    thread = history.thread_id(run.pk, f"each[{number}]/fork:{name}")
    graph = programs.get(run.document_id).graph("fork", f"do_{name}").copy({"checkpointer": RecordSaver()})
    (interrupt,) = graph.get_state({"configurable": {"thread_id": thread}}).interrupts
    wait = Wait.objects.get(run=run, path=f"each[{number}]/fork:{name}/ask_{name}", state="open")
    assert interrupt.value == {"kind": "approval", "ref": wait.ref}
    return interrupt.id
