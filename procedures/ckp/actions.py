"""The actions that LangOrch itself carries out, and the transformations of data: their fields (CKP 2.6, 2.7, 2.14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from procedures.ckp.document.variables import TYPES
from procedures.ckp.fields import Field, Table
from procedures.ckp.kinds import (
    PROMPT,
    Anything,
    Choice,
    Condition,
    Duration,
    Either,
    Entries,
    Expression,
    Flag,
    Given,
    JsonPath,
    JsonSchema,
    Kind,
    Name,
    Pattern,
    T,
    Text,
    Whole,
    Zone,
    ms,
    texts,
)

Result = Literal["none", "optional", "required"]
CONVERSIONS: Final = tuple(name for name in TYPES if name not in {"file", "password"})
AGGREGATES: Final = ("count", "sum", "avg", "min", "max", "median", "first", "last", "list", "distinct")


@dataclass(frozen=True, slots=True)
class Action:
    """One internal action.

    `result` says whether an operation must name an `output_variable`. `operation` is false for what may not stand in
    a processing node.
    """

    name: str
    fields: Table
    result: Result = "required"
    operation: bool = True
    call: bool = False
    summary: str = ""


def _need(kind: Kind) -> Field:
    return Field(kind, required=True)


_SOURCE: Final = {"source": _need(Given(form=T))}
_ON_ERROR: Final = {"on_error": Field(Choice(values=("fail", "null")))}
_COLUMNS: Final = Either(kinds=(Text(), texts()))

TRANSFORMS: Final[dict[str, Table]] = {
    "filter": {"expression": _need(Condition(scope="item"))},
    "map": {
        "expression": Field(Expression(scope="item")),
        "fields": Field(Entries(of=Expression(scope="item"))),
    },
    "reduce": {"expression": _need(Expression(scope="fold")), "initial": Field(Anything(form=T))},
    "join": {
        "expression": _need(Text()),
        "with": _need(Given(form=T)),
        "how": Field(Choice(values=("inner", "left", "full"))),
        "prefix": Field(Text()),
    },
    "aggregate": {
        "expression": Field(_COLUMNS),
        "group_by": Field(_COLUMNS),
        "op": Field(Choice(values=AGGREGATES)),
        "field": Field(Text()),
    },
    "pivot": {
        "index": _need(Text()),
        "columns": _need(Text()),
        "values": _need(Text()),
        "agg": Field(Choice(values=AGGREGATES)),
    },
    "sort": {"expression": Field(_COLUMNS), "key": Field(Text()), "descending": Field(Flag())},
    "unique": {"expression": Field(_COLUMNS)},
    "expression": {"expression": _need(Expression(scope="value"))},
    "template": {"expression": _need(Text(form=PROMPT, scope="value"))},
    "json_path": {"expression": _need(JsonPath())},
}
"""The fields of each transformation beside its source and output; `params` may hold them too."""

SOURCE_NOT_A_LIST: Final = frozenset({"expression", "template", "json_path"})


def _internal() -> list[Action]:
    return [
        Action(
            "set_variable",
            {"variable": _need(Name(dotted=True)), "value": _need(Anything(form=T))},
            result="optional",
            summary="Sets a variable; missing objects on a dotted path are made.",
        ),
        Action(
            "append_to_array",
            {"array": _need(Name()), "value": _need(Anything(form=T))},
            result="optional",
            summary="Appends a value to a list; an undefined list is made.",
        ),
        Action("calculate", {"expression": _need(Expression())}, summary="The value of an expression."),
        Action("format_string", {"template": _need(Text(form=PROMPT))}, summary="Text from a template with blocks."),
        *_parsers(),
        Action(
            "extract_regex",
            {
                **_SOURCE,
                "pattern": _need(Pattern()),
                "group": Field(Either(kinds=(Whole(low=0), Text()))),
                "all": Field(Flag()),
            },
            summary="What a pattern finds: text, null, or a list.",
        ),
        Action(
            "validate_schema",
            {
                **_SOURCE,
                "schema": _need(JsonSchema()),
                "on_invalid": Field(Choice(values=("fail", "continue"))),
            },
            result="optional",
            summary="Checks a value against a JSON Schema.",
        ),
        *_cryptography(),
        *_effects(),
        Action(
            "generate_id",
            {"kind": Field(Choice(values=("uuid7", "uuid4", "short"))), "prefix": Field(Text(form=T))},
            summary="A new id.",
        ),
        Action(
            "get_timestamp",
            {"format": Field(Text()), "timezone": Field(Zone())},
            summary="The time of the node's entry.",
        ),
        *_transforms(),
        *_waits(),
    ]


def _parsers() -> list[Action]:
    source = {**_SOURCE, **_ON_ERROR}
    types = Entries(of=Choice(values=CONVERSIONS))
    return [
        Action("parse_json", source, summary="A value from JSON text."),
        Action(
            "parse_csv",
            {**source, "delimiter": Field(Text()), "header": Field(Flag()), "types": Field(types)},
            summary="A list from CSV text.",
        ),
        Action("parse_xml", source, summary="An object from XML text."),
        Action(
            "parse_excel_data",
            {**source, "sheet_name": Field(Text(form=T)), "header_row": Field(Whole(low=1))},
            summary="A list of objects from spreadsheets.",
        ),
        Action(
            "convert_type",
            {**source, "target_type": _need(Choice(values=CONVERSIONS))},
            summary="A value converted strictly.",
        ),
    ]


def _cryptography() -> list[Action]:
    key = {"key_reference": _need(Text()), "algorithm": Field(Choice(values=("AES-256-GCM",)))}
    return [
        Action(
            "hash",
            {
                **_SOURCE,
                "algorithm": Field(Choice(values=("sha256", "sha512", "hmac-sha256"))),
                "key_reference": Field(Text()),
            },
            summary="Hex digest of a text, or of the canonical JSON of a value.",
        ),
        Action("encrypt", {**_SOURCE, **key}, summary="A value as encrypted text."),
        Action("decrypt", {**_SOURCE, **key}, summary="The value of an encrypted text, marked sensitive."),
    ]


def _effects() -> list[Action]:
    recipients = Either(kinds=(Text(form=T), texts(T)))
    return [
        Action(
            "notify",
            {
                "channel": _need(Text()),
                "recipients": Field(recipients),
                "subject": Field(Text(form=PROMPT)),
                "message": _need(Text(form=PROMPT)),
            },
            result="optional",
            call=True,
            summary="Sends a notice.",
        ),
        Action(
            "log",
            {
                "message": Field(Text(form=PROMPT)),
                "value": Field(Anything(form=T)),
                "level": Field(Choice(values=("DEBUG", "INFO", "WARNING", "ERROR"))),
            },
            result="none",
            summary="Writes an event.",
        ),
        Action(
            "set_checkpoint", {"name": _need(Text())}, result="none", summary="Keeps a named copy of the variables."
        ),
        Action("restore_checkpoint", {"name": _need(Text())}, result="none", summary="Puts a named copy back."),
        Action(
            "screenshot", {"name": Field(Text(form=T))}, result="optional", summary="A picture, when there is an agent."
        ),
    ]


def _transforms() -> list[Action]:
    return [
        Action(name, {**_SOURCE, **fields}, summary=f"The transformation {name}.")
        for name, fields in TRANSFORMS.items()
    ]


def _waits() -> list[Action]:
    return [
        Action(
            "wait",
            {"duration_ms": Field(ms(T)), "duration": Field(Duration(form=T))},
            result="none",
            operation=False,
            summary="Waits for a time.",
        ),
        Action(
            "wait_until",
            {"until": _need(Text(form=T)), "timezone": Field(Zone()), "calendar": Field(Text())},
            result="none",
            operation=False,
            summary="Waits until a moment.",
        ),
    ]


ACTIONS: Final[dict[str, Action]] = {action.name: action for action in _internal()}
WAITS: Final = frozenset({"wait", "wait_until"})
APPROVALS: Final = frozenset({"human_approval", "human_in_the_loop"})
"""Names of a node that authors write where an action stands."""
CALLS: Final = frozenset(action.name for action in ACTIONS.values() if action.call)
"""Actions of LangOrch that leave the house."""


def action_allowed(action: str, allowed: Sequence[str]) -> bool:
    """Whether a list of names and `prefix.*` holds an action."""
    return any(action == entry or (entry.endswith(".*") and action.startswith(entry[:-1])) for entry in allowed)
