"""Settings of a whole procedure (CKP 1.1)."""

from typing import Annotated, Any, ClassVar, Final

from procedures.ckp.document.base import MOST_RETRIES, RetryPolicy, Shape
from procedures.ckp.kinds import (
    REQUIRED,
    Anything,
    Choice,
    Decimal,
    Either,
    Entries,
    Flag,
    Record,
    T,
    Target,
    Text,
    Whole,
    Zone,
    ms,
    texts,
)

PROVIDERS: Final = ("env", "vault", "aws", "azure", "db")
PROVIDER_OPTIONS: Final = {
    "env": frozenset({"prefix"}),
    "vault": frozenset({"vault_url", "mount_point", "path_prefix", "kv_version", "namespace", "role_id"}),
    "aws": frozenset({"region_name", "endpoint_url", "secret_field"}),
    "azure": frozenset({"vault_url", "client_id", "tenant_id"}),
    "db": frozenset[str](),
}


class RateLimiting(Shape):
    """Calls per minute over all workers, and calls at once in one run. On when the object is there."""

    enabled: Annotated[bool, Flag()] = True
    max_requests_per_minute: Annotated[int | None, Whole(low=1, high=100_000)] = None
    max_concurrent_operations: Annotated[int | None, Whole(low=1, high=1_000)] = None


class Concurrency(Shape):
    """How many runs of the procedure, or of one value of `key`, may be open at once."""

    max_runs: Annotated[int, Whole(low=1, high=10_000), REQUIRED] = 1
    key: Annotated[str | None, Text(form=T, scope="inputs")] = None
    on_limit: Annotated[str, Choice(values=("queue", "drop"))] = "queue"
    count_waiting: Annotated[bool, Flag()] = False


class Dedupe(Shape):
    """A second start with the same key inside the window returns the first run."""

    key: Annotated[str, Text(form=T, scope="inputs"), REQUIRED] = ""
    window_seconds: Annotated[int, Whole(low=1, high=2_592_000), REQUIRED] = 1


class LlmBudget(Shape):
    """Cap on the tokens of a run with its children."""

    max_tokens_per_run: Annotated[int | None, Whole(low=1)] = None
    warn_at: Annotated[float | int, Decimal(low=0, high=1)] = 0.8
    on_exceeded: Annotated[str, Choice(values=("abort", "hold"))] = "abort"


class SecretReference(Shape):
    """Where one alias is found, in the long spelling."""

    key: Annotated[str, Text(), REQUIRED] = ""


class SecretsConfig(Shape):
    """Where `secrets.<alias>` comes from. Credentials of a provider never stand in a document."""

    REFUSED: ClassVar[dict[str, str]] = {"vault_token": "CKP115", "secret_id": "CKP115", "client_secret": "CKP115"}

    provider: Annotated[str, Text()] = "env"
    secret_references: Annotated[
        dict[str, str | SecretReference], Entries(of=Either(kinds=(Text(), Record(model="SecretReference"))))
    ] = {}
    cache_ttl: Annotated[int | None, Whole(low=0)] = None
    prefix: Annotated[str | None, Text()] = None
    vault_url: Annotated[str | None, Text()] = None
    mount_point: Annotated[str | None, Text()] = None
    path_prefix: Annotated[str | None, Text()] = None
    kv_version: Annotated[int | None, Whole(low=1, high=2)] = None
    namespace: Annotated[str | None, Text()] = None
    role_id: Annotated[str | None, Text()] = None
    region_name: Annotated[str | None, Text()] = None
    endpoint_url: Annotated[str | None, Text()] = None
    secret_field: Annotated[str | None, Text()] = None
    client_id: Annotated[str | None, Text()] = None
    tenant_id: Annotated[str | None, Text()] = None

    def key_of(self, alias: str) -> str:
        """The provider's key of an alias; an alias that is not listed is its own key."""
        reference = self.secret_references.get(alias, alias)
        return reference.key if isinstance(reference, SecretReference) else reference


class Notifications(Shape):
    """Default recipients of error, SLA and escalation notices."""

    channels: Annotated[list[str], texts()] = []
    escalation_contacts: Annotated[list[str], texts()] = []


class AuditConfig(Shape):
    """How much of a run's data its events keep."""

    enabled: Annotated[bool, Flag()] = True
    audit_level: Annotated[str, Choice(values=("minimal", "standard", "detailed"))] = "standard"
    redacted_fields: Annotated[list[str], texts()] = []
    retention_days: Annotated[int | None, Whole(low=1)] = None
    storage_location: Annotated[str | None, Text()] = None
    include_sensitive_data: Annotated[bool, Flag()] = False


class GlobalConfig(Shape):
    """Everything that holds for the whole procedure."""

    retry_policy: Annotated[RetryPolicy | None, Record(model="RetryPolicy")] = None
    max_retries: Annotated[int | None, Whole(low=0, high=MOST_RETRIES)] = None
    retry_delay_ms: Annotated[int | None, ms()] = None
    backoff_multiplier: Annotated[float | int | None, Decimal(low=1, high=10)] = None
    timeout_ms: Annotated[int | None, ms()] = None
    queue_timeout_ms: Annotated[int | None, ms()] = None
    max_node_visits: Annotated[int | None, Whole(low=1, high=1_000_000)] = None
    on_failure: Annotated[str | None, Target()] = None
    compensation: Annotated[str, Choice(values=("on_failure", "on_failure_or_cancel", "manual"))] = "on_failure"
    execution_mode: Annotated[str, Choice(values=("production", "dry_run", "validation_only"))] = "production"
    mock_external_calls: Annotated[bool, Flag()] = False
    test_data_overrides: Annotated[dict[str, Any], Entries(of=Anything())] = {}
    rate_limiting: Annotated[RateLimiting | None, Record(model="RateLimiting")] = None
    concurrency: Annotated[Concurrency | None, Record(model="Concurrency")] = None
    dedupe: Annotated[Dedupe | None, Record(model="Dedupe")] = None
    max_cost_usd: Annotated[float | int | None, Decimal(above=0)] = None
    llm_budget: Annotated[LlmBudget | None, Record(model="LlmBudget")] = None
    max_cost_per_llm_call_usd: Annotated[float | int | None, Decimal(above=0)] = None
    min_llm_quality: Annotated[float | int | None, Decimal(low=0, high=100)] = None
    llm_profile: Annotated[str | None, Text()] = None
    undefined_variables: Annotated[str, Choice(values=("warn", "error"))] = "warn"
    extra_inputs: Annotated[str, Choice(values=("warn", "reject"))] = "warn"
    timezone: Annotated[str | None, Zone()] = None
    business_calendar: Annotated[str | None, Text()] = None
    secrets_config: Annotated[SecretsConfig, Record(model="SecretsConfig")] = SecretsConfig()
    allowed_actions: Annotated[list[str] | None, texts()] = None
    workflow_dispatch_mode: Annotated[str, Choice(values=("async", "sync"))] = "async"
    notifications: Annotated[Notifications, Record(model="Notifications")] = Notifications()
    checkpoint_strategy: Annotated[str, Choice(values=("every_node", "critical_nodes_only", "none"))] = "every_node"
    checkpoint_storage: Annotated[str, Text()] = "database"
    checkpoint_retention_days: Annotated[int | None, Whole(low=1, high=3_650)] = None
    retention_days: Annotated[int | None, Whole(low=1, high=3_650)] = None
    resume_on_failure: Annotated[bool, Flag()] = True
    screenshot_on_fail: Annotated[bool, Flag()] = False
    telemetry_enabled: Annotated[bool, Flag()] = True
    logging_level: Annotated[str, Choice(values=("DEBUG", "INFO", "WARNING", "ERROR"))] = "INFO"
    audit_config: Annotated[AuditConfig, Record(model="AuditConfig")] = AuditConfig()
