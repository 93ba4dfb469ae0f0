"""The eleven types of nodes (CKP 2)."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, Field

from procedures.ckp.document.base import (
    Escalation,
    IdempotencyPolicy,
    Message,
    RetryPolicy,
    Shape,
    Sla,
    Telemetry,
    TimeoutPolicy,
)
from procedures.ckp.document.steps import (
    MOST_CASES,
    MOST_STEPS,
    DispatchMode,
    HandlerList,
    Mappings,
    OperationList,
    Step,
    StepList,
    TransformationList,
    ValidationList,
    as_list,
)
from procedures.ckp.kinds import (
    NODES,
    PROMPT,
    REQUIRED,
    VARIABLES,
    Anything,
    Choice,
    Condition,
    Decimal,
    Duration,
    Either,
    Entries,
    Expression,
    Flag,
    Given,
    Identifier,
    Items,
    JsonSchema,
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

Tier = Literal["deterministic", "intelligent", "control"]
Next = Annotated[str | None, Target()]
GivenByName = Annotated[dict[str, Any], Entries(of=Given(form=T))]


class NodeBase(Shape):
    """Fields of every node."""

    TIER: ClassVar[Tier]

    description: Annotated[str | None, Text()] = None
    agent: Annotated[str | None, Text(form=T)] = None
    next_node: Next = None
    on_error: Next = None
    timeout_ms: Annotated[int | str | None, ms(T)] = None
    timeout_policy: Annotated[TimeoutPolicy | None, Record(model="TimeoutPolicy")] = None
    inputs: Annotated[dict[str, Any], Entries(of=Anything(form=T), keys=VARIABLES, writes=True)] = {}
    is_checkpoint: Annotated[bool, Flag()] = False
    sla: Annotated[Sla | None, Record(model="Sla")] = None
    telemetry: Annotated[Telemetry | None, Record(model="Telemetry")] = None
    idempotency_policy: Annotated[IdempotencyPolicy | None, Record(model="IdempotencyPolicy")] = None
    idempotency_key: Annotated[str | None, Text(form=T, scope="key")] = None
    dispatch_mode: DispatchMode = None
    retry: Annotated[RetryPolicy | None, Record(model="RetryPolicy")] = None


_KEYS: Final = frozenset({"idempotency_policy", "idempotency_key"})
_CALLS: Final = _KEYS | {"dispatch_mode"}


class SequenceNode(NodeBase):
    """Steps in order, then validations."""

    TIER: ClassVar[Tier] = "deterministic"

    type: Literal["sequence"] = "sequence"
    steps: Annotated[list[Step], Items(of=Record(model="Step"), most=MOST_STEPS), REQUIRED] = []
    validations: ValidationList = []
    outputs: Mappings = {}
    error_handlers: HandlerList = []
    compensate_with: Annotated[
        list[Step],
        BeforeValidator(as_list),
        Either(kinds=(Record(model="Step"), Items(of=Record(model="Step"), most=MOST_STEPS))),
    ] = []


class Rule(Shape):
    """One case of a logic node."""

    condition: Annotated[Any, Condition(), REQUIRED] = None
    next_node: Annotated[str, Target(), REQUIRED] = ""


class LogicNode(NodeBase):
    """The first rule that is true decides the way."""

    TIER: ClassVar[Tier] = "control"
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = _CALLS | {"next_node", "on_error", "retry"}

    type: Literal["logic"] = "logic"
    rules: Annotated[list[Rule], Items(of=Record(model="Rule"), most=MOST_CASES), REQUIRED] = []
    default_next_node: Next = None


class LoopNode(NodeBase):
    """Runs its body once per element, or while a condition holds."""

    TIER: ClassVar[Tier] = "control"
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = _CALLS | {"on_error", "retry"}

    type: Literal["loop"] = "loop"
    iterator: Annotated[Any, Expression()] = None
    continue_condition: Annotated[Any, Condition()] = None
    until: Annotated[Any, Condition(scope="iteration")] = None
    iterator_variable: Annotated[str | None, Name()] = None
    index_variable: Annotated[str | None, Name()] = None
    body_node: Annotated[str, Target(), REQUIRED] = ""
    collect_variable: Annotated[str | None, Name()] = None
    collect: Annotated[Any, Expression(scope="iteration")] = None
    continue_on_error: Annotated[bool, Flag()] = False
    max_iterations: Annotated[int | None, Whole(low=1, high=10_000)] = None
    max_concurrency: Annotated[int, Whole(low=1)] = 1


class Branch(Shape):
    """One branch of a parallel node."""

    branch_id: Annotated[str, Identifier(), REQUIRED] = ""
    start_node: Annotated[str, Target(), REQUIRED] = ""


class ParallelNode(NodeBase):
    """Runs branches on copies of the variables and joins them."""

    TIER: ClassVar[Tier] = "control"
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = _CALLS | {"on_error"}

    type: Literal["parallel"] = "parallel"
    branches: Annotated[list[Branch], Items(of=Record(model="Branch"), least=1, most=100), REQUIRED] = []
    wait_strategy: Annotated[str, Choice(values=("all", "any", "first"))] = "all"
    branch_failure: Annotated[str, Choice(values=("continue", "fail", "retry"))] = "continue"


class ProcessingNode(NodeBase):
    """Operations in order on values."""

    TIER: ClassVar[Tier] = "deterministic"
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = frozenset({"dispatch_mode"})

    type: Literal["processing"] = "processing"
    operations: Annotated[OperationList, Items(of=Record(model="Operation"), most=MOST_STEPS), REQUIRED] = []


class TransformNode(NodeBase):
    """Changes of data on a copy; if one fails nothing is kept."""

    TIER: ClassVar[Tier] = "deterministic"
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = _CALLS | {"retry"}

    type: Literal["transform"] = "transform"
    transformations: Annotated[
        TransformationList, Items(of=Record(model="Transformation"), most=MOST_STEPS), REQUIRED
    ] = []


class Check(Shape):
    """One check of a verification: a condition, or a source with a schema."""

    id: Annotated[str | None, Identifier()] = None
    condition: Annotated[Any, Condition()] = None
    source: Annotated[Any, Expression()] = None
    json_schema: Annotated[dict[str, Any] | bool | None, JsonSchema()] = Field(default=None, alias="schema")
    on_fail: Annotated[str, Choice(values=("fail_workflow", "warn", "continue", "retry"))] = "fail_workflow"
    on_fail_node: Next = None
    message: Message = None


class VerificationNode(NodeBase):
    """Checks that decide whether the run goes on."""

    TIER: ClassVar[Tier] = "control"
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = _CALLS

    type: Literal["verification"] = "verification"
    checks: Annotated[list[Check], Items(of=Record(model="Check"), most=MOST_CASES), REQUIRED] = []
    on_pass: Next = None
    on_fail: Next = None
    retry_node: Next = None
    max_retries: Annotated[int, Whole(low=0, high=50)] = 1
    output_variable: Annotated[str, Name()] = "verification_result"


class Repair(Shape):
    """How often an invalid answer is sent back with its errors."""

    max_attempts: Annotated[int | None, Whole(low=0, high=2)] = None


class Attachment(Shape):
    """Something sent beside a prompt."""

    type: Annotated[str, Choice(values=("image", "csv", "text", "json", "file")), REQUIRED] = ""
    source: Annotated[Any, Given(form=T), REQUIRED] = None
    description: Annotated[str | None, Text()] = None


class LlmBranch(Shape):
    """A node that the model may choose."""

    node: Annotated[str, Target(), REQUIRED] = ""
    description: Annotated[str | None, Text()] = None


class LlmActionNode(NodeBase):
    """A call of a language model."""

    TIER: ClassVar[Tier] = "intelligent"
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = _CALLS

    type: Literal["llm_action"] = "llm_action"
    prompt: Annotated[str | None, Text(form=PROMPT)] = None
    system_prompt: Annotated[str | None, Text(form=PROMPT)] = None
    prompt_ref: Annotated[str | None, Text()] = None
    model: Annotated[str | None, Text()] = None
    profile: Annotated[str | None, Text()] = None
    task_class: Annotated[str | None, Text()] = None
    temperature: Annotated[float | int | None, Decimal(low=0, high=2)] = None
    top_p: Annotated[float | int | None, Decimal(low=0, high=1)] = None
    max_tokens: Annotated[int | str | None, Whole(form=T, low=1)] = None
    stop: Annotated[list[str] | None, texts()] = None
    seed: Annotated[int | None, Whole()] = None
    fallback_model: Annotated[str | None, Text()] = None
    fallback_models: Annotated[list[str], texts()] = []
    json_mode: Annotated[bool, Flag()] = False
    output_schema: Annotated[dict[str, Any] | bool | None, JsonSchema()] = None
    repair: Annotated[Repair | None, Record(model="Repair")] = None
    outputs: Mappings = {}
    attachments: Annotated[list[Attachment], Items(of=Record(model="Attachment"), most=MOST_CASES)] = []
    orchestration_mode: Annotated[bool, Flag()] = False
    branches: Annotated[
        list[str | LlmBranch], Items(of=Either(kinds=(Target(), Record(model="LlmBranch"))), most=MOST_CASES)
    ] = []
    default_branch: Next = None
    max_cost_usd: Annotated[float | int | None, Decimal(above=0)] = None

    @property
    def answers_json(self) -> bool:
        """Whether the model must answer in JSON."""
        return self.json_mode or self.orchestration_mode or self.output_schema is not None

    @property
    def answers_object(self) -> bool:
        """Whether that must be an object: providers can be held to no other kind of JSON."""
        schema = self.output_schema
        other = isinstance(schema, dict) and schema.get("type", "object") != "object"
        return self.answers_json and not other


class Option(Shape):
    """One choice of an approval."""

    value: Annotated[str, Text(), REQUIRED] = ""
    label: Annotated[str | None, Text()] = None
    next_node: Next = None


class Approvers(Shape):
    """Who may decide."""

    users: Annotated[list[str], texts()] = []
    groups: Annotated[list[str], texts()] = []
    roles: Annotated[list[str], texts()] = []
    expression: Annotated[Any, Expression()] = None


class FourEyes(Shape):
    """Further people who may not decide."""

    not_deciders_of: Annotated[list[str], Items(of=Target())] = []
    not_publisher: Annotated[bool, Flag()] = False


class ApprovalNotify(Shape):
    """Where the notice of an approval goes."""

    channels: Annotated[list[str], texts()] = []
    remind_every: Annotated[str | None, Duration()] = None


class HumanApprovalNode(NodeBase):
    """A person decides."""

    TIER: ClassVar[Tier] = "control"
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = _CALLS | {"next_node", "on_error", "retry", "timeout_policy"}

    type: Literal["human_approval"] = "human_approval"
    title: Annotated[str | None, Text(form=PROMPT)] = None
    prompt: Annotated[str | None, Text(form=PROMPT)] = None
    decision_type: Annotated[str, Choice(values=("approve_reject", "select_option", "provide_input"))] = (
        "approve_reject"
    )
    options: Annotated[
        list[str | Option], Items(of=Either(kinds=(Text(), Record(model="Option"))), most=MOST_CASES)
    ] = []
    form: Annotated[dict[str, Any] | None, JsonSchema(form=T, boolean=False)] = None
    editable: Annotated[list[str], Items(of=Name(writes=False))] = []
    context_data: Annotated[dict[str, Any], entries(T)] = {}
    approvers: Annotated[Approvers | None, Record(model="Approvers")] = None
    min_approvers: Annotated[int, Whole(low=1, high=20)] = 1
    min_rejections: Annotated[int, Whole(low=1, high=20)] = 1
    four_eyes: Annotated[bool | FourEyes | None, Either(kinds=(Flag(), Record(model="FourEyes")))] = None
    bulk_allowed: Annotated[bool, Flag()] = True
    comment_required: Annotated[str, Choice(values=("never", "on_reject", "always"))] = "on_reject"
    due_in: Annotated[str | None, Duration(form=T)] = None
    calendar: Annotated[str | None, Text()] = None
    timeout_action: Annotated[str | None, Choice(values=("auto_approve", "auto_reject", "escalate"))] = None
    escalation: Annotated[list[Escalation], Items(of=Record(model="Escalation"), most=MOST_CASES)] = []
    escalation_contact: Annotated[str | None, Text()] = None
    notify: Annotated[ApprovalNotify | None, Record(model="ApprovalNotify")] = None
    on_approve: Next = None
    on_reject: Next = None
    on_timeout: Next = None
    output_variable: Annotated[str, Name()] = "approval"

    @property
    def choices(self) -> list[Option]:
        """The options, texts read as options of that value."""
        return [Option(value=option) if isinstance(option, str) else option for option in self.options]


class SubflowNode(NodeBase):
    """A run of another procedure."""

    TIER: ClassVar[Tier] = "deterministic"
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = _CALLS

    type: Literal["subflow"] = "subflow"
    procedure_id: Annotated[str, Text(), REQUIRED] = ""
    version: Annotated[str, Text()] = "latest"
    input_mapping: GivenByName = {}
    output_mapping: Annotated[dict[str, Any], Entries(of=Expression(scope="child"), keys=VARIABLES, writes=True)] = {}
    inherit_context: Annotated[bool, Flag()] = False
    on_failure: Annotated[str, Choice(values=("fail_parent", "continue", "retry"))] = "fail_parent"
    compensate_with: Annotated[
        list[Step],
        BeforeValidator(as_list),
        Either(kinds=(Record(model="Step"), Items(of=Record(model="Step"), most=MOST_STEPS))),
    ] = []


class TerminateNode(NodeBase):
    """Ends the run from anywhere."""

    TIER: ClassVar[Tier] = "control"
    WITHOUT_EFFECT: ClassVar[frozenset[str]] = frozenset({"next_node", "on_error"})

    type: Literal["terminate"] = "terminate"
    status: Annotated[str, Choice(values=("success", "failed"))] = "success"
    message: Message = None
    outputs: Annotated[dict[str, Any], Entries(of=Given(form=T), keys=VARIABLES)] = {}
    cleanup_actions: StepList = []
    error_actions: StepList = []
    compensate: Annotated[bool | None, Flag()] = None
    final_audit_log: Annotated[dict[str, Any], Entries(of=Anything(form=T))] = {}


Node = Annotated[
    SequenceNode
    | LogicNode
    | LoopNode
    | ParallelNode
    | ProcessingNode
    | TransformNode
    | VerificationNode
    | LlmActionNode
    | HumanApprovalNode
    | SubflowNode
    | TerminateNode,
    Field(discriminator="type"),
]

NODE_MODELS: Final[dict[str, type[NodeBase]]] = {
    "sequence": SequenceNode,
    "logic": LogicNode,
    "loop": LoopNode,
    "parallel": ParallelNode,
    "processing": ProcessingNode,
    "transform": TransformNode,
    "verification": VerificationNode,
    "llm_action": LlmActionNode,
    "human_approval": HumanApprovalNode,
    "subflow": SubflowNode,
    "terminate": TerminateNode,
}
RESERVED_TYPES: Final = frozenset({"planner"})
NODE_KEYS: Final = NODES
