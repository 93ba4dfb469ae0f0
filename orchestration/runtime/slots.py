"""The slot of an agent that an attempt holds: taken with its record, given back with its outcome (protocols 5)."""

import threading
from typing import Final

import structlog
from django.db import DatabaseError, connection, transaction

from agents import breaker, leases, ports
from agents.breaker import Subject
from agents.choices import CircuitKind, Signal
from agents.choosing import subject_name
from agents.dispatch import http as agents
from agents.leases import Taken
from agents.models import Agent
from langorch.lib import http
from orchestration.runtime.stepping import RecordedStep

log = structlog.get_logger(__name__)
LOST: Final = "The slot of the agent was taken away while it worked."


class SlotLost(Exception):
    """The lease has run out, or an operator ended it."""


class Slot:
    """What an attempt holds. It is given back once."""

    def __init__(self, run: RecordedStep, taken: Taken) -> None:
        self.run = run
        self.taken = taken
        self.held = True

    def stored(self) -> None:
        """The lease is committed: the heartbeat looks after it from now on; before, it would not find it."""
        self.run.visit.drive.lease.slots.add(self.taken.lease_id)

    @property
    def agent(self) -> Agent:
        return self.taken.agent

    def look(self) -> None:
        """A boundary of the visit; raises `SlotLost` too."""
        self.run.visit.look()
        if self.taken.lease_id in self.run.visit.drive.lease.lost_slots:
            raise SlotLost

    def give_back(self, verdict: str | None) -> None:
        """End the lease, and count how it went: `verdict` is empty for an agent that is well, else why it is not.

        None says nothing of the agent. Call it inside a transaction.
        """
        self._forget()
        leases.release(self.taken.lease_id, self.agent.pk)
        subject = Subject(self.agent.tenant_id, CircuitKind.AGENT, subject_name(self.agent))
        if verdict:
            breaker.failed(subject, verdict)
        elif verdict is not None and breaker.succeeded(subject):
            ports.waiters().wake(self.agent, self.agent.concurrency_limit)

    def cut(self, reason: str) -> None:
        """The attempt has no outcome: the agent is told, and its slot is free."""
        self.tell_cancel(reason)
        self._forget()
        try:
            with self.run.visit.drive.crowd.baton.aside(), transaction.atomic():
                leases.release(self.taken.lease_id, self.agent.pk, reason)
        except DatabaseError as error:
            log.warning("slot_not_given_back", lease_id=str(self.taken.lease_id), error=str(error))
        finally:
            self.run.visit.drive.leave_connection()

    def tell_cancel(self, reason: str) -> None:
        """Ask the agent to stop, without waiting for it."""
        if Signal.CANCEL in self.agent.cannot:
            return
        content = {
            "dispatch_id": str(self.taken.dispatch_id),
            "run_id": str(self.run.visit.drive.run.pk),
            "node_id": self.run.visit.node_id,
            "step_id": self.run.step.step_id,
            "reason": reason,
        }
        threading.Thread(target=_cancel, args=(self.agent, content), name="cancel", daemon=True).start()

    def _forget(self) -> None:
        self.held = False
        self.run.visit.drive.lease.slots.discard(self.taken.lease_id)


def _cancel(agent: Agent, content: dict[str, str]) -> None:
    try:
        if not agents.signal(agent.base_url, Signal.CANCEL, content):
            known = Agent.system.filter(pk=agent.pk, updated_at=agent.updated_at)
            known.update(cannot=sorted({*agent.cannot, Signal.CANCEL.value}))
    except (http.CallFailed, DatabaseError) as error:
        log.info("cancel_not_told", agent_id=agent.agent_id, error=str(error))
    finally:
        connection.close()
