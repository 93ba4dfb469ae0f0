"""error_handlers of a sequence: what is done about a step that failed (CKP 2.3, runtime 11)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestration.runtime.context import Context
from orchestration.runtime.errors import handler_of
from orchestration.runtime.outcomes import Error, Fail, Goto, Json, Outcome, StepFailed
from orchestration.runtime.retrying import Plan, plan
from procedures.ckp.document import ErrorHandler, RetryPolicy, SequenceNode, Step


@dataclass(frozen=True, slots=True)
class Result:
    """What a step gave, or null where a handler ignored its failure."""

    value: Json


@dataclass(slots=True)
class _Case:
    """One failure, and the handler that acts on it; `index` is the step's that failed, none for the node itself."""

    node: SequenceNode
    ctx: Context
    index: int | None
    error: Error
    number: int
    handler: ErrorHandler

    @property
    def step(self) -> Step | None:
        return None if self.index is None else self.node.steps[self.index]

    @property
    def step_id(self) -> str:
        return self.step.step_id if self.step else ""

    @property
    def mark(self) -> str:
        """Under which name the visit keeps what the handler did about this step, or the node itself."""
        return f"{'' if self.index is None else self.index}.{self.number}"

    @property
    def acts(self) -> int:
        """How often the handler has acted on this step."""
        return int(self.ctx.facts.get("handlers", {}).get(self.mark, {"act": 0})["act"])

    @property
    def acts_in_visit(self) -> int:
        """How often the handler has acted in this visit."""
        acts = self.ctx.facts.get("handlers", {})
        return sum(int(one["act"]) for mark, one in acts.items() if mark.endswith(f".{self.number}"))


def carried_out(node: SequenceNode, ctx: Context, index: int) -> Result | Outcome:
    """Carry out a step of the node: its result, or the outcome of the visit when it failed for good."""
    if _is_ignored(ctx, index):
        return Result(None)
    while True:
        try:
            return Result(ctx.step(node.steps[index], "steps", index, handled=_handled(ctx, index)))
        except StepFailed as failure:
            found = handler_of(failure.error, node.error_handlers)
            if found is None:
                return Fail(failure.error)
            case = _Case(node, ctx, index, failure.error, *found)
            answer = _act(case)
            if answer is not None:
                return answer


def failed(node: SequenceNode, ctx: Context, error: Error) -> Result | Outcome:
    """What becomes of a failure that belongs to no step, which cannot be tried again; a result where it is ignored."""
    found = handler_of(error, node.error_handlers)
    if found is None:
        return Fail(error)
    case = _Case(node, ctx, None, error, *found)
    if (fault := _begin(case)) is not None:
        return fault
    return _without_retry(case, _final_action(case.handler))


def _is_ignored(ctx: Context, index: int) -> bool:
    """Whether a handler ignored the failure of a step in an earlier entry of this visit."""
    acts = ctx.facts.get("handlers", {})
    return any(one.get("ignored") for mark, one in acts.items() if mark.startswith(f"{index}."))


def _handled(ctx: Context, index: int) -> int:
    """The last attempt of a step that a handler answered with another try."""
    acts = ctx.facts.get("handlers", {})
    return max((one["attempt"] for mark, one in acts.items() if mark.startswith(f"{index}.")), default=0)


def _act(case: _Case) -> Result | Outcome | None:
    """Let a handler act; none means that the step is to be tried again."""
    if (fault := _begin(case)) is not None:
        return fault
    act = case.acts + 1
    policy = _plan(case)
    if case.handler.action == "retry" and act <= policy.max_retries:
        _keep(case, {"act": act, "attempt": case.error.attempt})
        _tell(case, "retry", None)
        case.ctx.pause(f"!{case.mark}#{act}", policy.delay(act, f"{case.ctx.path}|{case.step_id}|{case.mark}|{act}"))
        return None
    return _without_retry(case, _final_action(case.handler))


def _begin(case: _Case) -> Outcome | None:
    """What a handler does first, whatever its action: metadata, recovery steps, notice. The outcome if it fails."""
    try:
        case.ctx.about(case.error)
        case.error = _with_metadata(case)
        case.ctx.about(case.error)
        if (fault := _recover(case)) is not None:
            return fault
    finally:
        case.ctx.about(None)
    _notify(case)
    return None


def _keep(case: _Case, done: Mapping[str, Json]) -> None:
    case.ctx.keep({"handlers": {**case.ctx.facts.get("handlers", {}), case.mark: dict(done)}})


def _final_action(handler: ErrorHandler) -> str:
    """What happens when nothing is tried again."""
    return _after_retries(handler) if handler.action in (None, "retry") else str(handler.action)


def _after_retries(handler: ErrorHandler) -> str:
    """What happens when trying again is used up, or when no action is given."""
    strategies = {"continue": "ignore", "stop": "fail", "fallback_node": "fallback", "retry_node": "retry_node"}
    if handler.recovery_strategy is not None:
        return strategies[handler.recovery_strategy]
    return "fallback" if handler.fallback_node else "fail"


def _without_retry(case: _Case, action: str) -> Result | Outcome:
    if action == "ignore":
        return _ignore(case)
    if action == "retry_node" and case.ctx.retries == 0:
        _tell(case, "retry_node", case.ctx.node_id)
        return Goto(case.ctx.node_id, case.error, retry=True)
    if action in ("fallback", "escalate") and case.handler.fallback_node:
        _tell(case, action, case.handler.fallback_node)
        return Goto(case.handler.fallback_node, case.error)
    if action == "screenshot_and_fail":
        case.ctx.picture(case.error)
    _tell(case, action if action == "screenshot_and_fail" else "fail", None)
    return Fail(case.error)


def _ignore(case: _Case) -> Result:
    _tell(case, "ignore", None)
    if case.step is not None and case.step.output_variable:
        case.ctx.write(case.step.output_variable, None)
    _keep(case, {"act": case.acts + 1, "attempt": 0, "ignored": True})
    return Result(None)


def _plan(case: _Case) -> Plan:
    own = RetryPolicy(max_retries=case.handler.max_retries, base_delay_ms=case.handler.delay_ms)
    of_step = case.step.retry_config if case.step else None
    places = (own, case.handler.retry_policy, of_step, case.node.retry)
    return plan(places, case.ctx.document.global_config)


def _with_metadata(case: _Case) -> Error:
    if not case.handler.error_metadata:
        return case.error
    place = ("error_handlers", case.number, "error_metadata")
    return replace(case.error, metadata=case.ctx.value(case.handler.error_metadata, *place))


def _recover(case: _Case) -> Outcome | None:
    place = ("error_handlers", case.number, "recovery_steps")
    try:
        case.ctx.recover(case.handler.recovery_steps, case.number, case.acts_in_visit + 1, *place)
    except StepFailed as failure:
        details = {**case.error.details, "recovery": failure.error.as_json()}
        return Fail(replace(case.error, details=details))
    return None


def _notify(case: _Case) -> None:
    if not case.handler.notify_on_error and case.handler.action != "escalate":
        return
    told = {
        "error_type": case.error.error_class,
        "error": case.error.message,
        "handler_action": case.handler.action or _after_retries(case.handler),
    }
    case.ctx.emit("step_error_notification", told, case.step_id)


def _tell(case: _Case, action: str, target: str | None) -> None:
    told = {
        "handler": case.number,
        "error_type": case.error.error_class,
        "action": action,
        "next_node_id": target,
    }
    if case.error.metadata is not None:
        told["metadata"] = case.error.metadata
    case.ctx.emit("error_handled", told, case.error.step_id)
