"""One visit of one node: its values, its events, and how it is stored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from langorch.lib import clock
from langorch.lib.redaction import REDACTED
from orchestration import time_left
from orchestration.compensating import UNDO
from orchestration.events import NewEvent
from orchestration.runtime import limits, moments
from orchestration.runtime.context import Place
from orchestration.runtime.drive import Drive
from orchestration.runtime.limits import LimitPassed
from orchestration.runtime.outcomes import Json
from orchestration.runtime.ports import Surroundings
from orchestration.runtime.records import VisitRow, moment, to_json
from orchestration.runtime.state import VisitRecord
from orchestration.runtime.state_size import Sizes
from orchestration.runtime.values import NOTHING, Values
from procedures.ckp.document import Document, Node, Sla
from procedures.ckp.expressions import Scope

LOOK_SECONDS: Final = 0.01
"""So long is worked between two looks in the midst of work."""


class Visit:
    """A visit that is under way.

    It is stored as open with the first write that happens while it is, and again with each of its steps, what it
    changed so far included; `again` is that record when a visit is entered once more.
    """

    def __init__(
        self,
        drive: Drive,
        region: Surroundings,
        node_id: str,
        path: str,
        pos: int,
        variables: Mapping[str, Json],
        again: VisitRecord | None,
    ) -> None:
        self.drive = drive
        self.region: Surroundings = region
        self.node_id = node_id
        self.node: Node = drive.program.document.nodes[node_id]
        self.path = path
        self.pos = pos
        self.at: datetime = again.started_at if again else clock.now()
        self.began = clock.monotonic()
        self._next_look = self.began + LOOK_SECONDS
        self._entered = moment(self.at)
        self.changes: dict[str, Json] = dict(again.changes) if again else {}
        self._encoded = {to_json(name): to_json(value) for name, value in self.changes.items()}
        self._facts: dict[str, Json] = dict(again.data or {}) if again else {}
        self._data = to_json(self._facts) if self._facts else None
        self._around = variables
        self._variables = {**variables, **self.changes}
        self.again = again is not None
        """Whether the visit was entered before."""
        self.limit = region.limit
        self._breached_at: float | None = None
        self._in_flight = again is None
        self.values = Values(drive.program, node_id, self._scope(), self._say)
        if again is None:
            self._enter()

    @property
    def document(self) -> Document:
        return self.drive.program.document

    @property
    def name(self) -> str:
        """What people read for the node."""
        return self.node.description or self.node_id

    @property
    def zone(self) -> str:
        """The time zone of the document."""
        return self.document.global_config.timezone or "UTC"

    @property
    def variables(self) -> Mapping[str, Json]:
        return self._variables

    @property
    def shared(self) -> dict[str, Json]:
        """The variables without the node's own inputs, which nobody else sees."""
        return {**self._around, **self.changes}

    @property
    def encoded(self) -> Mapping[str, str]:
        """What the visit has set so far, names and values as JSON."""
        return self._encoded

    @property
    def sizes(self) -> Sizes:
        """The sizes of the run's variables as the visit sees them."""
        return self.region.size.sizes_with(self._encoded)

    @property
    def facts(self) -> Mapping[str, Json]:
        return self._facts

    @property
    def retries(self) -> int:
        return self.region.retries(self.node_id)

    @property
    def spent_ms(self) -> float:
        """Since the visit was entered first; no other clock than the wall's spans several drives."""
        spent = (clock.now() - self.at).total_seconds() if self.again else clock.monotonic() - self.began
        return round(spent * 1000, 3)

    def _scope(self) -> Scope:
        config = self.document.global_config
        return Scope(
            self._variables,
            {**self.drive.builtins, **self.drive.telemetry.builtins(), "node_id": self.node_id},
            strict=config.undefined_variables == "error",
            timezone=self.zone,
            now=self.at,
        )

    def _enter(self) -> None:
        self.store()
        self.tell("node_started", {"node_name": self.name, "node_type": self.node.type, "tier": self.node.TIER})

    def at_step(self, step_id: str, attempt: int) -> None:
        """From now on a step is at work: texts see which, its attempt, and what the run has done so far."""
        self.values.see({"step_id": step_id, "attempt": attempt, **self.drive.telemetry.builtins()})

    def begin(self) -> None:
        """Evaluate the node's own inputs, which only this visit sees, and see how long it may take."""
        if self.node.inputs:
            self._take_inputs()
        if self.node.timeout_ms is not None or self.node.timeout_policy is not None:
            self._limit_time()
        if self.node.sla is not None:
            self._watch_sla(self.node.sla)
        self._look_at_limit()

    def _take_inputs(self) -> None:
        """Inputs keep the values that they had when the visit was entered first; what it set since goes before them."""
        known: Mapping[str, Json] = self._facts.get("inputs", {})
        for name, source in self.node.inputs.items():
            self._variables[name] = known[name] if name in known else self.value(source, "inputs", name)
            self._learn(name, self._variables[name])
        if not known:
            self.keep({"inputs": {name: self._variables[name] for name in self.node.inputs}})
        self._variables.update(self.changes)

    def look(self) -> None:
        """A boundary: raises when the drive or a region is to stop, or when a limit of time has passed."""
        self.region.look()
        self.see_sla()
        self._look_at_limit()

    def look_at_work(self) -> None:
        """A boundary in the midst of the node's work; called as often as you like, it looks as often as is worth it.

        What was noted is stored before, and what has gathered goes out meanwhile.
        """
        now = clock.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        if self._data is None and self._facts:
            self.store()
        self.look()
        self.drive.journal.settle(now=False)

    def seconds_left(self) -> float | None:
        """Until the nearest limit of time of this visit, of its owners and of the run; none without one.

        That of a child driven inline is at most its parent's.
        """
        above = self.drive.above.seconds_left() if self.drive.above else None
        if self.limit is None:
            return above
        own = max(self.limit.at - clock.monotonic(), 0)
        return own if above is None else min(own, above)

    def see_sla(self) -> None:
        """Tell of an SLA that is breached by now."""
        if self._breached_at is not None and clock.monotonic() >= self._breached_at:
            self.breach()

    def breach(self) -> None:
        """Tell that the SLA is breached, once."""
        sla = self.node.sla
        if sla is None or self._breached_at is None:
            return
        self._breached_at = None
        self.drive.watch.remove(self.path)
        self._facts["sla_breached"] = True
        self._data = to_json(self._facts)
        told = {
            "elapsed_ms": round((clock.now() - self.at).total_seconds() * 1000),
            "limit_ms": sla.max_duration_ms,
            "on_breach": sla.on_breach,
            "escalation_handler": sla.escalation_handler,
            "in_flight": self._in_flight,
        }
        self.drive.journal.mark(self.row(), NewEvent("sla_breached", told, self.node_id, "", self.path))

    def close(self) -> None:
        """The visit has ended: nothing limits it any more."""
        self.drive.limits.pop(self.path, None)
        self.drive.watch.remove(self.path)

    def lift(self) -> None:
        """The visit's own limit has been answered; those further out still hold."""
        self.drive.limits.pop(self.path, None)
        self.limit = self.region.limit

    def _watch_sla(self, sla: Sla) -> None:
        at = limits.here(self.at) + sla.max_duration_ms / 1000
        if "sla_breached" not in self._facts:
            self._breached_at = at
            self.see_sla()
        if self._breached_at is not None:
            self.drive.watch.add(self, at)
        self._in_flight = True
        if time_left.ends(sla):
            self.limit = limits.nearest(self.limit, limits.Limit("sla", self.path, at, sla.max_duration_ms))

    def _look_at_limit(self) -> None:
        if self.limit is not None and clock.monotonic() >= self.limit.at:
            raise LimitPassed(self.limit)

    def _limit_time(self) -> None:
        source, place = limits.timeout_of(self.node)
        if source is None:
            return
        counts_from = self.drive.run.active_from
        if "timeout" not in self._facts:
            length = moments.milliseconds(self.value(source, *place))
            self.keep({"timeout": {"ms": length, "active_from": counts_from.isoformat()}})
        kept = self._facts["timeout"]
        for_people = counts_from - datetime.fromisoformat(kept["active_from"])
        ends = limits.here(self.at + for_people) + kept["ms"] / 1000
        self.drive.limits[self.path] = own = limits.Limit("node", self.path, ends, kept["ms"])
        self.limit = limits.nearest(self.limit, own)

    def store(self) -> None:
        """Let the open visit go out with the next write."""
        self.drive.journal.visit(self.row())

    def row(self, outcome: str = "", next_node: str = "", error: dict[str, Json] | None = None) -> VisitRow:
        """The visit as it is stored: open without an outcome. Raises `NotStorable`."""
        if self._data is None and self._facts:
            self._data = to_json(self._facts)
        changes = ",".join([f"{name}:{text}" for name, text in self._encoded.items()]) if self._encoded else ""
        return VisitRow(
            self.path,
            self.region.path,
            self.pos,
            self.node_id,
            "done" if outcome else "open",
            outcome,
            f"{{{changes}}}",
            next_node,
            None if error is None else to_json(error),
            self._data,
            self._entered,
            moment(clock.now()) if outcome else None,
        )

    def expression(self, source: Json, *place: Place, local: Mapping[str, Json] = NOTHING) -> Json:
        return self.values.expression(source, place, local)

    def condition(self, source: Json, *place: Place, local: Mapping[str, Json] = NOTHING) -> bool:
        return self.values.condition(source, place, local)

    def value(self, source: Json, *place: Place) -> Json:
        return self.values.value(source, place)

    def parameter(self, source: Json, *place: Place) -> Json:
        """As `value`, for a parameter of a call: marks of `drive.secrets` stand for secrets."""
        return self.values.parameter(source, place, self.drive.secrets.mark)

    def text(self, source: str, *place: Place) -> str:
        return self.values.text(source, place)

    def given(self, source: Json, *place: Place) -> Json:
        return self.values.given(source, place)

    def read_by(self, source: Json) -> dict[str, Json]:
        return self.values.read_by(source)

    def write(self, name: str, value: Json) -> None:
        self._encoded[to_json(name)] = to_json(value)
        self._learn(name, value)
        self._variables[name] = value
        self.changes[name] = value

    def _learn(self, name: str, value: Json) -> None:
        """What a hidden variable holds is masked inside other texts too."""
        if name in self.drive.program.hidden_names:
            self.drive.hide(value)

    def forget_changes(self) -> None:
        """Nothing of what the visit changed is kept."""
        self.changes.clear()
        self._encoded.clear()

    def masked(self, name: str | None, value: Json) -> Json:
        """The value of a variable as events may show it; without a name the value alone decides."""
        redactor = self.drive.journal.redactor
        return REDACTED if name and value is not None and redactor.hides(name, value) else redactor.redact(value)

    def keep(self, facts: Mapping[str, Json]) -> None:
        together = {**self._facts, **facts}
        self._data = to_json(together)
        self._facts = together
        self.store()

    def note(self, name: str, number: int) -> None:
        """Add a fact that goes out when the visit is stored the next time."""
        self._facts[name] = number
        self._data = None

    def can_undo(self, step_id: str, path: str) -> None:
        """Remember that a step, or with an empty id the node, is done now and can be undone."""
        order = [self.drive.lease.fence, self.drive.count_done()]
        done: list[Json] = [*self._facts.get(UNDO, ()), {"path": path, "step_id": step_id, "order": order}]
        self.keep({UNDO: done})

    def tell(self, event_type: str, payload: Mapping[str, Json]) -> None:
        """Record an event that says nothing but what the document and the clock say, so there is nothing to mask."""
        self.drive.journal.event(NewEvent(event_type, payload, self.node_id, "", self.path), masked=True)

    def _say(self, event_type: str, payload: Mapping[str, Any]) -> None:
        """Tell what was missing or odd in a text, once in the visit however often that is entered."""
        mark = [payload.get("name") or payload["kind"], payload["place"]]
        said = self._facts.get("said", [])
        if mark not in said:
            self.emit(event_type, payload)
            self.keep({"said": [*said, mark]})

    def emit(
        self,
        event_type: str,
        payload: Mapping[str, Any],
        step_id: str = "",
        attempt: int | None = None,
        path: str = "",
    ) -> None:
        self.drive.journal.event(NewEvent(event_type, payload, self.node_id, step_id, path or self.path, attempt))
