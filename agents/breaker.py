"""Circuit breakers: after failures in a row nothing is sent for a while, then one probe decides (protocols 6).

Every change is a conditional UPDATE, so all workers share one state.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from agents.choices import CircuitKind, CircuitState
from agents.models import Circuit

log = structlog.get_logger(__name__)

AGENT_THRESHOLD: Final = 3
OTHER_THRESHOLD: Final = 5
LONGEST_OPEN_SECONDS: Final = 1_800
PROBE_SECONDS: Final = 120
"""How long a probe may take before another one is let through."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a circuit is about: an agent by its id, an MCP server by its name, a model as `provider/model`."""

    tenant_id: UUID
    kind: CircuitKind
    name: str


def allows(subject: Subject) -> bool:
    """Whether a call may be made now; one that is let through as the probe must report how it went."""
    circuit = _of(subject).exclude(state=CircuitState.CLOSED).first()
    return circuit is None or claim_probe(circuit)


def barred(tenant_id: UUID, kind: CircuitKind) -> dict[str, Circuit | None]:
    """The subjects to which nothing is sent now: those whose probe slot is free map to their circuit."""
    rows = Circuit.system.filter(tenant_id=tenant_id, kind=kind).exclude(state=CircuitState.CLOSED)
    due = set(rows.filter(until__lte=Now()).values_list("pk", flat=True)) if (found := list(rows)) else set()
    return {row.subject: row if row.pk in due else None for row in found}


def claim_probe(circuit: Circuit) -> bool:
    """Take the only probe slot of a circuit that was open long enough; whether it was free."""
    free = Circuit.system.filter(pk=circuit.pk, until__lte=Now()).exclude(state=CircuitState.CLOSED)
    claimed = free.update(state=CircuitState.HALF_OPEN, until=Now() + timedelta(seconds=PROBE_SECONDS))
    if claimed:
        log.info("circuit_half_open", kind=circuit.kind, subject=circuit.subject)
    return bool(claimed)


def leave_probe(subject: Subject) -> None:
    """The probe said nothing: the slot is free for the next one."""
    _of(subject).filter(state=CircuitState.HALF_OPEN).update(state=CircuitState.OPEN, until=Now())


def succeeded(subject: Subject) -> bool:
    """A call went well, or failed for reasons of its own; whether that closed the circuit."""
    troubled = _of(subject).filter(Q(state=CircuitState.HALF_OPEN) | Q(state=CircuitState.CLOSED, failures__gt=0))
    states = list(troubled.values_list("state", flat=True))
    if not states or not troubled.update(state=CircuitState.CLOSED, failures=0, openings=0, until=None):
        return False
    if states[0] == CircuitState.HALF_OPEN:
        log.info("circuit_closed", kind=subject.kind, subject=subject.name)
    return states[0] == CircuitState.HALF_OPEN


@transaction.atomic
def failed(subject: Subject, why: str) -> bool:
    """A call failed for reasons of the subject; whether that opened the circuit."""
    Circuit.system.get_or_create(tenant_id=subject.tenant_id, kind=subject.kind, subject=subject.name)
    _of(subject).update(failures=F("failures") + 1, last_error=why[:500])
    closed = Q(state=CircuitState.CLOSED, failures__gte=_threshold(subject.kind))
    tripped = _of(subject).filter(closed | Q(state=CircuitState.HALF_OPEN)).first()
    return tripped is not None and _open(tripped)


def open_now(subject: Subject, why: str) -> None:
    """Open a circuit whatever its count; for operators."""
    circuit, _ = Circuit.system.get_or_create(tenant_id=subject.tenant_id, kind=subject.kind, subject=subject.name)
    Circuit.system.filter(pk=circuit.pk).update(last_error=why[:500])
    _open(circuit)


def close_now(subject: Subject) -> None:
    """Close a circuit; for operators."""
    _of(subject).update(state=CircuitState.CLOSED, failures=0, openings=0, until=None)


def _open(circuit: Circuit) -> bool:
    seconds = min(settings.ENV.CIRCUIT_RESET_SECONDS * 2**circuit.openings, LONGEST_OPEN_SECONDS)
    unchanged = Circuit.system.filter(pk=circuit.pk, state=circuit.state, openings=circuit.openings)
    opened = unchanged.update(
        state=CircuitState.OPEN,
        openings=F("openings") + 1,
        opened_at=Now(),
        until=Now() + timedelta(seconds=seconds),
    )
    if opened:
        log.warning(
            "circuit_opened", kind=circuit.kind, subject=circuit.subject, failures=circuit.failures, seconds=seconds
        )
    return bool(opened)


def _threshold(kind: CircuitKind) -> int:
    usual = AGENT_THRESHOLD if kind == CircuitKind.AGENT else OTHER_THRESHOLD
    return settings.ENV.CIRCUIT_FAILURE_THRESHOLD or usual


def _of(subject: Subject) -> QuerySet[Circuit]:
    return Circuit.system.filter(tenant_id=subject.tenant_id, kind=subject.kind, subject=subject.name)
