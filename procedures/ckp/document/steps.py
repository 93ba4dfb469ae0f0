"""Steps, operations, error handlers, validations (CKP 2.1, 2.3, 2.4, 2.6, 2.7)."""

from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, ConfigDict

from procedures.ckp.document.base import (
    MOST_RETRIES,
    IdempotencyPolicy,
    Message,
    RetryPolicy,
    Shape,
    TimeoutPolicy,
)
from procedures.ckp.kinds import (
    REQUIRED,
    VARIABLES,
    Anything,
    Choice,
    Condition,
    Decimal,
    Either,
    Entries,
    Expression,
    Flag,
    Identifier,
    Items,
    Mapping,
    Name,
    Record,
    T,
    Target,
    Text,
    Whole,
    entries,
    ms,
    texts,
)
from procedures.ckp.names import is_note

MOST_STEPS: Final = 1_000
MOST_CASES: Final = 500

SideEffect = Annotated[str | None, Choice(values=("none", "read", "write", "irreversible"))]
DispatchMode = Annotated[str | None, Choice(values=("async", "sync"))]
Mappings = Annotated[dict[str, str], Entries(of=Mapping(), keys=VARIABLES, writes=True)]


def as_list(value: Any) -> Any:
    """One entry where a list may stand."""
    return value if value is None or isinstance(value, list) else [value]


class WithParameters(Shape):
    """Fields beside which any other key is a parameter of the action."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())
    OPEN: ClassVar[bool] = True

    params: Annotated[dict[str, Any], entries(T, "call")] = {}

    @property
    def parameters(self) -> dict[str, Any]:
        """All parameters as written: `params`, then the flat ones, which win."""
        flat = {key: value for key, value in (self.model_extra or {}).items() if not is_note(key)}
        return {**self.params, **flat}


class Step(WithParameters):
    """The unit with a recorded result. `step_id` is never empty in a compiled document."""

    step_id: Annotated[str, Identifier()] = ""
    action: Annotated[str, Text(), REQUIRED] = ""
    agent: Annotated[str | None, Text(form=T)] = None
    pool: Annotated[str | None, Text()] = None
    required_capability_version: Annotated[str | None, Text()] = None
    binding: Annotated[str | None, Choice(values=("agent",))] = None
    output_variable: Annotated[str | None, Name()] = None
    outputs: Mappings = {}
    timeout_ms: Annotated[int | str | None, ms(T)] = None
    timeout_policy: Annotated[TimeoutPolicy | None, Record(model="TimeoutPolicy")] = None
    wait_ms: Annotated[int | str, ms(T)] = 0
    wait_after_ms: Annotated[int | str, ms(T)] = 0
    retry_on_failure: Annotated[bool | None, Flag()] = None
    retry_config: Annotated[RetryPolicy | None, Record(model="RetryPolicy")] = None
    idempotency_policy: Annotated[IdempotencyPolicy | None, Record(model="IdempotencyPolicy")] = None
    idempotency_key: Annotated[str | None, Text(form=T, scope="key")] = None
    side_effect: SideEffect = None
    workflow_dispatch_mode: DispatchMode = None
    screenshot_on_complete: Annotated[bool, Flag()] = False
    compensate_with: Annotated[
        "list[Step]",
        BeforeValidator(as_list),
        Either(kinds=(Record(model="Step"), Items(of=Record(model="Step"), most=MOST_STEPS))),
    ] = []

    @property
    def retries(self) -> bool:
        """Whether a failed attempt is tried again; an explicit false wins over a policy."""
        return self.retry_on_failure is not False and (self.retry_on_failure is True or self.retry_config is not None)


StepList = Annotated[list[Step], Items(of=Record(model="Step"), most=MOST_STEPS)]


class Operation(WithParameters):
    """One operation of a processing node; its fields are those of its action."""

    action: Annotated[str, Text(), REQUIRED] = ""
    id: Annotated[str | None, Identifier()] = None


class Transformation(WithParameters):
    """One change of data of a transform node."""

    type: Annotated[str, Text(), REQUIRED] = ""
    source_variable: Annotated[Any, Expression()] = None
    expression: Annotated[Any, Anything()] = None
    output_variable: Annotated[str, Name(), REQUIRED] = ""


class StepValidation(Shape):
    """A check after the steps of a sequence."""

    id: Annotated[str | None, Identifier()] = None
    check: Annotated[str, Choice(values=("custom", "value_in_range", "screen_text_contains", "element_exists"))] = (
        "custom"
    )
    condition: Annotated[Any, Condition()] = None
    source: Annotated[Any, Expression()] = None
    target: Annotated[Any, Anything(form=T)] = None
    expected_values: Annotated[Any, Anything(form=T)] = None
    on_failure: Annotated[
        str, Choice(values=("throw_exception", "fail_workflow", "retry_node", "skip", "log_and_continue"))
    ] = "throw_exception"
    message: Message = None


class ErrorTrigger(Shape):
    """What must match beside the error type; every part that is given must."""

    error_text_contains: Annotated[str | list[str] | None, Either(kinds=(Text(), texts()))] = None
    error_code: Annotated[
        str | float | int | list[str | float | int] | None,
        Either(kinds=(Text(), Decimal(), Items(of=Either(kinds=(Text(), Decimal()))))),
    ] = None
    http_status_codes: Annotated[list[int | str] | None, Items(of=Either(kinds=(Whole(low=100, high=599), Text())))] = (
        None
    )


class NotifyOnError(Shape):
    """Where an error notice goes."""

    channels: Annotated[list[str], texts()] = []


class ErrorHandler(Shape):
    """What is done about an error that its type and trigger match."""

    error_type: Annotated[str | list[str] | None, Either(kinds=(Text(), texts()))] = None
    trigger: Annotated[ErrorTrigger | None, Record(model="ErrorTrigger")] = None
    action: Annotated[
        str | None, Choice(values=("retry", "fail", "screenshot_and_fail", "ignore", "escalate", "fallback"))
    ] = None
    max_retries: Annotated[int | None, Whole(low=0, high=MOST_RETRIES)] = None
    delay_ms: Annotated[int | None, ms()] = None
    retry_policy: Annotated[RetryPolicy | None, Record(model="RetryPolicy")] = None
    recovery_strategy: Annotated[str | None, Choice(values=("retry_node", "continue", "stop", "fallback_node"))] = None
    recovery_steps: StepList = []
    fallback_node: Annotated[str | None, Target()] = None
    notify_on_error: Annotated[bool | NotifyOnError, Either(kinds=(Flag(), Record(model="NotifyOnError")))] = False
    error_metadata: Annotated[dict[str, Any], entries(T)] = {}

    @property
    def error_types(self) -> list[str]:
        """The error types as a list; empty for every error but cancel."""
        given = as_list(self.error_type) or []
        return [] if "*" in given else [one for one in given if one]


OperationList = Annotated[list[Operation], Items(of=Record(model="Operation"), most=MOST_STEPS)]
TransformationList = Annotated[list[Transformation], Items(of=Record(model="Transformation"), most=MOST_STEPS)]
ValidationList = Annotated[list[StepValidation], Items(of=Record(model="StepValidation"), most=MOST_CASES)]
HandlerList = Annotated[list[ErrorHandler], Items(of=Record(model="ErrorHandler"), most=MOST_CASES)]
