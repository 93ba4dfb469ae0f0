"""Keys that documents give to steps: one step under a key is carried out, the others use its result (runtime 8).

Who takes, finishes or gives up a key holds its row, so a step that finds it taken and then waits is seen by whoever
finishes after it.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from langorch.lib import ids
from orchestration import waits
from orchestration.choices import OPEN, StepState, VisitState, WaitKind, WaitState
from orchestration.models import IdempotencyKey, Run, Visit, Wait

WOKEN_AT_ONCE: Final = 100
_OWNERS: Final = re.compile(r"[\[:!~/]")


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a step, `text` as the document's template gave it; `owner` is the run, the procedure, or nothing."""

    tenant_id: UUID
    scope: str
    owner: str
    text: str

    @property
    def ref(self) -> str:
        """What a step waits for that finds the key taken."""
        return f"key:{self.text}"[:300]

    @property
    def row(self) -> dict[str, Any]:
        """How the key is found."""
        return {"tenant_id": self.tenant_id, "scope": self.scope, "owner": self.owner, "digest": digest(self.text)}


@dataclass(frozen=True, slots=True)
class Holder:
    """The step that is to be carried out under a key."""

    run_id: UUID
    path: str
    step_id: str
    action: str
    params_digest: str


Verdict = Literal["mine", "done", "busy", "other_action"]


def digest(text: str) -> str:
    """What stands for a text of any length."""
    return hashlib.sha256(text.encode()).hexdigest()


def take(key: Key, holder: Holder) -> tuple[Verdict, IdempotencyKey]:
    """Take a key for a step, or say who has it and how far it is. Call it inside a transaction."""
    first = IdempotencyKey(id=ids.uuid7(), **key.row, **_held(holder), updated_at=Now())
    IdempotencyKey.system.bulk_create([first], ignore_conflicts=True)
    row = IdempotencyKey.system.select_for_update().get(**key.row)
    if (row.run_id, row.path, row.step_id) == (holder.run_id, holder.path, holder.step_id):
        return "mine", row
    if row.state == StepState.STARTED and not _lives(row):
        IdempotencyKey.system.filter(pk=row.pk).update(**_held(holder), updated_at=Now())
        return "mine", row
    if row.action != holder.action:
        return "other_action", row
    return ("done" if row.state == StepState.COMPLETED else "busy"), row


def finish(key: Key, holder: Holder, result: Any) -> None:
    """Keep the result for all others under the key, and let those who wait for it go on. Same transaction."""
    held = IdempotencyKey.system.filter(**key.row, run_id=holder.run_id, path=holder.path, step_id=holder.step_id)
    if held.update(state=StepState.COMPLETED, result=result, updated_at=Now()):
        transaction.on_commit(lambda: wake(key), robust=True)


def give_up(key: Key, holder: Holder) -> None:
    """The step failed for good: another may be carried out under the key. Call it inside the same transaction."""
    held = IdempotencyKey.system.filter(**key.row, run_id=holder.run_id, path=holder.path, step_id=holder.step_id)
    if held.filter(state=StepState.STARTED).delete()[0]:
        transaction.on_commit(lambda: wake(key), robust=True)


def wake(key: Key) -> int:
    """Let the steps that wait for a key look again; how many."""
    waiting = Wait.objects.filter(kind=WaitKind.CAPACITY, ref=key.ref, state=WaitState.OPEN)
    found = waiting.filter(run__tenant_id=key.tenant_id).order_by("since", "pk")
    return sum(
        waits.signal(waits.Signal(run_id, path, WaitKind.CAPACITY, None, by="key", ref=key.ref))
        for run_id, path in list(found.values_list("run_id", "path")[:WOKEN_AT_ONCE])
    )


def _held(holder: Holder) -> dict[str, Any]:
    return {
        "run_id": holder.run_id,
        "path": holder.path,
        "step_id": holder.step_id,
        "action": holder.action,
        "params_digest": holder.params_digest,
    }


def _lives(row: IdempotencyKey) -> bool:
    """Whether the step that has a key may still finish: its run goes on, and its visit and those above are open."""
    if not Run.system.filter(pk=row.run_id, status__in=OPEN).exists():
        return False
    above = [row.path[: match.start()] for match in _OWNERS.finditer(row.path)]
    return not Visit.objects.filter(run_id=row.run_id, path__in=[row.path, *above], state=VisitState.DONE).exists()
