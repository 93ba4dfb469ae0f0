"""Older names in steps, retry policies, operations, transformations and validations."""

import re
from typing import Final

from procedures.ckp.dialects.rewriter import Members, Rewriter
from procedures.ckp.document.steps import Operation, Step, Transformation
from procedures.ckp.expressions import compile_expression
from procedures.ckp.expressions.errors import ExpressionProblem
from procedures.ckp.fields import Table, table_of
from procedures.ckp.kinds import Decimal, Whole
from procedures.ckp.names import is_note
from procedures.ckp.report import Path
from procedures.ckp.values import plain_number, read_number

_STRATEGIES: Final = {"exponential": "exponential_backoff"}
_OPERATIONS: Final = {"format_data": "format_string", "deduplicate": "unique"}
_TRANSFORMATIONS: Final = {"jinja_template": "template", "deduplicate": "unique"}
_CHECKS: Final = frozenset({"custom", "value_in_range", "screen_text_contains", "element_exists"})
_NONE: Final = re.compile(r"\bNone\b")


def retry_policy(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Attempts, delays and strategy."""
    attempts = rewriter.take_number(members, path, "max_attempts")
    if attempts is not None:
        rewriter.put(members, path, "max_attempts", "max_retries", plain_number(max(attempts - 1, 0)))
    rewriter.rename_any(members, path, ("retry_delay_ms", "delay_ms", "backoff_ms"), "base_delay_ms")
    rewriter.rename(members, path, "backoff_multiplier", "multiplier")
    rewriter.rename(members, path, "backoff", "strategy")
    rewriter.respell(members, path, "strategy", _STRATEGIES)
    number_texts(rewriter, members, path, table_of_retry())


def table_of_retry() -> Table:
    """The numbers of a retry policy."""
    return {"max_retries": _WHOLE, "base_delay_ms": _WHOLE, "max_delay_ms": _WHOLE, "multiplier": _WHOLE}


_WHOLE: Final = table_of(Step)["wait_ms"]


def number_texts(rewriter: Rewriter, members: Members, path: Path, table: Table) -> None:
    """Texts such as "5000" where a number belongs."""
    for key, field in table.items():
        text = members.get(key)
        if not isinstance(text, str) or not isinstance(field.kind, Whole | Decimal):
            continue
        number = read_number(text.strip())
        if number is not None:
            members[key] = plain_number(number)
            rewriter.report("CKP602", (*path, key), f"The text '{text}' was read as the number {members[key]}.")


def step(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Executor ids, number texts, older names of actions, parameters in one place."""
    if "executor_id" in members:
        rewriter.rename(members, path, "parameters", "params")
        rewriter.rename(members, path, "executor_id", "action")
    rewriter.respell(members, path, "action", _OPERATIONS)
    number_texts(rewriter, members, path, table_of(Step))
    flatten(rewriter, members, path, table_of(Step))
    _nullable_error_rule(rewriter, members, path)


def flatten(rewriter: Rewriter, members: Members, path: Path, table: Table) -> None:
    """Parameters stand beside the fields, but for those that would be taken for a field or a note."""
    params = members.get("params")
    if not isinstance(params, dict):
        return
    for key in list(params):
        if key in members and key not in table:
            message = f"The parameter '{key}' stands in 'params' and beside it; the one beside it is used."
            rewriter.report("CKP507", (*path, "params", key), message)
            del params[key]
        elif key not in table and not is_note(key):
            rewriter.move((*path, key), (*path, "params", key))
            members[key] = params.pop(key)
    if not params:
        del members["params"]


def operation(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Older names of fields and actions."""
    rewriter.respell(members, path, "action", _OPERATIONS)
    flatten(rewriter, members, path, table_of(Operation))
    rewriter.rename(members, path, "output", "output_variable")
    if members.get("action") in ("filter", "map", "calculate", "reduce"):
        rewriter.rename(members, path, "condition", "expression")
    if members.get("action") == "aggregate":
        _aggregate_item(rewriter, members, path)
    _nullable_error_rule(rewriter, members, path)


def _aggregate_item(rewriter: Rewriter, members: Members, path: Path) -> None:
    function, column = members.get("function"), members.get("field")
    if not isinstance(function, str):
        return
    del members["function"]
    item = function
    if isinstance(column, str):
        del members["field"]
        item = f"{function}({column})"
    rewriter.put(members, path, "function", "expression", item)


def _nullable_error_rule(rewriter: Rewriter, members: Members, path: Path) -> None:
    if "on_error" in members and members["on_error"] is None:
        members["on_error"] = "null"


def transformation(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Older types, absent sources, and maps that are text around placeholders."""
    rewriter.respell(members, path, "type", _TRANSFORMATIONS)
    flatten(rewriter, members, path, table_of(Transformation))
    if members.get("type") in ("expression", "template") and "source_variable" not in members:
        members["source_variable"] = None
        rewriter.report("CKP602", path, "The missing 'source_variable' was read as null.")
    if members.get("type") == "map":
        _quote_text(rewriter, members, path)


def _quote_text(rewriter: Rewriter, members: Members, path: Path) -> None:
    text = members.get("expression")
    if not isinstance(text, str) or "{{" not in text or _compiles(text):
        return
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if _compiles(quoted):
        members["expression"] = quoted
        message = "The expression is text around placeholders; it was read as a quoted text."
        rewriter.report("CKP603", (*path, "expression"), message, hint=f"Write {quoted[:200]}.")


def _compiles(text: str) -> bool:
    try:
        compile_expression(text)
    except ExpressionProblem:
        return False
    return True


def validation(rewriter: Rewriter, members: Members, path: Path) -> None:
    """A check that is an expression."""
    check = members.get("check")
    if not isinstance(check, str) or check in _CHECKS or "condition" in members:
        return
    members["check"] = "custom"
    members["condition"] = _NONE.sub("none", check)
    rewriter.move((*path, "condition"), (*path, "check"))
    message = "The check is none of the four kinds; it was read as a condition."
    rewriter.report("CKP603", (*path, "check"), message, hint="Write check: custom and the condition beside it.")
