"""What becomes of a visit when a limit of time has passed (runtime 10)."""

from datetime import timedelta
from typing import Any

from langorch.lib import clock
from orchestration.runtime import closing
from orchestration.runtime.contexts import VisitContext
from orchestration.runtime.executors import handling
from orchestration.runtime.limits import Limit, LimitPassed
from orchestration.runtime.outcomes import Done, End, Error, Fail, Goto, Outcome, Suspended, Wait
from orchestration.time_left import EXPIRED
from procedures.ckp.document import LlmActionNode, LogicNode, Node, SequenceNode, TerminateNode, VerificationNode
from procedures.ckp.programs import program_of
from procedures.ckp.regions import MAIN

ASSIGNED = frozenset({"variable", "array"})
"""Fields that name a variable which is set, not an output."""


def outcome(visit: VisitContext, limit: Limit) -> Outcome:
    """The outcome of the visit that a passed limit ends. Raises `LimitPassed` when that is one further out."""
    if limit.scope == "run":
        return _run_timeout(visit, limit)
    if limit.path != visit.path:
        raise LimitPassed(limit)
    visit.lift()
    return _sla_breached(visit, limit) if limit.scope == "sla" else _node_timeout(visit, limit)


def _run_timeout(visit: VisitContext, limit: Limit) -> Outcome:
    if visit.region.path != MAIN:
        raise LimitPassed(limit)
    closing.close(visit.drive, visit.path, "run_timeout")
    active = (clock.now() - visit.drive.run.active_from) / timedelta(milliseconds=1)
    visit.tell("run_timeout", {"timeout_ms": limit.milliseconds, "active_ms": round(active)})
    return Fail(_error("run_timeout", "The run took longer than {} ms.", limit))


def _node_timeout(visit: VisitContext, limit: Limit) -> Outcome:
    _close_once(visit, "node_timeout")
    policy = visit.node.timeout_policy
    if policy is not None and policy.on_timeout == "fail_open":
        return _go_on(visit, limit)
    error = _error("node_timeout", "The node took longer than {} ms.", limit)
    return _handled(visit, visit.node, error.placed(node_id=visit.node_id, path=visit.path))


def _sla_breached(visit: VisitContext, limit: Limit) -> Outcome:
    visit.breach()
    _close_once(visit, "sla_breached")
    error = _error("sla_breached", "The node took longer than the {} ms of its SLA.", limit)
    error = error.placed(node_id=visit.node_id, path=visit.path)
    sla = visit.node.sla
    if sla is not None and sla.on_breach == "escalate" and sla.escalation_handler:
        return Goto(sla.escalation_handler, error)
    return _handled(visit, visit.node, error)


def _error(error_class: str, sentence: str, limit: Limit) -> Error:
    details = {"timeout_ms": limit.milliseconds}
    return Error(error_class, sentence.format(f"{limit.milliseconds:g}"), details=details)


def _close_once(visit: VisitContext, reason: str) -> None:
    """Close what waits in the visit; what a handler's recovery steps wait for later stays open."""
    if EXPIRED not in visit.facts:
        closing.close(visit.drive, visit.path, reason)
        visit.keep({EXPIRED: True})


def _handled(visit: VisitContext, node: Node, error: Error) -> Outcome:
    if not isinstance(node, SequenceNode):
        return Fail(error)
    try:
        handled = handling.failed(node, visit, error)
    except Suspended:
        return Wait()
    return Done() if isinstance(handled, handling.Result) else handled


def _go_on(visit: VisitContext, limit: Limit) -> Outcome:
    """On as if the node were done: what it was to give and has not given is null."""
    for write in program_of(visit.node_id, visit.node, []).writes():
        if write.path[-1] not in ASSIGNED and write.name not in visit.changes:
            visit.write(write.name, None)
    told: dict[str, Any] = {"timeout_ms": limit.milliseconds, "scope": "node"}
    visit.tell("timeout_ignored", told)
    node = visit.node
    if isinstance(node, VerificationNode):
        return Goto(node.on_pass or node.next_node)
    if isinstance(node, LogicNode) and node.default_next_node:
        return Goto(node.default_next_node)
    if isinstance(node, LlmActionNode) and node.orchestration_mode:
        return _by_default(node)
    return End("failed" if node.status == "failed" else "completed") if isinstance(node, TerminateNode) else Done()


def _by_default(node: LlmActionNode) -> Outcome:
    """The way that is taken when no model chose one."""
    if node.default_branch:
        return Goto(node.default_branch)
    return Fail(Error("llm_route_invalid", "The model chose no way in time, and there is no default_branch."))
