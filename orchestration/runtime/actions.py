"""The actions that LangOrch carries out itself, on values (CKP 2.6). Pure.

Each gives a result from its fields; what the result then changes is `apply`. So a recorded result is applied again
without being computed again.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, Final

from orchestration.runtime.context import Context, Place
from orchestration.runtime.outcomes import Error, Json, StepFailed

Fields = Mapping[str, Json]
Action = Callable[[Fields, Context, tuple[Place, ...], str], Json]


def _set_variable(fields: Fields, ctx: Context, place: tuple[Place, ...], step_id: str) -> Json:
    return ctx.value(fields["value"], *place, "value")


def _calculate(fields: Fields, ctx: Context, place: tuple[Place, ...], step_id: str) -> Json:
    return ctx.expression(fields["expression"], *place, "expression")


def _format_string(fields: Fields, ctx: Context, place: tuple[Place, ...], step_id: str) -> Json:
    return ctx.text(fields["template"], *place, "template")


def _log(fields: Fields, ctx: Context, place: tuple[Place, ...], step_id: str) -> Json:
    name = "message" if "message" in fields else "value"
    source = fields.get(name)
    message = ctx.text(source, *place, name) if isinstance(source, str) else ctx.value(source, *place, name)
    level = str(fields.get("level", "INFO"))
    if LEVELS.index(level) >= LEVELS.index(ctx.document.global_config.logging_level):
        ctx.emit("log", {"level": level, "message": message}, step_id)
    return message


LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
ACTIONS: Final[dict[str, Action]] = {
    "set_variable": _set_variable,
    "append_to_array": _set_variable,
    "calculate": _calculate,
    "format_string": _format_string,
    "log": _log,
}


def apply(action: str, fields: Fields, result: Json, ctx: Context) -> None:
    """Make the change that an action's result stands for."""
    if action == "set_variable":
        _set(str(fields["variable"]).split("."), result, ctx)
    elif action == "append_to_array":
        _append(str(fields["array"]), result, ctx)


def _set(path: list[str], value: Json, ctx: Context) -> None:
    name, *rest = path
    if not rest:
        ctx.write(name, value)
        return
    whole: Any = deepcopy(ctx.variables.get(name))
    whole = whole if isinstance(whole, dict) else {}
    inner = whole
    for key in rest[:-1]:
        inner[key] = inner.get(key) if isinstance(inner.get(key), dict) else {}
        inner = inner[key]
    inner[rest[-1]] = value
    ctx.write(name, whole)


def _append(name: str, value: Json, ctx: Context) -> None:
    items = ctx.variables.get(name)
    if items is not None and not isinstance(items, list):
        raise StepFailed(Error("not_a_list", f"{name} is not a list."))
    ctx.write(name, [*(items or ()), value])
