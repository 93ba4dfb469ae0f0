"""The actions that LangOrch carries out itself: operations on values, log lines, named copies (CKP 2.6)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from orchestration.runtime import intake
from orchestration.runtime.context import Place
from orchestration.runtime.outcomes import Error, Json, StepFailed
from orchestration.runtime.visiting import Visit
from procedures.ckp.operations import OPERATIONS, OperationError, Tools, run_operation

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
COPIES: Final = "__checkpoints"
"""The variable that holds named copies; no document can name it."""
AVAILABLE: Final = frozenset({*OPERATIONS, "set_checkpoint", "restore_checkpoint", "screenshot"})
_RESULT: Final = "__result"

Emit = Callable[[str, Mapping[str, Json]], None]
Look = Callable[[], None]


def perform(
    visit: Visit, action: str, fields: Mapping[str, Json], place: tuple[Place, ...], emit: Emit, look: Look
) -> Json:
    """Carry out an internal action: its result, after setting the variables that it sets.

    `emit` records its events; `look` is called while it computes, and what that raises ends it.
    Raises `StepFailed`, `OperationError`, `EvaluationError`.
    """
    if action in OPERATIONS:
        return _operate(visit, action, fields, place, emit, look)
    if action == "set_checkpoint":
        return _keep(visit, str(fields["name"]))
    if action == "restore_checkpoint":
        return _put_back(visit, str(fields["name"]))
    if action == "screenshot":
        return None
    raise StepFailed(Error("no_executor", f"The action {action} cannot be carried out by this version."))


def _operate(
    visit: Visit, action: str, fields: Mapping[str, Json], place: tuple[Place, ...], emit: Emit, look: Look
) -> Json:
    tools = Tools(visit.drive.secrets.text_of, partial(intake.file_of, visit), visit.document.variables_schema)
    operation = {**fields, "action": action, "output_variable": _RESULT}
    try:
        changes = run_operation(operation, visit.values.working(place, look), tools)
    finally:
        visit.values.tell()
    result = changes.pop(_RESULT)
    for name, value in changes.items():
        visit.write(name, value)
    for level, message in tools.logged:
        if LEVELS.index(level) >= LEVELS.index(visit.document.global_config.logging_level):
            emit("log", {"level": level, "message": message})
        result = message
    return result


def _keep(visit: Visit, name: str) -> None:
    copies = dict(visit.variables.get(COPIES) or {})
    copies[name] = {one: value for one, value in visit.shared.items() if not one.startswith("__")}
    visit.write(COPIES, copies)


def _put_back(visit: Visit, name: str) -> None:
    copies = visit.variables.get(COPIES) or {}
    if name not in copies:
        raise OperationError("invalid_value", f"There is no copy of the variables named {name}.")
    for one, value in copies[name].items():
        visit.write(one, value)
