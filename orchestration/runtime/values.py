"""Evaluating the texts of one visit, and telling what was missing or odd in them (CKP 3.5)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from orchestration.runtime.context import Place
from orchestration.runtime.outcomes import Json
from orchestration.runtime.program import Program
from procedures.ckp.expressions import (
    Recorded,
    Scope,
    SecretResolver,
    compile_condition,
    compile_expression,
    compile_text,
    compile_value,
)
from procedures.ckp.mappings import compile_mapping
from procedures.ckp.names import VARIABLE_NAME

Report = Callable[[str, dict[str, Any]], None]
NOTHING: Mapping[str, Json] = {}


class Values:
    """The evaluator of a visit. Its scope holds the visit's live variables, so what a step sets the next one sees."""

    def __init__(self, program: Program, node_id: str, scope: Scope, report: Report) -> None:
        self._program = program
        self._node_id = node_id
        self._builtins = dict(scope.builtins)
        self._scope = replace(scope, builtins=self._builtins)
        self._working: Scope | None = None
        self._report = report
        self._told: set[tuple[str, str | None, str]] = set()
        self._root = "/workflow_graph/nodes/" + _escaped(node_id)
        self._pointers = program.pointers

    def see(self, builtins: Mapping[str, Json]) -> None:
        """From now on texts see these built-ins."""
        self._builtins.update(builtins)

    def forget(self, name: str) -> None:
        """Texts see this built-in no more."""
        self._builtins.pop(name, None)

    def seeing(self, variables: Mapping[str, Json]) -> "Values":
        """The same evaluator over other variables; it reports nothing."""
        scope = replace(self._scope, variables=variables, recorded=[])
        return Values(self._program, self._node_id, scope, _say_nothing)

    def scope(self, *place: Place, local: Mapping[str, Json] = NOTHING) -> Scope:
        """The scope at a place below the node, with further names bound. Call `tell` after using it."""
        key = (self._node_id, *place)
        pointer = self._pointers.get(key)
        if pointer is None:
            pointer = self._pointers[key] = self._root + "".join(f"/{_escaped(part)}" for part in place)
        if local:
            return replace(self._scope, pointer=pointer, variables={**self._scope.variables, **local})
        self._scope.pointer = pointer
        return self._scope

    def working(self, place: tuple[Place, ...], look: Callable[[], None]) -> Scope:
        """The scope for work that may take long: `look` is called all the while, and raises to end it. As `scope`."""
        if self._working is None:
            self._working = replace(self._scope)
        self._working.pointer, self._working.look = self.scope(*place).pointer, look
        return self._working

    def expression(self, source: Json, place: tuple[Place, ...], local: Mapping[str, Json] = NOTHING) -> Json:
        """The value of an expression."""
        value = compile_expression(source).evaluate(self.scope(*place, local=local))
        self.tell()
        return value

    def over(self, source: Json, variables: Mapping[str, Json], place: tuple[Place, ...]) -> Json:
        """The value of an expression over other variables than the run's."""
        scope = replace(self.scope(*place), variables=variables)
        value = compile_expression(source).evaluate(scope)
        self.tell()
        return value

    def condition(self, source: Json, place: tuple[Place, ...], local: Mapping[str, Json] = NOTHING) -> bool:
        """Whether a condition is true."""
        holds = compile_condition(source).test(self.scope(*place, local=local))
        self.tell()
        return holds

    def value(self, source: Json, place: tuple[Place, ...]) -> Json:
        """A value with its placeholders filled; secrets are written as references."""
        compiled = self._program.compiled(("v", self._node_id, *place), lambda: compile_value(source))
        value = compiled.render(self.scope(*place))
        self.tell()
        return value

    def parameter(self, source: Json, place: tuple[Place, ...], mark: SecretResolver) -> Json:
        """As `value`, for a parameter of a call: `mark` gives what stands for a secret."""
        compiled = self._program.compiled(("v", self._node_id, *place), lambda: compile_value(source))
        value = compiled.render(self.scope(*place), mark)
        self.tell()
        return value

    def text(self, source: str, place: tuple[Place, ...]) -> str:
        """The text of a prompt template."""
        text = compile_text(source).render(self.scope(*place))
        self.tell()
        return text

    def given(self, source: Json, place: tuple[Place, ...]) -> Json:
        """As `value`, but a text that is exactly the name of a variable that may be defined here means the variable."""
        if isinstance(source, str) and VARIABLE_NAME.fullmatch(source):
            if source in self._scope.variables:
                return self._scope.variables[source]
            if source in self._program.defined_at(self._node_id):
                return self.expression(source, place)
        return self.value(source, place)

    def mapped(self, source: str, result: Json, place: tuple[Place, ...], *, from_model: bool = False) -> Json:
        """The part of a result that a mapping takes. Raises `OperationError` too."""
        part = compile_mapping(source).take(result, self.scope(*place), from_model=from_model)
        self.tell()
        return part

    def read_by(self, source: Json) -> dict[str, Json]:
        """The top-level variables that a condition reads, with their values."""
        names = {str(read.path[0]) for read in compile_condition(source).reads}
        return {name: self._scope.variables[name] for name in sorted(names) if name in self._scope.variables}

    def tell(self) -> None:
        """Report what was recorded since, each thing once per place and visit."""
        recorded = self._scope.recorded
        while recorded:
            one = recorded.pop(0)
            if (mark := (one.kind, one.name, one.pointer)) not in self._told:
                self._told.add(mark)
                self._report(*_event(one))


def _say_nothing(event_type: str, payload: dict[str, Any]) -> None:
    """Nothing: what is evaluated to be shown was evaluated in earnest before."""


def _event(recorded: Recorded) -> tuple[str, dict[str, Any]]:
    if recorded.kind == "undefined_value":
        return "undefined_value", {"name": recorded.name, "place": recorded.pointer}
    return "expression_warning", {"kind": recorded.kind, "place": recorded.pointer, "kinds": list(recorded.kinds)}


def _escaped(part: Place) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
