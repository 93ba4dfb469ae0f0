"""What may stand in a field: the vocabulary in which the tables of the language are written.

A model of `procedures.ckp.document` carries one kind per field. The shape check, the list of places where
expressions stand, the JSON Schema and the builder's inspector all read these kinds, so each table exists once.
"""

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

from procedures.ckp.names import NODE_ID, VARIABLE_NAME

DAY_MS: Final = 86_400_000
LONGEST_MS: Final = 31 * DAY_MS

Scope = Literal["node", "start", "inputs", "trigger", "item", "fold", "value", "iteration", "child", "key", "call"]
"""Which names an expression sees besides the built-ins.

node: variables at that place. start: nothing but built-ins, rendered at the start of the run. inputs: the inputs of
the run. trigger: only `trigger`. item: `item`, `index`, columns, then variables. fold: also `acc`. value: `value`,
then variables. iteration: variables at the end of the loop's body. child: outputs of the child procedure. key: as
node, and what is undefined is always an error. call: as node, and secrets are allowed.
"""


class Form(Enum):
    """How text is read: as it stands, as a value template, or as a prompt template that always gives text."""

    PLAIN = "plain"
    VALUE = "value"
    PROMPT = "prompt"


T: Final = Form.VALUE
PROMPT: Final = Form.PROMPT


class Marker(Enum):
    """Flags beside a kind in a model."""

    REQUIRED = "required"


REQUIRED: Final = Marker.REQUIRED


@dataclass(frozen=True, slots=True)
class Kind:
    """Base of all kinds. `form` says whether templates may stand here, `scope` what they see."""

    form: Form = Form.PLAIN
    scope: Scope = "node"


@dataclass(frozen=True, slots=True)
class Anything(Kind):
    """Any JSON value; with a form it is rendered deeply in values, never in keys."""


@dataclass(frozen=True, slots=True)
class Given(Anything):
    """A value; a text that is exactly a defined name means the variable."""


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """Free text, or text of a pattern with the problem code for what does not fit."""

    pattern: re.Pattern[str] | None = None
    code: str = "CKP013"
    what: str = "text"


@dataclass(frozen=True, slots=True)
class Whole(Kind):
    """An integer in a range, both ends included."""

    low: int | None = None
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Decimal(Kind):
    """A number in a range, both ends included unless `above` names a bound that is not."""

    low: float | None = None
    high: float | None = None
    above: float | None = None


@dataclass(frozen=True, slots=True)
class Flag(Kind):
    """true or false."""


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of a few texts; `reserved` ones are refused with their own code."""

    values: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identifier(Kind):
    """Id of a step, branch, check or validation."""


@dataclass(frozen=True, slots=True)
class Name(Kind):
    """Name of a variable. `writes`: the field sets it. `dotted`: a path below the variable is allowed."""

    writes: bool = True
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class Target(Kind):
    """Id of a node of the same document."""


@dataclass(frozen=True, slots=True)
class Expression(Kind):
    """An expression. A JSON value that is not text stands for itself."""


@dataclass(frozen=True, slots=True)
class Condition(Kind):
    """An expression of which only the truth counts."""


@dataclass(frozen=True, slots=True)
class Mapping(Kind):
    """How a part of a result is taken."""


@dataclass(frozen=True, slots=True)
class JsonPath(Kind):
    """A path into a JSON value."""


@dataclass(frozen=True, slots=True)
class JsonSchema(Kind):
    """A JSON Schema, 2020-12, without external references. With a form its defaults may hold templates.

    `boolean`: the schemas `true` and `false` are allowed too.
    """

    boolean: bool = True


@dataclass(frozen=True, slots=True)
class Pattern(Kind):
    """A regular expression in RE2 syntax."""

    code: str = "CKP409"


@dataclass(frozen=True, slots=True)
class Duration(Kind):
    """`90s`, `15m`, `4h`, `2d`, `3bd`, or ISO 8601."""


@dataclass(frozen=True, slots=True)
class Day(Kind):
    """A calendar day, `YYYY-MM-DD`."""


@dataclass(frozen=True, slots=True)
class Zone(Kind):
    """An IANA time zone."""


@dataclass(frozen=True, slots=True)
class Items(Kind):
    """A list of one kind."""

    of: Kind = field(default_factory=Anything)
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Entries(Kind):
    """An object whose keys are names chosen by the author. `writes`: they name variables that are set."""

    of: Kind = field(default_factory=Anything)
    keys: re.Pattern[str] | None = None
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Record(Kind):
    """An object with the fields of a model, named to allow references ahead."""

    model: str = ""


@dataclass(frozen=True, slots=True)
class Either(Kind):
    """Values of different JSON types; the first kind that takes the JSON type of the value decides."""

    kinds: tuple[Kind, ...] = ()


VARIABLES: Final = VARIABLE_NAME
NODES: Final = NODE_ID


def ms(form: Form = Form.PLAIN) -> Whole:
    """Whole milliseconds, 0 to 31 days."""
    return Whole(form=form, low=0, high=LONGEST_MS)


def texts(form: Form = Form.PLAIN) -> Items:
    """A list of texts."""
    return Items(of=Text(form=form))


def entries(form: Form = Form.PLAIN, scope: Scope = "node") -> Entries:
    """An object with any keys and values."""
    return Entries(of=Anything(form=form, scope=scope))


def opaque() -> Anything:
    """Any JSON value that is stored as it is."""
    return Anything()


def json_types(kind: Kind) -> frozenset[str]:
    """The JSON types that a kind takes: null, boolean, number, text, list, object."""
    if isinstance(kind, Either):
        return frozenset[str]().union(*(json_types(part) for part in kind.kinds))
    found = _JSON_TYPES[type(kind)]
    if isinstance(kind, JsonSchema):
        return found if kind.boolean else found - {"boolean"}
    return found | {"text"} if kind.form is not Form.PLAIN else found


_EVERY: Final = frozenset({"null", "boolean", "number", "text", "list", "object"})
_JSON_TYPES: Final[dict[type[Kind], frozenset[str]]] = {
    Anything: _EVERY,
    Given: _EVERY,
    Expression: _EVERY,
    Condition: _EVERY,
    Text: frozenset({"text"}),
    Whole: frozenset({"number"}),
    Decimal: frozenset({"number"}),
    Flag: frozenset({"boolean"}),
    Choice: frozenset({"text"}),
    Identifier: frozenset({"text"}),
    Name: frozenset({"text"}),
    Target: frozenset({"text"}),
    Mapping: frozenset({"text"}),
    JsonPath: frozenset({"text"}),
    JsonSchema: frozenset({"object", "boolean"}),
    Pattern: frozenset({"text"}),
    Duration: frozenset({"text"}),
    Day: frozenset({"text"}),
    Zone: frozenset({"text"}),
    Items: frozenset({"list"}),
    Entries: frozenset({"object"}),
    Record: frozenset({"object"}),
}
