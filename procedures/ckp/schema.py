"""The tables of fields as JSON Schema, 2020-12, for editors (CKP 7)."""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, Literal

from procedures.ckp.actions import ACTIONS, TRANSFORMS
from procedures.ckp.document.base import Shape
from procedures.ckp.document.nodes import NODE_MODELS
from procedures.ckp.document.root import Document
from procedures.ckp.fields import MODELS, Table, table_of
from procedures.ckp.kinds import (
    Anything,
    Choice,
    Condition,
    Day,
    Decimal,
    Duration,
    Either,
    Entries,
    Expression,
    Flag,
    Form,
    Given,
    Identifier,
    Items,
    JsonPath,
    JsonSchema,
    Kind,
    Mapping,
    Name,
    Pattern,
    Record,
    Target,
    Text,
    Whole,
    Zone,
)
from procedures.ckp.names import NODE_ID, PROCEDURE_ID, VARIABLE_NAME, VERSION

Profile = Literal["canonical", "import"]
Schema = dict[str, Any]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NUMBER_TEXT: Final = r"\{\{|^\s*-?\d"


@cache
def _text_of(profile: Profile) -> Schema:
    return _Writer(profile).document()


def document_schema(profile: Profile = "canonical") -> Schema:
    """The schema of a document: of the canonical form, or also of the older dialects and names.

    What the canonical profile refuses in a canonical document the compiler refuses too; not the other way round.
    """
    return dict(_text_of(profile))


class _Writer:
    """Writes one profile. The import profile knows the same fields and requires less."""

    def __init__(self, profile: Profile) -> None:
        self.lenient = profile == "import"

    def document(self) -> Schema:
        root = self.members(table_of(Document))
        if self.lenient:
            root["properties"]["version"] = {"type": ["string", "number", "null"]}
        else:
            root["properties"]["procedure_id"]["pattern"] = f"^{PROCEDURE_ID.pattern}$"
            root["properties"]["version"]["pattern"] = f"^{VERSION.pattern}$"
            root["properties"]["ckp"] = {"enum": ["1", None]}
        definitions = {name: self.model(model) for name, model in MODELS.items() if name not in _LEFT_OUT}
        for type_name, model in NODE_MODELS.items():
            definitions[model.__name__] = self.node(type_name, model)
        definitions["Node"] = self.any_node()
        return {"$schema": _DIALECT, "title": "CKP document", **root, "$defs": dict(sorted(definitions.items()))}

    def model(self, model: type[Shape]) -> Schema:
        """The schema of one model."""
        schema = self.members(table_of(model))
        schema["description"] = (model.__doc__ or "").strip().partition("\n")[0]
        return schema

    def members(self, table: Table) -> Schema:
        """An object with the fields of a table; other keys are allowed, as the compiler only warns of them."""
        properties = {name: self.field(field.kind, field.required) for name, field in table.items()}
        schema: Schema = {"type": "object", "properties": properties}
        required = [name for name, field in table.items() if field.required]
        return schema if self.lenient or not required else {**schema, "required": required}

    def field(self, kind: Kind, required: bool) -> Schema:
        """A field; null stands for absence where that is allowed."""
        schema = self.value(kind)
        return schema if required or not schema else _or_null(schema)

    def node(self, type_name: str, model: type[Shape]) -> Schema:
        """One type of node."""
        schema = self.model(model)
        if self.lenient:
            return schema
        schema["properties"]["type"] = {"const": type_name}
        schema["required"] = ["type", *schema.get("required", ())]
        for name in getattr(model, "WITHOUT_EFFECT", ()):
            schema["properties"].pop(name, None)
        return schema

    def any_node(self) -> Schema:
        """A node of any type."""
        if self.lenient:
            return {"type": "object", "properties": {"type": {"type": "string"}}}
        options = [{"$ref": f"#/$defs/{model.__name__}"} for model in NODE_MODELS.values()]
        return {"type": "object", "required": ["type"], "oneOf": options}

    def value(self, kind: Kind) -> Schema:
        """The schema of a kind."""
        return _WRITERS[type(kind)](self, kind)


def _or_null(schema: Schema) -> Schema:
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    given = schema.get("type")
    if isinstance(given, str) and "const" not in schema:
        return {**schema, "type": [given, "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _anything(writer: _Writer, kind: Kind) -> Schema:
    return {}


def _text(writer: _Writer, kind: Text) -> Schema:
    return {"type": "string"}


def _numeric(writer: _Writer, kind: Whole | Decimal) -> Schema:
    schema: Schema = {"type": "integer" if isinstance(kind, Whole) else "number"}
    if kind.low is not None:
        schema["minimum"] = kind.low
    if kind.high is not None:
        schema["maximum"] = kind.high
    if isinstance(kind, Decimal) and kind.above is not None:
        schema["exclusiveMinimum"] = kind.above
    if kind.form is Form.PLAIN and not writer.lenient:
        return schema
    return {"anyOf": [schema, {"type": "string", "pattern": _NUMBER_TEXT}]}


def _flag(writer: _Writer, kind: Kind) -> Schema:
    return {"type": "boolean"}


def _choice(writer: _Writer, kind: Choice) -> Schema:
    return {"type": "string"} if writer.lenient else {"enum": list(kind.values)}


def _patterned(pattern: str) -> Callable[[_Writer, Kind], Schema]:
    def write(writer: _Writer, kind: Kind) -> Schema:
        return {"type": "string", "pattern": f"^(?:{pattern})$"}

    return write


def _name(writer: _Writer, kind: Name) -> Schema:
    plain = VARIABLE_NAME.pattern
    return {"type": "string", "pattern": f"^(?:{plain}){r'(?:[.].+)?' if kind.dotted else ''}$"}


def _json_schema(writer: _Writer, kind: JsonSchema) -> Schema:
    return {"type": ["object", "boolean"] if kind.boolean else "object"}


def _day(writer: _Writer, kind: Kind) -> Schema:
    return {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}


def _items(writer: _Writer, kind: Items) -> Schema:
    schema: Schema = {"type": "array", "items": writer.value(kind.of)}
    if kind.least:
        schema["minItems"] = kind.least
    if kind.most is not None:
        schema["maxItems"] = kind.most
    return schema


def _entries(writer: _Writer, kind: Entries) -> Schema:
    inner = writer.value(kind.of)
    if not inner:
        return {"type": "object"}
    if writer.lenient and isinstance(kind.of, Record):
        return {"type": ["object", "array"]}
    return {"type": "object", "patternProperties": {_KEY: inner}}


_KEY: Final = r"^(?![_$]|x-)"
"""Keys that are no notes."""


def _record(writer: _Writer, kind: Record) -> Schema:
    return {"$ref": f"#/$defs/{kind.model}"}


def _either(writer: _Writer, kind: Either) -> Schema:
    return {"anyOf": [writer.value(part) for part in kind.kinds]}


_LEFT_OUT: Final = frozenset({"Shape", "WithParameters", "NodeBase", "Document"})
_WRITERS: Final[dict[type[Kind], Callable[[_Writer, Any], Schema]]] = {
    Anything: _anything,
    Given: _anything,
    Expression: _anything,
    Condition: _anything,
    Mapping: _text,
    JsonPath: _text,
    Text: _text,
    Target: _text,
    Pattern: _text,
    Duration: _text,
    Zone: _text,
    Whole: _numeric,
    Decimal: _numeric,
    Flag: _flag,
    Choice: _choice,
    Identifier: _patterned(NODE_ID.pattern),
    Name: _name,
    JsonSchema: _json_schema,
    Day: _day,
    Items: _items,
    Entries: _entries,
    Record: _record,
    Either: _either,
}


def action_catalogue() -> list[dict[str, Any]]:
    """The internal actions with the schema of their fields, for editors."""
    writer = _Writer("canonical")
    return [
        {
            "action": action.name,
            "summary": action.summary,
            "fields": writer.members(action.fields),
            "in_operations": action.operation,
            "output_variable": action.result,
            "is_call": action.call,
        }
        for action in ACTIONS.values()
    ]


def transformation_catalogue() -> list[dict[str, Any]]:
    """The transformations of data with the schema of their fields."""
    writer = _Writer("canonical")
    return [{"type": name, "fields": writer.members(fields)} for name, fields in TRANSFORMS.items()]


def node_catalogue() -> list[dict[str, Any]]:
    """The types of nodes with tier, summary, fields in the order of their tables, and fields without effect."""
    writer = _Writer("canonical")
    return [
        {
            "type": type_name,
            "tier": model.TIER,
            "summary": (model.__doc__ or "").strip(),
            "fields": writer.members(
                {name: field for name, field in table_of(model).items() if name not in model.WITHOUT_EFFECT}
            ),
            "without_effect": sorted(model.WITHOUT_EFFECT),
        }
        for type_name, model in NODE_MODELS.items()
    ]
