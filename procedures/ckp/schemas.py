"""JSON Schemas that authors write: 2020-12, without external references, patterns in RE2 syntax."""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend

from procedures.ckp.expressions.errors import ExpressionProblem
from procedures.ckp.expressions.patterns import compile_pattern

MOST_VIOLATIONS: Final = 20
Look = Callable[[], None]
_look: ContextVar[Look] = ContextVar("look")


def pattern_fault(pattern: str) -> str | None:
    """Why a pattern cannot be used, as one sentence, or none."""
    try:
        compile_pattern(pattern)
    except ExpressionProblem as problem:
        return problem.message
    return None


def schema_fault(schema: Any) -> str | None:
    """Why a schema cannot be used, as one sentence, or none."""
    external = next((ref for ref in _references(schema) if not ref.startswith("#")), None)
    if external is not None:
        return f"The schema refers to '{external[:80]}'; only references into itself (#…) are allowed."
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path)
        return f"The schema is not valid{f' at {place}' if place else ''}: {error.message[:200]}."
    return next((fault for pattern in _patterns(schema) if (fault := pattern_fault(pattern))), None)


def violations(schema: Any, value: Any, look: Look | None = None) -> list[tuple[str, str]]:
    """What of a value breaks a schema: JSON pointer and sentence, at most 20, in the order of the value.

    `look` is called again and again meanwhile; what it raises ends the work.
    """
    if look is None:
        return _violations(_VALIDATOR(schema), value)
    token = _look.set(look)
    try:
        return _violations(_LOOKING(schema), value)
    finally:
        _look.reset(token)


def _violations(validator: Any, value: Any) -> list[tuple[str, str]]:
    found = []
    for error in validator.iter_errors(value):
        pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.absolute_path)
        found.append((pointer, error.message[:300]))
        if len(found) == MOST_VIOLATIONS:
            break
    return sorted(found)


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(value, "string") and not compile_pattern(pattern).search(value):
        yield ValidationError(f"The text does not match the pattern {pattern}")


def _pattern_properties(validator: Any, patterns: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    if not validator.is_type(value, "object"):
        return
    for pattern, below in patterns.items():
        for key, item in value.items():
            if compile_pattern(pattern).search(key):
                yield from validator.descend(item, below, path=key, schema_path=pattern)


_VALIDATOR: Final = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _pattern, "patternProperties": _pattern_properties}
)


def _looking(keywords: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The same keywords, each with a look before it is applied."""

    def with_look(apply: Callable[..., Any]) -> Callable[..., Any]:
        def keyword(*parts: Any) -> Any:
            _look.get()()
            return apply(*parts)

        return keyword

    return {name: with_look(apply) for name, apply in keywords.items()}


_LOOKING: Final = extend(_VALIDATOR, _looking(_VALIDATOR.VALIDATORS))  # type: ignore[no-untyped-call]


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield value
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _references(schema: Any) -> Iterator[str]:
    for part in _objects(schema):
        for key in ("$ref", "$dynamicRef"):
            if isinstance(part.get(key), str):
                yield part[key]


def _patterns(schema: Any) -> Iterator[str]:
    for part in _objects(schema):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        if isinstance(part.get("patternProperties"), dict):
            yield from part["patternProperties"]
