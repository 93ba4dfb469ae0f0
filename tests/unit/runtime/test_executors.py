"""Executors as functions: a context in, an outcome out; no engine, no database."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from orchestration.runtime.context import Again, Answer, BranchStart, Strategy
from orchestration.runtime.executors import human_approval, loop, parallel
from orchestration.runtime.outcomes import Done, End, Error, Fail, Goto, RegionEnd, StepFailed, Wait
from orchestration.runtime.retrying import Plan
from procedures.ckp.document import HumanApprovalNode, LoopNode, ParallelNode, RetryPolicy
from procedures.ckp.expressions import Scope, compile_condition, compile_expression

FAILED = RegionEnd("failed", error=Error("timeout", "late"))
PARKED = RegionEnd("parked")


class Bench:
    """A context whose regions end as told."""

    node_id = "node"
    path = "node"
    most_iterations = 50

    def __init__(self, ends: Sequence[RegionEnd] = (), answer: Answer | None = None, **variables: Any) -> None:
        self.variables: dict[str, Any] = variables
        self.facts: dict[str, Any] = {}
        self.told: list[str] = []
        self.bound: list[Mapping[str, Any]] = []
        self._ends = list(ends)
        self._answer = answer

    def expression(self, source: Any, *place: Any, local: Mapping[str, Any] = {}) -> Any:
        return compile_expression(source).evaluate(Scope({**self.variables, **local}))

    def condition(self, source: Any, *place: Any, local: Mapping[str, Any] = {}) -> bool:
        return compile_condition(source).test(Scope({**self.variables, **local}))

    def write(self, name: str, value: Any) -> None:
        self.variables[name] = value

    def keep(self, facts: Mapping[str, Any]) -> None:
        self.facts |= facts

    def masked(self, name: str | None, value: Any) -> Any:
        return value

    def emit(self, event_type: str, payload: Mapping[str, Any], step_id: str = "", attempt: Any = None) -> None:
        self.told.append(event_type)

    def begun(self, index: int) -> bool:
        return False

    def assumes(self, source: Any) -> bool:
        return False

    def iteration(self, index: int, entry: str, bound: Mapping[str, Any]) -> RegionEnd:
        self.bound.append(bound)
        return self._ends[index] if index < len(self._ends) else RegionEnd("ended", {"last": index})

    def branches(self, starts: Sequence[BranchStart], strategy: Strategy) -> dict[str, RegionEnd]:
        return {start.branch_id: end for start, end in zip(starts, self._ends, strict=True)}

    def approval(self, node: HumanApprovalNode) -> Answer | None:
        return self._answer


def looping(**fields: Any) -> LoopNode:
    return LoopNode(**{"iterator": "rows", "iterator_variable": "row", "body_node": "b", **fields})


def test_a_loop_binds_its_names_and_keeps_what_the_body_wrote():
    ctx = Bench(rows=["a", "b"])
    assert loop.execute(looping(index_variable="i"), ctx) == Done()
    assert ctx.bound == [{"row": "a", "i": 0}, {"row": "b", "i": 1}]
    assert ctx.variables["last"] == 1
    assert ctx.facts == {"items": ["a", "b"]}


def test_a_loop_goes_on_with_the_list_it_began_with():
    ctx = Bench(rows=["changed"])
    ctx.facts = {"items": ["a", "b", "c"]}
    loop.execute(looping(), ctx)
    assert [bound["row"] for bound in ctx.bound] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("end", "fields", "outcome"),
    [
        (PARKED, {}, Wait()),
        (FAILED, {}, Fail(Error("timeout", "late"))),
        (RegionEnd("run_ended", end=End("failed")), {}, End("failed")),
        (FAILED, {"continue_on_error": True}, Done()),
        (RegionEnd("left"), {}, Done()),
    ],
)
def test_what_an_iteration_means_for_its_loop(end: RegionEnd, fields: dict[str, Any], outcome: Any):
    assert loop.execute(looping(**fields), Bench([end], rows=["a", "b"])) == outcome


def test_a_loop_has_a_last_resort():
    assert loop.execute(LoopNode(until="false", body_node="b"), Bench()).error.error_class == "loop_limit"


def test_a_loop_over_something_else_fails():
    with pytest.raises(StepFailed) as failure:
        loop.execute(looping(), Bench(rows={"a": 1}))
    assert failure.value.error.error_class == "not_a_list"


def forking(**fields: Any) -> ParallelNode:
    return ParallelNode(branches=[{"branch_id": name, "start_node": name} for name in ("l", "r")], **fields)


ENDED = RegionEnd("ended", {"x": 1})


@pytest.mark.parametrize(
    ("fields", "ends", "outcome"),
    [
        ({}, [ENDED, ENDED], Done()),
        ({}, [ENDED, PARKED], Wait()),
        ({}, [ENDED, FAILED], Done()),
        ({}, [FAILED, FAILED], "all_branches_failed"),
        ({"branch_failure": "fail"}, [ENDED, FAILED], "timeout"),
        ({"branch_failure": "fail"}, [PARKED, FAILED], "timeout"),
        ({"wait_strategy": "any"}, [ENDED, PARKED], Done()),
        ({"wait_strategy": "any"}, [FAILED, PARKED], Wait()),
        ({"wait_strategy": "first"}, [FAILED, PARKED], "all_branches_failed"),
        ({"wait_strategy": "first"}, [ENDED, RegionEnd("stopped")], Done()),
        ({}, [PARKED, RegionEnd("run_ended", end=End("completed"))], End("completed")),
    ],
)
def test_when_a_parallel_goes_on(fields: dict[str, Any], ends: list[RegionEnd], outcome: Any):
    found = parallel.execute(forking(**fields), Bench(ends))
    assert (found.error.error_class if isinstance(found, Fail) else found) == outcome


@pytest.mark.parametrize(
    ("fields", "ends", "message"),
    [
        ({}, [FAILED, FAILED], "Every branch failed."),
        ({"wait_strategy": "first"}, [FAILED, RegionEnd("stopped")], "The first branch to end failed."),
    ],
)
def test_a_parallel_says_how_it_failed(fields: dict[str, Any], ends: list[RegionEnd], message: str):
    assert parallel.execute(forking(**fields), Bench(ends)).error.message == message


NODE = HumanApprovalNode(on_approve="yes", on_reject="no", options=[{"value": "later", "next_node": "later"}, "now"])


@pytest.mark.parametrize(
    ("node", "answer", "outcome"),
    [
        (NODE, {"decision": "approved"}, Goto("yes")),
        (NODE, {"decision": "rejected"}, Goto("no")),
        (NODE, {"decision": "timeout"}, Goto("no")),
        (NODE, {"decision": "approved", "selected_option": "later"}, Goto("later")),
        (NODE, {"decision": "approved", "selected_option": "now"}, Goto("yes")),
        (HumanApprovalNode(on_approve="yes"), {"decision": "rejected"}, "no_route"),
        (HumanApprovalNode(on_approve="yes"), {"decision": "timeout"}, "approval_timeout"),
        (HumanApprovalNode(on_approve="yes", on_timeout="late"), {"decision": "timeout"}, Goto("late")),
    ],
)
def test_where_a_decision_leads(node: HumanApprovalNode, answer: dict[str, Any], outcome: Any):
    found = human_approval.execute(node, Bench(answer=Answer("answered", answer)))
    assert (found.error.error_class if isinstance(found, Fail) else found) == outcome


def test_a_decision_sets_its_variables_and_corrections():
    ctx = Bench(answer=Answer("answered", {"decision": "approved", "edits": {"total": 5}}))
    human_approval.execute(HumanApprovalNode(on_approve="yes", output_variable="answer"), ctx)
    assert ctx.variables == {"total": 5, "approval": {"decision": "approved"}, "answer": {"decision": "approved"}}


def test_an_open_question_waits():
    assert human_approval.execute(NODE, Bench()) == Wait()


def test_a_branch_is_tried_again_while_the_policy_lets_it():
    policy = Plan(2, "exponential_backoff", 100, 3, 250, False, RetryPolicy())
    decision = parallel.Decision("all", True, policy, "fork")
    late = Error("timeout", "late")
    assert [decision.again("left", late, tried) for tried in range(3)] == [
        Again(100, "exponential_backoff"),
        Again(250, "exponential_backoff"),
        None,
    ]
    assert decision.again("left", Error("expression_error", "1 / 0"), 0) is None
    assert decision.again("left", Error("timeout", "", retry_after=1), 0) == Again(1000, "exponential_backoff")
    assert parallel.Decision("all", True, None, "fork").again("left", late, 0) is None


def test_the_first_failure_counts_unless_a_success_decided_before_it():
    ends = {"a": RegionEnd("ended"), "b": FAILED}
    assert parallel.Decision("all", True, None, "f").failed_by(ends) == FAILED.error
    assert parallel.Decision("any", True, None, "f").failed_by(ends) is None
    assert parallel.Decision("all", False, None, "f").failed_by(ends) is None
