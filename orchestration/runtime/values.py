"""Evaluating the texts of one visit, and telling what was missing or odd in them (CKP 3.5)."""

from collections.abc import Callable, Mapping
from typing import Any

from orchestration.runtime.context import Place
from orchestration.runtime.outcomes import Json
from orchestration.runtime.program import Program
from procedures.ckp.expressions import (
    Recorded,
    Scope,
    compile_condition,
    compile_expression,
    compile_text,
    compile_value,
)

Report = Callable[[str, dict[str, Any]], None]


class Values:
    """The evaluator of a visit. `scope.variables` is the visit's live dict, so what a step sets the next one sees."""

    def __init__(self, program: Program, node_id: str, scope: Scope, report: Report) -> None:
        self._program = program
        self._node_id = node_id
        self._scope = scope
        self._report = report
        self._told: set[tuple[str, str | None, str]] = set()

    def expression(self, source: Json, place: tuple[Place, ...]) -> Json:
        """The value of an expression."""
        compiled = self._program.compiled(("e", self._node_id, *place), lambda: compile_expression(source))
        return self._told_about(compiled.evaluate(self._scope), place)

    def condition(self, source: Json, place: tuple[Place, ...]) -> bool:
        """Whether a condition is true."""
        compiled = self._program.compiled(("c", self._node_id, *place), lambda: compile_condition(source))
        return bool(self._told_about(compiled.test(self._scope), place))

    def value(self, source: Json, place: tuple[Place, ...]) -> Json:
        """A value with its placeholders filled; secrets are written as references."""
        compiled = self._program.compiled(("v", self._node_id, *place), lambda: compile_value(source))
        return self._told_about(compiled.render(self._scope), place)

    def text(self, source: str, place: tuple[Place, ...]) -> str:
        """The text of a prompt template."""
        compiled = self._program.compiled(("t", self._node_id, *place), lambda: compile_text(source))
        return str(self._told_about(compiled.render(self._scope), place))

    def given(self, source: Json, place: tuple[Place, ...]) -> Json:
        """As `value`, but a text that is exactly the name of a defined variable means the variable."""
        if isinstance(source, str) and source in self._scope.variables:
            return self._scope.variables[source]
        return self.value(source, place)

    def read_by(self, source: Json) -> dict[str, Json]:
        """The top-level variables that a condition reads, with their values."""
        names = {str(read.path[0]) for read in compile_condition(source).reads}
        return {name: self._scope.variables.get(name) for name in sorted(names) if name in self._scope.variables}

    @property
    def variables(self) -> Mapping[str, Json]:
        """The variables as they are now."""
        return self._scope.variables

    def _told_about(self, value: Json, place: tuple[Place, ...]) -> Json:
        if self._scope.recorded:
            self._tell(place)
        return value

    def _tell(self, place: tuple[Place, ...]) -> None:
        pointer = "/" + "/".join(_escaped(part) for part in ("workflow_graph", "nodes", self._node_id, *place))
        for recorded in self._scope.recorded:
            if (mark := (recorded.kind, recorded.name, pointer)) not in self._told:
                self._told.add(mark)
                self._report(*_event(recorded, pointer))
        self._scope.recorded.clear()


def _event(recorded: Recorded, pointer: str) -> tuple[str, dict[str, Any]]:
    if recorded.kind == "undefined_value":
        return "undefined_value", {"name": recorded.name, "place": pointer}
    return "expression_warning", {"kind": recorded.kind, "place": pointer, "kinds": list(recorded.kinds)}


def _escaped(part: Place) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
