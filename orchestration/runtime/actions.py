"""The actions that LangOrch carries out itself: operations on values, and logging what they log (CKP 2.6)."""

from collections.abc import Mapping
from typing import Final

from orchestration.runtime.context import Place
from orchestration.runtime.outcomes import Error, Json, StepFailed
from orchestration.runtime.visiting import Visit
from procedures.ckp.operations import OPERATIONS, Tools, run_operation

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_RESULT: Final = "__result"


def perform(visit: Visit, action: str, fields: Mapping[str, Json], place: tuple[Place, ...], step_id: str = "") -> Json:
    """Carry out an internal action: its result, after setting the variables that it sets.

    Raises `StepFailed`, `OperationError`, `EvaluationError`.
    """
    if action not in OPERATIONS:
        raise StepFailed(Error("no_executor", f"No agent is registered that offers {action}."))
    tools = Tools(defined=visit.document.variables_schema)
    operation = {**fields, "action": action, "output_variable": _RESULT}
    try:
        changes = run_operation(operation, visit.values.scope(*place), tools)
    finally:
        visit.values.tell()
    result = changes.pop(_RESULT)
    for name, value in changes.items():
        visit.write(name, value)
    for level, message in tools.logged:
        _log(visit, level, message, step_id)
        result = message
    return result


def _log(visit: Visit, level: str, message: Json, step_id: str) -> None:
    if LEVELS.index(level) >= LEVELS.index(visit.document.global_config.logging_level):
        visit.emit("log", {"level": level, "message": message}, step_id)
