"""Checking values against the JSON Schemas of forms: patterns by RE2, no reference leaves the schema."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import re2
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend
from referencing import Registry

from langorch.lib.errors import Place

SENTENCES = {
    "type": "This must be {value}.",
    "enum": "This is not one of the choices.",
    "const": "This must be {value}.",
    "minimum": "This must be at least {value}.",
    "maximum": "This must be at most {value}.",
    "exclusiveMinimum": "This must be more than {value}.",
    "exclusiveMaximum": "This must be less than {value}.",
    "multipleOf": "This must be a multiple of {value}.",
    "minLength": "This needs at least {value} characters.",
    "maxLength": "This may have at most {value} characters.",
    "minItems": "This needs at least {value} entries.",
    "maxItems": "This may have at most {value} entries.",
    "format": "This is not a valid {value}.",
    "pattern": "This does not have the expected form.",
    "additionalProperties": "There is a field that was not asked for.",
}
KINDS = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "empty",
}


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not re2.search(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_extend: Any = extend
_Validator = _extend(Draft202012Validator, {"pattern": _pattern})


def faults(schema: Mapping[str, Any], value: Any, root: str) -> list[Place]:
    """What is wrong with `value`, each with its field and a JSON pointer that begins with `root`."""
    validator = _Validator(dict(schema), format_checker=Draft202012Validator.FORMAT_CHECKER, registry=Registry())
    return [_place(error, root) for error in sorted(validator.iter_errors(value), key=lambda error: list(error.path))]


def with_defaults(schema: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
    """`value` with the defaults of the schema's properties where it says nothing."""
    properties = schema.get("properties", {})
    given = {name: part["default"] for name, part in properties.items() if isinstance(part, dict) and "default" in part}
    return given | dict(value)


def _place(error: ValidationError, root: str) -> Place:
    path = [str(part) for part in error.absolute_path]
    message = _sentence(error)
    if error.validator == "required":
        path.append(_missing(error))
        message = "This is needed."
    pointer = "/".join([root, *(part.replace("~", "~0").replace("/", "~1") for part in path)])
    return Place(message, code=str(error.validator), field=path[0] if path else None, pointer=pointer)


def _missing(error: ValidationError) -> str:
    names = error.validator_value if isinstance(error.validator_value, list) else []
    given = error.instance if isinstance(error.instance, dict) else {}
    return next((str(name) for name in names if name not in given and f"{name!r}" in error.message), "")


def _sentence(error: ValidationError) -> str:
    form = SENTENCES.get(str(error.validator))
    if form is None:
        return error.message[:300]
    return form.format(value=_words(error))


def _words(error: ValidationError) -> str:
    value = error.validator_value
    if error.validator == "type":
        kinds = value if isinstance(value, list) else [value]
        return " or ".join(KINDS.get(str(kind), str(kind)) for kind in kinds)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
