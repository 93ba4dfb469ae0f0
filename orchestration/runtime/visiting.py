"""One visit of one node: what its executor may ask of the engine, and what is recorded of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from langorch.lib import clock
from orchestration.events import NewEvent
from orchestration.runtime import asking, steps
from orchestration.runtime.context import Answer, BranchStart, Place, Strategy
from orchestration.runtime.outcomes import Json, RegionEnd
from orchestration.runtime.records import VisitRow, moment, to_json
from orchestration.runtime.state import VisitRecord
from orchestration.runtime.values import Values
from procedures.ckp.document import Document, HumanApprovalNode, Node, Operation, Step
from procedures.ckp.expressions import Scope

if TYPE_CHECKING:
    from orchestration.runtime.region import RegionDrive


class Visit:
    """A visit that is under way. It is stored as open with the first write that happens while it is."""

    def __init__(
        self,
        region: "RegionDrive",
        node_id: str,
        path: str,
        pos: int,
        variables: Mapping[str, Json],
        again: VisitRecord | None,
    ) -> None:
        self.region = region
        self.drive = region.drive
        self.node_id = node_id
        self.path = path
        self.pos = pos
        self.at: datetime = again.started_at if again else clock.now()
        self.began = clock.monotonic()
        self.changes: dict[str, Json] = {}
        self._facts: dict[str, Json] = dict(again.data or {}) if again else {}
        self._data = to_json(self._facts) if self._facts else None
        self._variables = dict(variables)
        self._values = Values(self.drive.program, node_id, self._scope(), self.emit)
        if again is None:
            self._enter()

    @property
    def document(self) -> Document:
        return self.drive.program.document

    @property
    def node(self) -> Node:
        return self.document.nodes[self.node_id]

    @property
    def variables(self) -> Mapping[str, Json]:
        return self._variables

    @property
    def facts(self) -> Mapping[str, Json]:
        return self._facts

    def _scope(self) -> Scope:
        config = self.document.global_config
        return Scope(
            self._variables,
            builtins={**self.drive.builtins, "node_id": self.node_id},
            strict=config.undefined_variables == "error",
            timezone=config.timezone or "UTC",
            now=self.at,
        )

    def _enter(self) -> None:
        node = self.node
        payload = {"node_name": self.name, "node_type": node.type, "tier": node.TIER}
        self.drive.journal.visit(self.row())
        self.drive.journal.event(NewEvent("node_started", payload, self.node_id, path=self.path, at=self.at))

    @property
    def name(self) -> str:
        """What people read for the node."""
        return self.node.description or self.node_id

    def see_inputs(self) -> None:
        """Evaluate the node's own inputs, which only this visit sees."""
        for name, source in self.node.inputs.items():
            self._variables[name] = self.value(source, "inputs", name)

    def row(self, outcome: str = "", next_node: str = "", error: dict[str, Json] | None = None) -> VisitRow:
        """The visit as it is stored now: open without an outcome. Raises `NotStorable`."""
        return VisitRow(
            self.path,
            self.region.path,
            self.pos,
            self.node_id,
            "done" if outcome else "open",
            outcome,
            to_json(self.changes) if outcome else "{}",
            next_node,
            None if error is None else to_json(error),
            self._data,
            moment(self.at),
            moment(clock.now()) if outcome else None,
        )

    def expression(self, source: Json, *place: Place) -> Json:
        return self._values.expression(source, place)

    def condition(self, source: Json, *place: Place) -> bool:
        return self._values.condition(source, place)

    def value(self, source: Json, *place: Place) -> Json:
        return self._values.value(source, place)

    def text(self, source: str, *place: Place) -> str:
        return self._values.text(source, place)

    def given(self, source: Json, *place: Place) -> Json:
        return self._values.given(source, place)

    def read_by(self, source: Json) -> dict[str, Json]:
        return self._values.read_by(source)

    def write(self, name: str, value: Json) -> None:
        self._variables[name] = value
        self.changes[name] = value

    def keep(self, facts: Mapping[str, Json]) -> None:
        self._data = to_json(facts)
        self._facts = dict(facts)
        self.drive.journal.visit(self.row())

    def emit(self, event_type: str, payload: Mapping[str, Any], step_id: str = "") -> None:
        self.drive.journal.event(NewEvent(event_type, payload, self.node_id, step_id, self.path))

    def step(self, step: Step, *place: Place) -> Json:
        return steps.run(self, step, place)

    def operation(self, operation: Operation, *place: Place) -> Json:
        return steps.operate(self, operation, place)

    def approval(self, node: HumanApprovalNode) -> Answer | None:
        return asking.approval(self, node)

    def iteration(self, index: int, entry: str, bound: Mapping[str, Json], changes: Mapping[str, Json]) -> RegionEnd:
        return self.region.iteration(self, index, entry, {**self._variables, **changes, **bound})

    def begun(self, index: int) -> bool:
        return self.region.begun(self, index)

    def branches(self, starts: Sequence[BranchStart], strategy: Strategy) -> Mapping[str, RegionEnd]:
        return self.region.branches(self, starts, strategy)
