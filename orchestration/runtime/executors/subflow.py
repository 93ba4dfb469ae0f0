"""subflow: runs of another procedure, until one completes or its failure stands (runtime 15)."""

from collections.abc import Mapping
from typing import Any

from orchestration.runtime.context import Child, Context
from orchestration.runtime.errors import is_type
from orchestration.runtime.outcomes import Done, Error, Fail, Json, Outcome, Suspended, Wait
from orchestration.runtime.retrying import Plan, plan
from procedures.ckp.document import SubflowNode

WHOLE = "subflow_output"
ERROR = "subflow_error"
COMPLETED = "completed"


def execute(node: SubflowNode, ctx: Context) -> Outcome:
    """Take what stands in for the child, else what the child came to."""
    override = ctx.override()
    if override is not None:
        return _taken(node, ctx, override.result)
    try:
        return _children(node, ctx)
    except Suspended:
        return Wait()


def _children(node: SubflowNode, ctx: Context) -> Outcome:
    while True:
        child = ctx.child() or _start(node, ctx)
        if child.status == COMPLETED:
            ctx.emit("subflow_completed", _about(child))
            return _taken(node, ctx, child.outputs)
        if not child.status:
            return Wait()
        if (outcome := _failed(node, ctx, child)) is not None:
            return outcome


def _start(node: SubflowNode, ctx: Context) -> Child:
    failed = int(ctx.facts.get("failed", 0))
    if failed:
        ctx.pause(f"#child{failed}", _plan(node, ctx).delay(failed, f"{ctx.path}|{failed}"))
    given = {name: _given(ctx, name, source) for name, source in node.input_mapping.items()}
    return ctx.start_child(node, given)


def _given(ctx: Context, name: str, source: Json) -> Json:
    place = ("input_mapping", name)
    stub = ctx.assumed(*place)
    return ctx.given(source, *place) if stub is None else stub


def _taken(node: SubflowNode, ctx: Context, outputs: Json) -> Outcome:
    """The outputs of the child take effect: as they are mapped, else all in one variable."""
    if node.output_mapping and not isinstance(outputs, dict):
        return Fail(Error("invalid_value", "The outputs of a subflow are an object, and output_mapping reads them."))
    mapped = {name: ctx.output(source, outputs, "output_mapping", name) for name, source in node.output_mapping.items()}
    for name, value in (mapped or {WHOLE: outputs}).items():
        ctx.write(name, value)
    if node.on_failure == "continue":
        ctx.write(ERROR, None)
    return Done()


def _failed(node: SubflowNode, ctx: Context, child: Child) -> Outcome | None:
    """The outcome of the visit when a child failed or was canceled; none when another child is to be tried."""
    error, failed = _error(child), int(ctx.facts.get("failed", 0)) + 1
    ctx.emit("subflow_failed", {**_about(child), "on_failure": node.on_failure, "error": error.message})
    if node.on_failure == "retry" and _tries_again(_plan(node, ctx), error, failed):
        ctx.keep({"failed": failed, "child": None})
        return None
    if node.on_failure != "continue":
        return Fail(error)
    for name in node.output_mapping or (WHOLE,):
        ctx.write(name, None)
    ctx.write(ERROR, error.placed(node_id=ctx.node_id, path=ctx.path).as_json())
    return Done()


def _tries_again(policy: Plan, error: Error, failed: int) -> bool:
    excluded = any(is_type(error, name) for name in policy.policy.non_retryable_errors)
    return failed <= policy.max_retries and not excluded


def _plan(node: SubflowNode, ctx: Context) -> Plan:
    return plan((node.retry,), ctx.document.global_config)


def _error(child: Child) -> Error:
    """The error of the child, as the one of the visit; the child's own is among its details."""
    inner: Mapping[str, Any] = child.error or {}
    details = {**_about(child), "status": child.status, "error": dict(inner)}
    message = f"{child.procedure_id} {child.version}".strip() + f" {child.status}: {inner.get('message', '')}"
    return Error(
        "subflow_failed",
        message.rstrip(": "),
        error_type=str(inner.get("class", "")),
        code=str(inner.get("code", "")),
        details=details,
    )


def _about(child: Child) -> dict[str, Json]:
    return {
        "child_run_id": child.run_id or None,
        "procedure_id": child.procedure_id,
        "version": child.version or None,
    }
