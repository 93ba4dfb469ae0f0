"""Steps under a key that their document gives (runtime 8)."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from langorch.lib import clock
from orchestration import idempotency
from orchestration.choices import KeyScope, WaitKind
from orchestration.idempotency import Holder, Key
from orchestration.models import IdempotencyKey
from orchestration.runtime import prompts
from orchestration.runtime.outcomes import Error, Json, StepFailed, Suspended
from orchestration.runtime.records import WaitRow, moment, to_json
from orchestration.runtime.stepping import RecordedStep
from procedures.ckp.document.base import IdempotencyPolicy
from procedures.ckp.expressions import compile_value

LOOK_AGAIN_SECONDS: Final = 60
"""Who waits for a key looks again after this long, should nobody have woken it."""


@dataclass(slots=True)
class UserKey:
    """The key of one step, which it has taken unless it found a result under it."""

    run: RecordedStep
    key: Key
    holder: Holder

    def meet(self) -> tuple[Json, str] | None:
        """The result that another step has under the key, and which; none when this one is to be carried out.

        Raises `StepFailed` (idempotency_mismatch), and `Suspended` while another step is at it.
        """
        with self.run.visit.drive.transaction():
            verdict, row = idempotency.take(self.key, self.holder)
            if verdict == "busy":
                self._wait()
        if verdict == "busy":
            raise Suspended
        if verdict == "other_action":
            message = f"The idempotency key {self.key.text} belongs to {row.action} of run {row.run_id}."
            raise StepFailed(Error("idempotency_mismatch", message))
        if verdict == "mine":
            return None
        if row.params_digest != self.holder.params_digest:
            told = {"key": self.key.text, "scope": self.key.scope, "other_run_id": str(row.run_id)}
            self.run.emit("idempotency_mismatch", told)
        return row.result, _source(row)

    def finish(self, result: Json) -> None:
        """The step has its result; call it inside the transaction that records it."""
        idempotency.finish(self.key, self.holder, result)

    def give_up(self) -> None:
        """The step has failed for good; call it inside the transaction that records it."""
        idempotency.give_up(self.key, self.holder)

    def _wait(self) -> None:
        visit, now = self.run.visit, clock.now()
        visit.emit("node_paused", {"reason": WaitKind.CAPACITY, "node_name": visit.name}, self.run.step.step_id)
        visit.store()
        until = now + timedelta(seconds=LOOK_AGAIN_SECONDS)
        step_id, ref = self.run.step.step_id, self.key.ref
        visit.drive.journal.wait(WaitRow(visit.path, step_id, WaitKind.CAPACITY, ref, moment(now), moment(until)))


def of(run: RecordedStep) -> UserKey | None:
    """The key that the document gives a step, if any.

    Raises `EvaluationError` for one that is not defined, `NotStorable` for one that cannot be kept.
    """
    found = _written(run)
    if found is None:
        return None
    text, scope = found
    taken = run.visit.drive.run
    owners = {KeyScope.RUN: str(taken.pk), KeyScope.PROCEDURE: taken.procedure_key}
    key = Key(taken.tenant_id, scope, owners.get(KeyScope(scope), ""), text)
    return UserKey(run, key, Holder(taken.pk, run.path, run.step.step_id, run.step.action, _params(run)))


def _written(run: RecordedStep) -> tuple[str, str] | None:
    """The key and its scope: the step's own, else the node's as a prefix."""
    step, node = run.step, run.visit.node
    for owner, place in ((step, run.place), (node, ())):
        policy: IdempotencyPolicy | None = getattr(owner, "idempotency_policy", None)
        plain: str | None = getattr(owner, "idempotency_key", None)
        if policy is not None:
            source, scope, where = policy.key, policy.scope, (*place, "idempotency_policy", "key")
        elif plain is not None:
            source, scope, where = plain, KeyScope.RUN.value, (*place, "idempotency_key")
        else:
            continue
        value = compile_value(source).render(replace(run.visit.values.scope(*where), strict=True))
        written = to_json(value)
        text = value if isinstance(value, str) else written
        return (text if owner is step else f"{text}:{step.step_id}"), scope
    return None


def _params(run: RecordedStep) -> str:
    """What the parameters are compared by; those of actions of the house as they are written."""
    shown = prompts.parameters(run.visit, run.step.parameters, run.place).shown if run.leaves else run.step.parameters
    return idempotency.digest(to_json(shown))


def _source(row: IdempotencyKey) -> str:
    return f"{row.run_id}:{row.path}/{row.step_id}"
