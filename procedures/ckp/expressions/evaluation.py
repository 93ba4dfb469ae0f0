"""One evaluation: the names it sees, its limits, and what it records (CKP 3.4 and 3.5)."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from procedures.ckp.expressions.errors import ErrorKind, EvaluationError, Recorded, SecretRef
from procedures.ckp.values import Json, ValueProblem, json_pieces, kind_of, plain_number, scalar_text

MAX_STEPS: Final = 100_000
MAX_TEXT: Final = 1_048_576
MAX_MADE: Final = 16 * 1_048_576
MAX_CPU_NS: Final = 70_000_000
"""Under the limit of 100 ms by the longest piece of work between two looks at the clock, on a slow machine too."""
ELEMENTS_PER_STEP: Final = 32
CHARACTERS_PER_STEP: Final = 1_024
_STEPS_BETWEEN_LOOKS: Final = 256
_BYTES_PER_ELEMENT: Final = 16

_T = TypeVar("_T")
SecretResolver: TypeAlias = Callable[[SecretRef], Json]
Secrets: TypeAlias = Literal["mask"] | SecretResolver
Value: TypeAlias = Any
"""A JSON value or Undefined; numbers may be Decimals while they are computed with."""


class BusinessCalendar(Protocol):
    """Says which days are working days."""

    def is_business_day(self, day: date) -> bool:
        """Whether people work on that day."""


class Weekdays:
    """The calendar without holidays: Monday to Friday."""

    def is_business_day(self, day: date) -> bool:
        """Whether the day is no Saturday or Sunday."""
        return day.weekday() < 5


@dataclass(slots=True)
class Scope:
    """What an evaluation sees. Nothing in it is changed, except that `recorded` is appended to.

    `columns` (transforms) win over everything; `builtins` win over `variables`. `now` is an aware time, fixed at
    node entry. With `strict` a use that would be recorded as undefined is an EvaluationError. `pointer` is the place
    of what is evaluated; records carry it. `look` is called now and then in the midst of work that may take long; what
    it raises ends that.
    """

    variables: Mapping[str, Json]
    builtins: Mapping[str, Json] = field(default_factory=dict)
    columns: Mapping[str, Json] | None = None
    strict: bool = False
    timezone: str = "UTC"
    now: datetime | None = None
    calendar: BusinessCalendar = field(default_factory=Weekdays)
    recorded: list[Recorded] = field(default_factory=list)
    pointer: str = ""
    look: Callable[[], None] | None = None


class Undefined:
    """A path that leads nowhere; `name` is the longest path asked for."""

    __slots__ = ("name", "offset")

    def __init__(self, name: str, offset: int) -> None:
        self.name = name
        self.offset = offset


MISSING: Final = Undefined("", 0)


class Evaluation:
    """Names, limits and records of one evaluation. Every failure is an EvaluationError."""

    __slots__ = ("_cpu_end", "_made", "_next_look", "_seen", "_steps", "below", "locals", "place", "scope", "secrets")

    def __init__(self, scope: Scope, secrets: Secrets | None = None, below: str = "") -> None:
        self.scope = scope
        self.below = below
        self.secrets = secrets
        self.locals: dict[str, Json] | None = None
        self.place = 0
        self._steps = 0
        self._next_look = _STEPS_BETWEEN_LOOKS
        self._made = 0
        self._cpu_end = 0
        self._seen: set[tuple[str, int]] | None = None

    def find(self, name: str) -> Value:
        """Value of a bare name, or MISSING."""
        if self.locals is not None and name in self.locals:
            return self.locals[name]
        columns = self.scope.columns
        if columns is not None and name in columns:
            return columns[name]
        return self.find_variable(name)

    def find_variable(self, name: str) -> Value:
        """Value of a built-in or variable, or MISSING; columns are left aside."""
        scope = self.scope
        if name in scope.builtins:
            return scope.builtins[name]
        if name == "today" and scope.now is not None:
            return self.today().isoformat()
        if name == "now" and scope.now is not None:
            return utc_text(scope.now)
        return scope.variables.get(name, MISSING)

    def now(self) -> datetime:
        """The time fixed at node entry."""
        if self.scope.now is None:
            raise EvaluationError("argument", "There is no current time here.")
        return self.scope.now

    def zone(self) -> ZoneInfo:
        """The procedure's time zone."""
        try:
            return ZoneInfo(self.scope.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise EvaluationError("argument", f"There is no time zone {self.scope.timezone!r}.") from None

    def today(self) -> date:
        """The day of `now` in the procedure's time zone."""
        return self.now().astimezone(self.zone()).date()

    def charge(self, steps: int = 1) -> None:
        """Count work. Raises EvaluationError (limit) past the steps or the CPU time of one evaluation."""
        self._steps += steps
        if self._steps >= self._next_look:
            self._look()

    def charge_elements(self, count: int) -> None:
        """Count the handling of so many elements."""
        self.charge(1 + count // ELEMENTS_PER_STEP)

    def each(self, values: Iterable[_T]) -> Iterator[_T]:
        """The values one by one, counted."""
        count = 0
        for value in values:
            count += 1
            if count == ELEMENTS_PER_STEP:
                self.charge()
                count = 0
            yield value

    def charge_text(self, length: int) -> None:
        """Count the handling of so many characters."""
        self.charge(1 + length // CHARACTERS_PER_STEP)

    def _look(self) -> None:
        if self._steps > MAX_STEPS:
            raise EvaluationError("limit", f"The evaluation takes more than {MAX_STEPS} steps.")
        self._next_look = self._steps + _STEPS_BETWEEN_LOOKS
        spent = time.thread_time_ns()
        if not self._cpu_end:
            self._cpu_end = spent + MAX_CPU_NS
        elif spent > self._cpu_end:
            raise EvaluationError("limit", "The evaluation takes more than 100 ms.")
        if self.scope.look is not None:
            self.scope.look()

    def make_text(self, length: int) -> None:
        """Announce a text of so many characters before it is made."""
        check_length(length)
        self._take(length)
        self.charge_text(length)

    def make_elements(self, count: int) -> None:
        """Announce lists or objects of so many elements before they are made."""
        self._take(64 + count * _BYTES_PER_ELEMENT)
        self.charge_elements(count)

    def make_bytes(self, size: int) -> None:
        """Announce values of about so many bytes before they are made."""
        self._take(size)

    def join(self, texts: Iterable[str]) -> str:
        """The texts as one text, within the limit of a text."""
        kept: list[str] = []
        length = 0
        for text in texts:
            kept.append(text)
            length += len(text)
            check_length(length)
        self.make_text(length)
        return "".join(kept)

    def _take(self, size: int) -> None:
        self._made += size
        if self._made > MAX_MADE:
            raise EvaluationError("limit", "More than 16 MiB of values would be made.")

    def record(self, kind: str, *kinds: str, name: str | None = None, offset: int | None = None) -> None:
        """Record something worth an event, once per place."""
        place = self.place if offset is None else offset
        if self._seen is None:
            self._seen = set()
        if (kind, place) not in self._seen:
            self._seen.add((kind, place))
            self.scope.recorded.append(Recorded(kind, name, kinds, place, self.scope.pointer + self.below))

    def undefined(self, value: Undefined) -> None:
        """Record the use of an undefined value, or fail in strict mode."""
        if self.scope.strict:
            raise EvaluationError("undefined", f"{value.name} is undefined.", offset=value.offset, name=value.name)
        self.record("undefined_value", name=value.name, offset=value.offset)

    def settle(self, value: Value) -> Value:
        """The value, or null for an undefined one, whose use is recorded."""
        if value.__class__ is Undefined:
            self.undefined(value)
            return None
        return value

    def truth(self, value: Value) -> bool:
        """Truth of a value (CKP 3.2)."""
        if value is True or value is False:
            return bool(value)
        if isinstance(value, str):
            if value.lower() in ("false", "no", "0"):
                self.record("type_mismatch", "text", "boolean")
                return False
            return bool(value)
        if value.__class__ is Undefined:
            self.undefined(value)
            return False
        kind_of(value)
        return bool(value)

    def text(self, value: Value) -> str:
        """Text of a value as templates write it."""
        if isinstance(value, str):
            return value
        if isinstance(value, list | dict):
            return self.json_text(value)
        if value.__class__ is Undefined:
            self.undefined(value)
            return ""
        if value is None or isinstance(value, bool):
            return scalar_text(value, null="")
        kind_of(value)
        return scalar_text(plain_number(value), null="")

    def json_text(self, value: Json, *, sort_keys: bool = False) -> str:
        """Compact JSON of a value, within the limit of a text."""
        return self.join(self.each(json_pieces(plain(value), sort_keys=sort_keys)))


def check_length(length: int) -> None:
    """Raise EvaluationError (limit) for a text of so many characters that it is too long."""
    if length > MAX_TEXT:
        raise EvaluationError("limit", "A text of more than 1 MiB would be made.")


def plain(value: Value) -> Json:
    """A computed value as it leaves the evaluator."""
    if kind_of(value) != "number":
        result: Json = value
        return result
    return plain_number(value)


def utc_text(moment: datetime) -> str:
    """ISO text of a time in UTC, with milliseconds only where it has any."""
    from_utc = moment.astimezone(ZoneInfo("UTC"))
    text = from_utc.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{from_utc.microsecond // 1000:03d}Z" if from_utc.microsecond >= 1000 else f"{text}Z"


def as_error(problem: ValueProblem | RecursionError, offset: int | None = None) -> EvaluationError:
    """The evaluation error for a value that cannot be handled."""
    if isinstance(problem, RecursionError):
        return EvaluationError("limit", "The evaluation is nested too deep.", offset=offset)
    kind: ErrorKind = problem.reason
    return EvaluationError(kind, str(problem), offset=offset)
