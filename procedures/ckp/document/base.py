"""What all models of a document share, and the parts that stand in many places: policies, limits, telemetry."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict

from procedures.ckp.kinds import (
    PROMPT,
    REQUIRED,
    Choice,
    Decimal,
    Duration,
    Either,
    Expression,
    Flag,
    Items,
    Kind,
    Record,
    T,
    Target,
    Text,
    Whole,
    ms,
    texts,
)

MOST_RETRIES: Final = 50
DEFAULT_MAX_RETRIES: Final = 3
DEFAULT_BASE_DELAY_MS: Final = 1_000
DEFAULT_MULTIPLIER: Final = 2
DEFAULT_MAX_DELAY_MS: Final = 300_000

Policy = Annotated[str, Choice(values=("fixed", "linear", "exponential_backoff", "fibonacci"))]
ErrorTypes = Annotated[list[str], texts()]
Message = Annotated[str | None, Text(form=PROMPT)]


class Shape(BaseModel):
    """Base of all models: unknown keys are left out, required fields are marked and have an empty default.

    So a document with problems can still be read as far as it goes; that nothing is missing is for the shape check.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    OPEN: ClassVar[bool] = False
    """Any other key is allowed."""
    REFUSED: ClassVar[dict[str, str]] = {}
    """Keys that are refused with a code of their own."""
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = frozenset()
    """Known keys that have no effect in this object."""


class RetryPolicy(Shape):
    """CKP 2.2. A key that is absent is looked up in the next place: handler, step, node, document."""

    max_retries: Annotated[int | None, Whole(low=0, high=MOST_RETRIES)] = None
    strategy: Annotated[str | None, Choice(values=("fixed", "linear", "exponential_backoff", "fibonacci"))] = None
    base_delay_ms: Annotated[int | None, ms()] = None
    multiplier: Annotated[float | int | None, Decimal(low=1, high=10)] = None
    max_delay_ms: Annotated[int | None, ms()] = None
    jitter: Annotated[
        bool | float | int | str | None,
        Either(kinds=(Flag(), Decimal(low=0, high=1), Choice(values=("equal", "full")))),
    ] = None
    retry_on: ErrorTypes = []
    non_retryable_errors: ErrorTypes = []


class IdempotencyPolicy(Shape):
    """A user's key for calls, and how far it reaches."""

    key: Annotated[str, Text(form=T, scope="key"), REQUIRED] = ""
    scope: Annotated[str, Choice(values=("run", "procedure", "global"))] = "run"


class TimeoutPolicy(Shape):
    """A time limit with what happens when it passes."""

    timeout_ms: Annotated[int | str | None, ms(T)] = None
    on_timeout: Annotated[str, Choice(values=("fail_closed", "fail_open"))] = "fail_closed"


class Sla(Shape):
    """A limit on a visit, waits included."""

    max_duration_ms: Annotated[int, ms(), REQUIRED] = 0
    on_breach: Annotated[str, Choice(values=("warn", "fail", "escalate"))] = "warn"
    escalation_handler: Annotated[str | None, Target()] = None
    calendar: Annotated[str | None, Text()] = None


class Metric(Shape):
    """A figure that a node gives to the metrics."""

    name: Annotated[str, Text(), REQUIRED] = ""
    value: Annotated[Any, Expression()] = 1
    kind: Annotated[str, Choice(values=("counter", "gauge", "histogram"))] = "counter"


class Telemetry(Shape):
    """What a node's visit leaves in events, metrics and traces."""

    track_duration: Annotated[bool, Flag()] = False
    track_retries: Annotated[bool, Flag()] = False
    custom_metrics: Annotated[list[str | Metric], Items(of=Either(kinds=(Text(), Record(model="Metric"))))] = []
    trace_id: Annotated[str | None, Text(form=T)] = None
    span_id: Annotated[str | None, Text(form=T)] = None


class Audience(Shape):
    """People, by user name or mail address, group and role."""

    users: Annotated[list[str], texts()] = []
    groups: Annotated[list[str], texts()] = []
    roles: Annotated[list[str], texts()] = []


class Escalation(Shape):
    """One step of an approval's escalation; without a time it acts when the due time comes."""

    to: Annotated[Audience, Record(model="Audience"), REQUIRED] = Audience()
    after: Annotated[str | None, Duration()] = None
    before_due: Annotated[str | None, Duration()] = None
    mode: Annotated[str, Choice(values=("reassign", "add", "notify"))] = "reassign"


def kind_of(metadata: list[Any]) -> Kind | None:
    """The kind among the annotations of a field."""
    return next((mark for mark in metadata if isinstance(mark, Kind)), None)
