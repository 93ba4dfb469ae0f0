"""The start form of a procedure, made out of its declared variables: browser and server check the same rules."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from procedures.ckp.document import Document
from procedures.ckp.inputs import form_fields

LONG_TEXT = 200
INPUT_TYPES = {
    "number": "number",
    "integer": "number",
    "date": "date",
    "datetime": "datetime-local",
    "password": "password",
}


@dataclass(frozen=True, slots=True)
class StartField:
    """One field. `widget` is input, textarea, select or checkbox; `attributes` are the browser's own checks."""

    name: str
    label: str
    hint: str
    widget: str
    required: bool
    more: bool
    value: str
    error: str = ""
    choices: Sequence[tuple[str, str]] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


def fields_of(document: Document, given: Mapping[str, str], errors: Mapping[str, str]) -> list[StartField]:
    """The fields with what was typed (else the defaults, else the first example's shape) and what is wrong with it."""
    return [_field(spec, given, errors) for spec in form_fields(document.variables_schema)]


def given_inputs(document: Document, posted: Mapping[str, str]) -> dict[str, Any]:
    """The inputs out of a posted form: blank fields are not given, unticked boxes are false."""
    found: dict[str, Any] = {}
    for spec in form_fields(document.variables_schema):
        text = posted.get(f"input.{spec['name']}", "")
        if spec["type"] == "boolean":
            found[spec["name"]] = text == "on"
        elif text.strip():
            found[spec["name"]] = text
    return found


def _field(spec: Mapping[str, Any], given: Mapping[str, str], errors: Mapping[str, str]) -> StartField:
    name, rules = spec["name"], spec["constraints"]
    key = f"input.{name}"
    value = given[key] if key in given else as_text(spec["default"]) if spec["has_default"] else ""
    if spec["type"] == "boolean" and given:
        value = given.get(key, "")
    choices = [(as_text(choice), as_text(choice)) for choice in rules.get("allowed_values") or []]
    return StartField(
        name=name,
        label=spec["label"],
        hint=_hint(spec, rules),
        widget=_widget(spec, rules),
        required=spec["required"],
        more=spec["section"] == "more" and not spec["required"],
        value=value,
        error=errors.get(name, ""),
        choices=choices if spec["required"] else [("", "–"), *choices],
        attributes=_attributes(spec, rules),
    )


def _widget(spec: Mapping[str, Any], rules: Mapping[str, Any]) -> str:
    if rules.get("allowed_values"):
        return "select"
    if spec["type"] == "boolean":
        return "checkbox"
    long = spec["type"] in ("object", "array") or rules.get("max_length", 0) > LONG_TEXT
    return "textarea" if long else "input"


def _attributes(spec: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Any]:
    kind = spec["type"]
    found: dict[str, Any] = {"type": INPUT_TYPES.get(kind, "text")}
    if kind in ("number", "integer"):
        found["step"] = "1" if kind == "integer" else "any"
    names = {"min": "min", "max": "max", "regex": "pattern"}
    if kind in ("string", "password", "any"):
        names = {"min": "minlength", "max": "maxlength", "min_length": "minlength", "max_length": "maxlength"} | {
            "regex": "pattern"
        }
    found |= {attribute: rules[rule] for rule, attribute in names.items() if rules.get(rule) is not None}
    if spec["examples"]:
        found["placeholder"] = as_text(spec["examples"][0])
    return found


def _hint(spec: Mapping[str, Any], rules: Mapping[str, Any]) -> str:
    low, high = rules.get("min"), rules.get("max")
    bounds = ""
    if spec["type"] in ("number", "integer", "date", "datetime"):
        if low is not None and high is not None:
            bounds = f"From {low} to {high}."
        elif low is not None or high is not None:
            bounds = f"At least {low}." if low is not None else f"At most {high}."
    shape = {"object": "A JSON object.", "array": "A JSON list."}.get(spec["type"], "")
    return " ".join(part for part in (_sentence(spec["description"] or ""), shape, bounds) if part)


def _sentence(text: str) -> str:
    return f"{text}." if text and text[-1] not in ".!?)" else text


def as_text(value: Any) -> str:
    """A value as a form shows it: ticked boxes are "on", lists and objects JSON."""
    if isinstance(value, bool):
        return "on" if value else ""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
