"""parallel: branches on copies of the variables, and their join (runtime 7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.runtime.context import Again, BranchStart, Context
from orchestration.runtime.errors import is_retried
from orchestration.runtime.outcomes import Done, Error, Fail, Outcome, RegionEnd, Wait
from orchestration.runtime.retrying import Plan, plan
from procedures.ckp.document import ParallelNode


@dataclass(frozen=True, slots=True)
class Decision:
    """When the node goes on: `wait` is its wait_strategy; `fail_fast` stops at the first failure.

    With a `plan` branches are tried again; `path` is the node's.
    """

    wait: str
    fail_fast: bool
    plan: Plan | None
    path: str

    def decided(self, ended: Mapping[str, RegionEnd]) -> bool:
        """Whether what has ended decides. The end of the run always does."""
        kinds = {end.kind for end in ended.values()}
        if "run_ended" in kinds or (self.fail_fast and "failed" in kinds):
            return True
        if self.wait == "first":
            return bool(kinds)
        return self.wait == "any" and any(end.succeeded for end in ended.values())

    def failed_by(self, ended: Mapping[str, RegionEnd]) -> Error | None:
        """The error of the first branch that fails the node; a success before it may have decided already."""
        counted = [end for end in ended.values() if end.error is not None or (end.succeeded and self.wait != "all")]
        return counted[0].error if self.fail_fast and counted else None

    def again(self, branch_id: str, error: Error, tried: int) -> Again | None:
        """The next try of a failed branch under the node's retry policy, none when it is used up."""
        if self.plan is None or tried >= self.plan.max_retries or not is_retried(error, self.plan.policy):
            return None
        delay = self.plan.delay(tried + 1, f"{self.path}:{branch_id}|{tried + 1}", (error.retry_after or 0) * 1000)
        return Again(delay, self.plan.strategy)


def execute(node: ParallelNode, ctx: Context) -> Outcome:
    """Drive the branches until they decide or all wait, then merge what they changed."""
    retried = plan((node.retry,), ctx.document.global_config) if node.branch_failure == "retry" else None
    decision = Decision(node.wait_strategy, node.branch_failure in ("fail", "retry"), retried, ctx.path)
    starts = [BranchStart(branch.branch_id, branch.start_node) for branch in node.branches]
    ends = ctx.branches(starts, decision)
    ran_out = next((end for end in ends.values() if end.end is not None), None)
    if ran_out is not None and ran_out.end is not None:
        return ran_out.end
    settled = {name: end for name, end in ends.items() if end.succeeded or end.kind == "failed"}
    if any(end.kind == "parked" for end in ends.values()) and not decision.decided(settled):
        return Wait()
    if (error := decision.failed_by(ends)) is not None:
        return Fail(error)
    return _join(ctx, {start.branch_id: ends.get(start.branch_id, RegionEnd("stopped")) for start in starts})


def _join(ctx: Context, ends: Mapping[str, RegionEnd]) -> Outcome:
    succeeded = {name: end for name, end in ends.items() if end.succeeded}
    errors = {name: end.error for name, end in ends.items() if end.error is not None}
    if errors and not succeeded:
        details = {"branches": {name: error.as_json() for name, error in errors.items()}}
        message = "Every branch failed." if len(errors) == len(ends) else "The first branch to end failed."
        return Fail(Error("all_branches_failed", message, details=details))
    _merge(ctx, succeeded)
    failures = {name: error.as_json() for name, error in errors.items()}
    shown = {name: end.shown for name, end in succeeded.items()}
    ctx.write("parallel_results", {"branches": shown, "errors": failures})
    return Done()


def _merge(ctx: Context, succeeded: Mapping[str, RegionEnd]) -> None:
    changed_by: dict[str, list[str]] = {}
    for branch_id, end in succeeded.items():
        for name, value in end.kept.items():
            ctx.write(name, value)
        for name in end.shown:
            changed_by.setdefault(name, []).append(branch_id)
    for name, branches in changed_by.items():
        if len(branches) > 1:
            payload: dict[str, Any] = {"name": name, "branches": branches}
            ctx.emit("variable_conflict", payload)
