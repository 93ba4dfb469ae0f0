"""The start form of a procedure, made out of its declared variables: browser and server check the same rules."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from orchestration.browser_patterns import browser_pattern
from procedures.ckp.document import Document
from procedures.ckp.document.variables import VariableMeta
from procedures.ckp.inputs import form_fields

LONG_TEXT = 200
MOST_LINES = 14
NESTED = ("object", "array")
MEASURED = ("number", "integer", "date", "datetime")
INPUT_TYPES = {
    "number": "number",
    "integer": "number",
    "date": "date",
    "datetime": "datetime-local",
    "password": "password",
}
BROWSER_RULES = {"min": "min", "max": "max", "regex": "pattern"}
TEXT_RULES = {
    "min": "minlength",
    "max": "maxlength",
    "min_length": "minlength",
    "max_length": "maxlength",
    "regex": "pattern",
}

Spec = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StartField:
    """One field. `widget` is input, textarea, json, select or checkbox; `attributes` are the browser's own checks."""

    name: str
    label: str
    hint: str
    widget: str
    required: bool
    more: bool
    group: str
    value: str
    error: str = ""
    choices: Sequence[tuple[str, str]] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lines(self) -> int:
        """How many lines the field shows."""
        return min(max(self.value.count("\n") + 1, 3), MOST_LINES)


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring fields of one group; `name` is empty for fields of none."""

    name: str
    fields: Sequence[StartField]


def fields_of(
    schema: Mapping[str, VariableMeta], given: Mapping[str, str], errors: Mapping[str, str]
) -> list[StartField]:
    """The fields of the declared variables, with what was typed (else their defaults) and what is wrong with it."""
    return [_field(spec, given, errors) for spec in form_fields(schema)]


def grouped(fields: Iterable[StartField]) -> list[Group]:
    """The fields as they are shown, by group."""
    return [Group(name, list(found)) for name, found in groupby(fields, lambda one: one.group)]


def given_inputs(document: Document, posted: Mapping[str, str]) -> dict[str, Any]:
    """The inputs out of a posted form: blank fields are not given, unticked boxes are false."""
    found: dict[str, Any] = {}
    for spec in form_fields(document.variables_schema):
        text = posted.get(_key(spec), "")
        if spec["type"] == "boolean" and not _choices(spec):
            found[spec["name"]] = text == "on"
        elif text.strip():
            found[spec["name"]] = text.replace("\r\n", "\n")
    return found


def from_run(document: Document, inputs: Mapping[str, Any]) -> dict[str, str]:
    """The inputs of a run as they would have been typed; what is sensitive is left out, to be typed again."""
    specs = form_fields(document.variables_schema)
    return {_key(spec): _typed(spec, inputs[spec["name"]]) for spec in specs if spec["name"] in inputs and _open(spec)}


def examples(document: Document) -> dict[str, str]:
    """The first example of each field, for those that have one."""
    specs = form_fields(document.variables_schema)
    return {_key(spec): _typed(spec, spec["examples"][0]) for spec in specs if spec["examples"] and _open(spec)}


def _key(spec: Spec) -> str:
    return f"input.{spec['name']}"


def _open(spec: Spec) -> bool:
    return not spec["sensitive"]


def _field(spec: Spec, given: Mapping[str, str], errors: Mapping[str, str]) -> StartField:
    value = _value(spec, given)
    choices = _choices(spec)
    return StartField(
        name=spec["name"],
        label=spec["label"],
        hint=" ".join(_hints(spec)),
        widget=_widget(spec),
        required=spec["required"],
        more=spec["section"] == "more" and not spec["required"],
        group=spec["group"] or "",
        value=value,
        error=errors.get(spec["name"], ""),
        choices=choices if spec["required"] and value else [("", "–"), *choices],
        attributes=_attributes(spec, value),
    )


def _value(spec: Spec, given: Mapping[str, str]) -> str:
    if spec["sensitive"]:
        return ""
    if _key(spec) in given:
        return given[_key(spec)]
    if spec["type"] == "boolean" and "posted" in given:
        return ""
    return _typed(spec, spec["default"]) if spec["has_default"] and not _is_made(spec["default"]) else ""


def _is_made(default: Any) -> bool:
    """Whether a default is made at the start, out of a template."""
    return isinstance(default, str) and "{{" in default


def _typed(spec: Spec, value: Any) -> str:
    """A value as it is typed: ticked boxes are "on", lists and objects JSON."""
    if spec["type"] == "boolean" and isinstance(value, bool) and not _choices(spec):
        return "on" if value else ""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONG_TEXT / 4 else json.dumps(value, ensure_ascii=False, indent=2)


def _choices(spec: Spec) -> list[tuple[str, str]]:
    allowed = spec["constraints"].get("allowed_values") or []
    texts = [one if isinstance(one, str) else json.dumps(one, ensure_ascii=False) for one in allowed]
    return [(text, text) for text in texts]


def _widget(spec: Spec) -> str:
    if _choices(spec) and spec["type"] not in NESTED:
        return "select"
    if spec["type"] == "boolean":
        return "checkbox"
    if spec["type"] in NESTED:
        return "json"
    return "textarea" if spec["constraints"].get("max_length", 0) > LONG_TEXT else "input"


def _attributes(spec: Spec, value: str) -> dict[str, Any]:
    kind, rules = spec["type"], spec["constraints"]
    found: dict[str, Any] = {"type": INPUT_TYPES.get(kind, "text")}
    if kind == "datetime" and (len(value) > 19 or value.endswith("Z")):
        found["type"] = "text"
    if kind in ("number", "integer"):
        found["step"] = "1" if kind == "integer" else "any"
    names = BROWSER_RULES if kind in MEASURED else TEXT_RULES
    if kind not in NESTED:
        found |= {attribute: rules[rule] for rule, attribute in names.items() if rules.get(rule) is not None}
    pattern = browser_pattern(str(found.pop("pattern", "")))
    if pattern:
        found |= {"pattern": pattern, "title": spec["description"] or f"Must match {rules['regex']}"}
    if spec["examples"] and not spec["sensitive"]:
        found["placeholder"] = _typed(spec, spec["examples"][0])
    return found


def _hints(spec: Spec) -> Iterator[str]:
    if spec["description"]:
        yield _sentence(spec["description"])
    if spec["type"] in NESTED:
        yield "A JSON object." if spec["type"] == "object" else "A JSON list."
    if bounds := _bounds(spec):
        yield bounds
    if spec["has_default"] and _is_made(spec["default"]):
        yield f"Left blank: {spec['default'].replace('{{', '').replace('}}', '').strip()}."


def _bounds(spec: Spec) -> str:
    rules, measured = spec["constraints"], spec["type"] in MEASURED
    low = rules.get("min") if measured else rules.get("min_length", rules.get("min"))
    high = rules.get("max") if measured else rules.get("max_length", rules.get("max"))
    unit = "" if measured else " elements" if spec["type"] == "array" else " characters"
    if spec["type"] == "object" or (not measured and high is not None and low in (None, 0, 1) and high > LONG_TEXT):
        return ""
    if low is not None and high is not None:
        return f"From {_number(low)} to {_number(high)}{unit}."
    if low is not None:
        return f"At least {_number(low)}{unit}."
    return f"At most {_number(high)}{unit}." if high is not None else ""


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _sentence(text: str) -> str:
    return text if text[-1] in ".!?)" else f"{text}."
