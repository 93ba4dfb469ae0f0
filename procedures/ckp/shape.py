"""Shape check: what stands in each field fits its table. Gives the part of the tree that can be read further."""

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from procedures.ckp.durations import DurationFault, parse_duration
from procedures.ckp.fields import MODELS, Field, Table, table_of
from procedures.ckp.kinds import (
    LONGEST_MS,
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
    json_types,
)
from procedures.ckp.names import NODE_ID, RESERVED_NAMES, VARIABLE_NAME, is_note
from procedures.ckp.notes import is_entry
from procedures.ckp.report import Path, Report
from procedures.ckp.schemas import pattern_fault, schema_fault
from procedures.ckp.values import kind_of, plain_number, read_number

BAD: Final = object()
"""Stands for a value that was reported and cannot be used."""

TypedReader = Callable[["Reader", dict[str, Any], Path], Any]


class Reader:
    """Reads a canonical tree by the tables. `records` names models that are read by functions of their own."""

    def __init__(self, report: Report, records: dict[str, TypedReader]) -> None:
        self.report = report
        self._records = records

    def record(self, model: str, value: dict[str, Any], path: Path) -> Any:
        """Reads an object of a model; BAD when nothing of it can be used."""
        special = self._records.get(model)
        if special:
            return special(self, value, path)
        shape = MODELS[model]
        return self.members(table_of(shape), value, path, open_ended=shape.OPEN, refused=shape.REFUSED)

    def members(
        self,
        table: Table,
        value: dict[str, Any],
        path: Path,
        *,
        open_ended: bool = False,
        refused: dict[str, str] | None = None,
        known: frozenset[str] = frozenset(),
    ) -> dict[str, Any]:
        """Reads an object by a table; keys of `known` are kept unread."""
        sound = {}
        for key, item in value.items():
            if key in table:
                read = self.field(table[key], key, item, (*path, key))
                if read is not BAD:
                    sound[key] = read
                continue
            if refused and key in refused:
                self.report(refused[key], (*path, key), f"'{key}' is a credential and must not stand in a document.")
                continue
            if not (open_ended or key in known or is_note(key)):
                self.unknown(key, table, path)
            sound[key] = item
        for key, field in table.items():
            if field.required and key not in value:
                self.report("CKP011", path, f"The required field '{key}' is missing.")
                self.report.refused.add((*path, key))
        return sound

    def unknown(self, key: str, table: Table, path: Path) -> None:
        """Reports a key that the table does not have."""
        near = self.report.nearest(key, table)
        hint = f"Did you mean '{near}'?" if near else None
        self.report("CKP010", (*path, key), f"The field '{key}' is not known here and has no effect.", hint=hint)

    def field(self, field: Field, key: str, value: Any, path: Path) -> Any:
        """Reads the value of a field; null stands for an absent optional field."""
        if value is None and not takes_null(field.kind):
            if field.required:
                self.report("CKP012", path, f"'{key}' must be {wanted(field.kind)}, not null.")
                return BAD
            return None if isinstance(field.kind, Target) else BAD
        return self.value(field.kind, value, path)

    def value(self, kind: Kind, value: Any, path: Path) -> Any:
        """Reads a value of a kind; BAD after a report."""
        if kind_of(value) not in json_types(kind):
            return self._wrong_type(kind, value, path)
        return _READERS[type(kind)](self, kind, value, path)

    def _wrong_type(self, kind: Kind, value: Any, path: Path) -> Any:
        name = path[-1] if path else "document"
        if isinstance(value, str) and "{{" in value and _is_scalar(kind):
            self.report("CKP017", path, f"'{name}' takes no template.", hint=f"Write {wanted(kind)}.")
        else:
            self.report("CKP012", path, f"'{name}' must be {wanted(kind)}, not {_SHOWN[kind_of(value)]}.")
        return BAD

    def no_template(self, value: str, path: Path) -> bool:
        """Whether a text of a strict field is free of placeholders; reports it otherwise."""
        if "{{" not in value:
            return True
        self.report("CKP017", path, f"'{path[-1]}' takes no template.")
        return False


@cache
def takes_null(kind: Kind) -> bool:
    """Whether null is a value of this kind."""
    return "null" in json_types(kind)


def _is_scalar(kind: Kind) -> bool:
    parts = kind.kinds if isinstance(kind, Either) else (kind,)
    return any(isinstance(part, Whole | Decimal | Flag | Choice) for part in parts)


def wanted(kind: Kind) -> str:
    """What a kind takes, in words."""
    if isinstance(kind, Whole):
        return "a whole number"
    shown = [_SHOWN[name] for name in _SHOWN if name in json_types(kind)]
    return " or ".join(shown)


_SHOWN: Final = {
    "number": "a number",
    "boolean": "true or false",
    "text": "a text",
    "list": "a list",
    "object": "an object",
    "null": "null",
}


def _anything(reader: Reader, kind: Kind, value: Any, path: Path) -> Any:
    return value


def _text(reader: Reader, kind: Text, value: str, path: Path) -> Any:
    if kind.form is Form.PLAIN and "{{" in value:
        message = f"'{path[-1]}' takes no template; the placeholder stays as it is written."
        reader.report("CKP411", path, message, offset=value.index("{{"))
    return value


def _number(reader: Reader, kind: Whole | Decimal, value: Any, path: Path) -> Any:
    number = _numeric(reader, kind, value, path)
    if number is BAD or isinstance(number, str):
        return number
    if isinstance(kind, Whole) and isinstance(number, float):
        reader.report("CKP012", path, f"'{path[-1]}' must be a whole number.")
        return BAD
    above = kind.above if isinstance(kind, Decimal) else None
    low, high = kind.low, kind.high
    fits = (low is None or number >= low) and (high is None or number <= high) and (above is None or number > above)
    if not fits:
        reader.report("CKP014", path, f"'{path[-1]}' is {number}; it must be {_range(low, high, above)}.")
        return BAD
    return number


def _numeric(reader: Reader, kind: Kind, value: Any, path: Path) -> Any:
    """A number, or text with placeholders where the kind allows them."""
    if not isinstance(value, str):
        return plain_number(value)
    if "{{" in value:
        return value
    number = read_number(value)
    if number is None:
        reader.report("CKP012", path, f"'{path[-1]}' must be a number or a template.")
        return BAD
    return plain_number(number)


def _range(low: float | None, high: float | None, above: float | None) -> str:
    if above is not None:
        return f"more than {above:g}"
    if high is None:
        return f"at least {low}"
    if high == LONGEST_MS:
        return "between 0 and 31 days in milliseconds"
    return f"between {low} and {high}"


def _choice(reader: Reader, kind: Choice, value: str, path: Path) -> Any:
    if value in kind.values:
        return value
    if not reader.no_template(value, path):
        return BAD
    near = reader.report.nearest(value, kind.values)
    hint = f"Did you mean '{near}'?" if near else f"Use one of: {', '.join(kind.values)}."
    reader.report("CKP013", path, f"'{value[:80]}' is not a value of '{path[-1]}'.", hint=hint)
    return BAD


def _identifier(reader: Reader, kind: Kind, value: str, path: Path) -> Any:
    if NODE_ID.fullmatch(value):
        return value
    if reader.no_template(value, path):
        reader.report("CKP120", path, f"'{value[:80]}' is not an id: letters, digits and _ . : - only.")
    return BAD


def _name(reader: Reader, kind: Name, value: str, path: Path) -> Any:
    if not reader.no_template(value, path):
        return BAD
    root, _, rest = value.partition(".") if kind.dotted else (value, "", "")
    if kind.dotted and value != root and not all(rest.split(".")):
        reader.report("CKP120", path, f"'{value[:80]}' is not a path below a variable.")
        return BAD
    return value if name_fits(reader, root, path, writes=kind.writes) else BAD


def name_fits(reader: Reader, name: str, path: Path, *, writes: bool) -> bool:
    """Whether a text is a variable name, and one that may be set where `writes`."""
    if not VARIABLE_NAME.fullmatch(name):
        message = f"'{name[:80]}' is not a variable name: a letter or _, then up to 63 letters, digits or _."
        reader.report("CKP120", path, message)
        return False
    if writes and name in RESERVED_NAMES:
        reader.report("CKP121", path, f"'{name}' is reserved and cannot be set.", hint="Choose another name.")
        return False
    return True


def _target(reader: Reader, kind: Kind, value: str, path: Path) -> Any:
    if not value:
        reader.report("CKP205", path, f"'{path[-1]}' is empty and names no node.")
        return BAD
    return value if reader.no_template(value, path) else BAD


def _schema(reader: Reader, kind: Kind, value: Any, path: Path) -> Any:
    fault = schema_fault(value)
    if fault:
        reader.report("CKP129", path, fault)
        return BAD
    return value


def _pattern(reader: Reader, kind: Pattern, value: str, path: Path) -> Any:
    fault = pattern_fault(value)
    if fault:
        reader.report(kind.code, path, fault)
        return BAD
    return value


def _duration(reader: Reader, kind: Kind, value: str, path: Path) -> Any:
    if kind.form is not Form.PLAIN and "{{" in value:
        return value
    if not reader.no_template(value, path):
        return BAD
    try:
        parse_duration(value)
    except DurationFault as fault:
        reader.report(fault.code, path, f"'{value[:80]}' {fault}.", hint="Write 90s, 15m, 4h, 2d, 3bd or PT4H.")
        return BAD
    return value


def _day(reader: Reader, kind: Kind, value: str, path: Path) -> Any:
    try:
        fits = len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        fits = False
    if not fits:
        reader.report("CKP013", path, f"'{value[:80]}' is not a day.", hint="Write it as 2026-02-09.")
    return value if fits else BAD


def _zone(reader: Reader, kind: Kind, value: str, path: Path) -> Any:
    if not reader.no_template(value, path):
        return BAD
    if not is_zone(value):
        reader.report("CKP113", path, f"'{value[:80]}' is not a time zone.", hint="Write it as Europe/Berlin.")
        return BAD
    return value


@cache
def is_zone(name: str) -> bool:
    """Whether a text names an IANA time zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _items(reader: Reader, kind: Items, value: list[Any], path: Path) -> Any:
    if kind.most is not None and len(value) > kind.most:
        reader.report("CKP007", path, f"'{path[-1]}' has {len(value)} entries; at most {kind.most} are allowed.")
        return BAD
    if len(value) < kind.least:
        reader.report("CKP014", path, f"'{path[-1]}' needs at least {kind.least} entries.")
    read = [reader.value(kind.of, item, (*path, index)) for index, item in enumerate(value)]
    return [_stand_in(kind.of) if item is BAD else item for item in read]


def _stand_in(kind: Kind) -> Any:
    """An empty element in place of one that cannot be used, so that the others keep their places."""
    if isinstance(kind, Either):
        return _stand_in(kind.kinds[0])
    types = json_types(kind)
    if "null" in types:
        return None
    if isinstance(kind, Record | Entries):
        return {}
    return "" if "text" in types else 0


def _entries(reader: Reader, kind: Entries, value: dict[str, Any], path: Path) -> Any:
    sound = {}
    for key, item in value.items():
        place = (*path, key)
        if not is_entry(kind, key, item):
            sound[key] = item
            continue
        fits = kind.keys is None or name_fits(reader, key, place, writes=kind.writes)
        read = reader.value(kind.of, item, place)
        if fits and read is not BAD:
            sound[key] = read
    return sound


def _record(reader: Reader, kind: Record, value: dict[str, Any], path: Path) -> Any:
    return reader.record(kind.model, value, path)


def _either(reader: Reader, kind: Either, value: Any, path: Path) -> Any:
    found = kind_of(value)
    return next(reader.value(part, value, path) for part in kind.kinds if found in json_types(part))


_READERS: Final[dict[type[Kind], Callable[[Reader, Any, Any, Path], Any]]] = {
    Anything: _anything,
    Given: _anything,
    Expression: _anything,
    Condition: _anything,
    Mapping: _anything,
    JsonPath: _anything,
    Flag: _anything,
    Text: _text,
    Whole: _number,
    Decimal: _number,
    Choice: _choice,
    Identifier: _identifier,
    Name: _name,
    Target: _target,
    JsonSchema: _schema,
    Pattern: _pattern,
    Duration: _duration,
    Day: _day,
    Zone: _zone,
    Items: _items,
    Entries: _entries,
    Record: _record,
    Either: _either,
}
