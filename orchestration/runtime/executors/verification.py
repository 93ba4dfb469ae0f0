"""verification: checks that decide whether the run goes on (CKP 2.8)."""

from dataclasses import dataclass
from typing import Final

from orchestration.runtime.context import Context
from orchestration.runtime.outcomes import Done, Error, Fail, Goto, Json, Outcome
from procedures.ckp.document import Check, VerificationNode
from procedures.ckp.edges import edges
from procedures.ckp.expressions import EvaluationError
from procedures.ckp.schemas import violations

CHECKED: Final = "checked"
"""The fact that says how many checks are made."""
FAULTS: Final = "faults"
"""The fact that says which of them did not pass, and what was told of each."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A check that did not pass."""

    check: Check
    check_id: str
    message: str

    @property
    def goes_on(self) -> bool:
        """Whether the run goes on all the same."""
        return self.check.on_fail in ("warn", "continue")

    def as_json(self) -> dict[str, Json]:
        return {"id": self.check_id, "message": self.message}


def execute(node: VerificationNode, ctx: Context) -> Outcome:
    """Evaluate all checks; the first failed one that does not go on decides."""
    failed = _failed(node, ctx)
    blocking = [one for one in failed if not one.goes_on]
    warnings = [one.as_json() for one in failed if one.goes_on]
    result = {"passed": not blocking, "failed": [one.as_json() for one in blocking], "warnings": warnings}
    ctx.write(node.output_variable, result)
    if not blocking:
        return Goto(node.on_pass) if node.on_pass else Done()
    return _decide(node, ctx, blocking[0])


def _failed(node: VerificationNode, ctx: Context) -> list[Failed]:
    """The checks that do not pass; those that an earlier entry of the visit has made are not made again."""
    done = ctx.facts.get(CHECKED, 0)
    faults: list[tuple[int, str]] = list(ctx.facts.get(FAULTS, ()))
    for index, check in enumerate(node.checks[done:], done):
        if index > done:
            ctx.keep({CHECKED: index, FAULTS: faults})
            ctx.look_at_work()
        if (message := _check(check, index, ctx)) is not None:
            faults.append((index, message))
    return [Failed(node.checks[index], _id(node.checks[index], index), message) for index, message in faults]


def _id(check: Check, index: int) -> str:
    return check.id or f"check_{index + 1}"


def _check(check: Check, index: int, ctx: Context) -> str | None:
    """What is told of a check that does not pass."""
    check_id = _id(check, index)
    if ctx.assumes("checks", index):
        ctx.emit("check_passed", {"check_id": check_id, "assumed": True})
        return None
    fault = _fault(check, index, ctx)
    if fault is None:
        ctx.emit("check_passed", {"check_id": check_id})
        return None
    message = ctx.text(check.message, "checks", index, "message") if check.message else fault
    ctx.emit("check_failed", {"check_id": check_id, "message": message, "action": check.on_fail})
    return message


def _fault(check: Check, index: int, ctx: Context) -> str | None:
    """What is wrong, as a sentence; an expression that cannot be evaluated is a failed check."""
    try:
        if check.condition is not None:
            holds = ctx.condition(check.condition, "checks", index, "condition")
            return None if holds else f"Not true: {check.condition}"
        faults = violations(check.json_schema, ctx.expression(check.source, "checks", index, "source"))
        return f"{faults[0][0] or 'The value'}: {faults[0][1]}" if faults else None
    except EvaluationError as error:
        return error.message


def _decide(node: VerificationNode, ctx: Context, failed: Failed) -> Outcome:
    if failed.check.on_fail == "retry" and ctx.retries < node.max_retries:
        return Goto(node.retry_node or _predecessor(ctx), retry=True)
    target = failed.check.on_fail_node or node.on_fail
    if target:
        return Goto(target)
    details = {"check_id": failed.check_id}
    return Fail(Error("verification_failed", failed.message, details=details))


def _predecessor(ctx: Context) -> str | None:
    """The only node that leads here; the compiler saw to it that there is one."""
    into = {edge.source for edge in edges(ctx.document) if edge.target == ctx.node_id and edge.kind != "error"}
    return next(iter(into - {ctx.node_id}), None)
