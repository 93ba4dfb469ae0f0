"""Inputs of a run against the declared variables: one rule set for forms, API, triggers and subflows (CKP 1.2)."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from procedures.ckp.document.variables import VariableMeta
from procedures.ckp.expressions.patterns import compile_pattern
from procedures.ckp.schemas import violations
from procedures.ckp.values import canonical_json, kind_of, plain_number, read_number

Render = Callable[[Any], Any]
"""Renders a default that holds templates, over the built-ins of the start."""

UNREAD: Final = object()
"""A value that is not of its type."""

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class CheckedInputs(NamedTuple):
    """Values with defaults filled in, one sentence per faulty name, and names that are not declared."""

    values: dict[str, Any]
    errors: dict[str, str]
    unknown: list[str]


def check_inputs(
    schema: Mapping[str, VariableMeta],
    values: Mapping[str, Any],
    *,
    from_text: bool = False,
    render: Render | None = None,
) -> CheckedInputs:
    """Checks all values at once; per variable the first failure counts.

    `from_text`: texts of a form, query or file are converted when they read exactly as the type. Unknown names are
    left out of the values; whether they are refused is for the caller (`extra_inputs`).
    """
    checked: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, meta in schema.items():
        given = values.get(name)
        if is_blank(given):
            if meta.has_default:
                given = render(meta.default) if render else meta.default
            elif meta.required:
                errors[name] = f"{shown_name(name, meta)} is required."
                continue
            elif name not in values or from_text:
                continue
        value, fault = check_value(meta, given, from_text=from_text)
        if fault:
            errors[name] = f"{shown_name(name, meta)} {fault}."
        else:
            checked[name] = value
    return CheckedInputs(checked, errors, sorted(set(values) - set(schema)))


def is_blank(value: Any) -> bool:
    """Whether a value counts as not given: null, or text of blanks only."""
    return value is None or (isinstance(value, str) and not value.strip())


def shown_name(name: str, meta: VariableMeta) -> str:
    """What a person reads for a variable."""
    return meta.label or name


def check_value(meta: VariableMeta, value: Any, *, from_text: bool = False) -> tuple[Any, str | None]:
    """A value of one variable, converted where it may be, and what is wrong with it as the rest of a sentence."""
    if value is None:
        return None, None
    typed = _typed(meta.type, value, from_text=from_text)
    if typed is UNREAD:
        return value, f"must be {TYPE_NAMES[meta.type or 'string']}"
    for check in (_allowed, _matches, _within, _fits_schema):
        fault = check(meta, typed)
        if fault:
            return typed, fault
    return typed, None


def _typed(type_name: str | None, value: Any, *, from_text: bool) -> Any:
    if type_name is None:
        return value
    if from_text and isinstance(value, str) and type_name in _FROM_TEXT:
        value = _FROM_TEXT[type_name](value.strip())
        if value is UNREAD:
            return UNREAD
    return _STRICT[type_name](value)


def _number_from_text(text: str) -> Any:
    number = read_number(text)
    return UNREAD if number is None else plain_number(number)


def _boolean_from_text(text: str) -> Any:
    return {"true": True, "false": False}.get(text, UNREAD)


def _json_from_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return UNREAD


def _text(value: Any) -> Any:
    return value if isinstance(value, str) else UNREAD


def _number(value: Any) -> Any:
    return plain_number(value) if kind_of(value) == "number" else UNREAD


def _integer(value: Any) -> Any:
    number = _number(value)
    return number if isinstance(number, int) else UNREAD


def _of(kind: str) -> Callable[[Any], Any]:
    return lambda value: value if kind_of(value) == kind else UNREAD


def _date(value: Any) -> Any:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return UNREAD
    return value if _moment(value) is not None else UNREAD


def _datetime(value: Any) -> Any:
    if not isinstance(value, str) or len(value) < 16:
        return UNREAD
    return value if _moment(value) is not None else UNREAD


def _moment(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text) if len(text) > 10 else date.fromisoformat(text)
    except ValueError:
        return None


def _file(value: Any) -> Any:
    return value if isinstance(value, str | dict) else UNREAD


_FROM_TEXT: Final[dict[str, Callable[[str], Any]]] = {
    "number": _number_from_text,
    "integer": _number_from_text,
    "boolean": _boolean_from_text,
    "array": _json_from_text,
    "object": _json_from_text,
}
_STRICT: Final[dict[str, Callable[[Any], Any]]] = {
    "string": _text,
    "password": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _of("boolean"),
    "array": _of("list"),
    "object": _of("object"),
    "date": _date,
    "datetime": _datetime,
    "file": _file,
}
TYPE_NAMES: Final = {
    "string": "a text",
    "password": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "date": "a date such as 2026-02-09",
    "datetime": "a date with time such as 2026-02-09T10:30:00Z",
    "file": "a file",
}


def _allowed(meta: VariableMeta, value: Any) -> str | None:
    allowed = meta.validation.allowed_values
    if allowed is None or any(canonical_json(one) == canonical_json(value) for one in allowed):
        return None
    return f"must be one of: {', '.join(_shown(one) for one in allowed[:20])}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value)


def _matches(meta: VariableMeta, value: Any) -> str | None:
    regex = meta.validation.regex
    if regex is None or not isinstance(value, str) or compile_pattern(regex).fullmatch(value):
        return None
    return f"must match the pattern {regex}"


def _within(meta: VariableMeta, value: Any) -> str | None:
    rules = meta.validation
    by_length = isinstance(value, str | list) and meta.type not in {"date", "datetime"}
    low, high = (rules.min, rules.max) if not by_length else (None, None)
    shortest = rules.min_length if rules.min_length is not None else rules.min
    longest = rules.max_length if rules.max_length is not None else rules.max
    if by_length:
        return _length_fault(value, shortest, longest)
    if low is not None and _before(value, low):
        return f"must be at least {low}"
    if high is not None and _before(high, value):
        return f"must be at most {high}"
    return None


def _length_fault(value: str | list[Any], shortest: Any, longest: Any) -> str | None:
    unit = "character" if isinstance(value, str) else "element"
    if isinstance(shortest, int | float) and len(value) < shortest:
        return f"must have at least {shortest} {unit}{'' if shortest == 1 else 's'}"
    if isinstance(longest, int | float) and len(value) > longest:
        return f"must have at most {longest} {unit}{'' if longest == 1 else 's'}"
    return None


def _before(left: Any, right: Any) -> bool:
    """Whether one value lies before another: numbers by value, dates by time; other pairs have no order."""
    if kind_of(left) == kind_of(right) == "number":
        return bool(left < right)
    if not (isinstance(left, str) and isinstance(right, str)):
        return False
    first, second = as_time(left), as_time(right)
    return first is not None and second is not None and first < second


def as_time(text: str) -> datetime | None:
    """The moment of an ISO text, in UTC where it names no zone; None for any other text."""
    moment = _moment(text)
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        moment = datetime(moment.year, moment.month, moment.day)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fits_schema(meta: VariableMeta, value: Any) -> str | None:
    if meta.json_schema is None:
        return None
    found = violations(meta.json_schema, value)
    if not found:
        return None
    pointer, sentence = found[0]
    return f"does not fit its schema{f' at {pointer}' if pointer else ''}: {sentence.rstrip('.')}"


def form_fields(schema: Mapping[str, VariableMeta]) -> list[dict[str, Any]]:
    """The fields of a start form, in the order they are shown: by `order`, then as declared.

    Each has name, type, label, description, required, has_default, default, section (`form` or `more`), group,
    sensitive, examples and constraints.
    """
    shown = [(name, meta) for name, meta in schema.items() if meta.origin != "system_captured"]
    shown.sort(key=lambda entry: entry[1].order if entry[1].order is not None else float("inf"))
    return [_form_field(name, meta) for name, meta in shown]


def _form_field(name: str, meta: VariableMeta) -> dict[str, Any]:
    rules = meta.validation.model_dump(exclude_none=True)
    if meta.json_schema is not None:
        rules["schema"] = meta.json_schema
    return {
        "name": name,
        "type": meta.type or "any",
        "label": meta.label or name.replace("_", " ").strip().capitalize(),
        "description": meta.description,
        "required": meta.required and not meta.has_default,
        "has_default": meta.has_default,
        "default": meta.default,
        "section": "more" if meta.origin == "user_lazy" else "form",
        "group": meta.group,
        "sensitive": meta.is_sensitive,
        "examples": meta.examples,
        "constraints": rules,
    }
