"""Declared variables and outputs (CKP 1.2)."""

from typing import Annotated, Any, Final

from pydantic import Field

from procedures.ckp.document.base import Shape
from procedures.ckp.kinds import (
    Anything,
    Choice,
    Decimal,
    Either,
    Flag,
    Items,
    JsonSchema,
    Pattern,
    Record,
    T,
    Text,
    Whole,
)

TYPES: Final = (
    "string",
    "number",
    "integer",
    "boolean",
    "array",
    "object",
    "date",
    "datetime",
    "file",
    "password",
)
_BOUND: Final = Either(kinds=(Decimal(), Text()))


class Validation(Shape):
    """Constraints of one variable. `min` and `max` bound the value of numbers and dates, the length of the rest."""

    regex: Annotated[str | None, Pattern(code="CKP123")] = None
    min: Annotated[float | int | str | None, _BOUND] = None
    max: Annotated[float | int | str | None, _BOUND] = None
    min_length: Annotated[int | None, Whole(low=0)] = None
    max_length: Annotated[int | None, Whole(low=0)] = None
    allowed_values: Annotated[list[Any] | None, Items()] = None


class VariableMeta(Shape):
    """What is declared of one variable."""

    type: Annotated[str | None, Choice(values=TYPES)] = None
    required: Annotated[bool, Flag()] = False
    default: Annotated[Any, Anything(form=T, scope="start")] = None
    validation: Annotated[Validation, Record(model="Validation")] = Validation()
    json_schema: Annotated[dict[str, Any] | bool | None, JsonSchema()] = Field(default=None, alias="schema")
    sensitive: Annotated[bool, Flag()] = False
    sensitivity: Annotated[str | None, Choice(values=("low", "medium", "high"))] = None
    searchable: Annotated[bool, Flag()] = False
    origin: Annotated[str | None, Choice(values=("user_strict", "user_lazy", "system_captured"))] = None
    label: Annotated[str | None, Text()] = None
    description: Annotated[str | None, Text()] = None
    group: Annotated[str | None, Text()] = None
    order: Annotated[float | int | None, Decimal()] = None
    examples: Annotated[list[Any], Items()] = []

    @property
    def has_default(self) -> bool:
        """Whether a default was written, null included."""
        return "default" in self.model_fields_set

    @property
    def is_sensitive(self) -> bool:
        """Whether values are masked."""
        return self.sensitive or self.sensitivity is not None or self.type == "password"
