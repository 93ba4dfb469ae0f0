"""The environment, read once and strictly: a value that does not parse stops the start with one line per fault."""

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError

from langorch.lib.egress import LOOPBACK, Egress
from langorch.settings import stores

ALSO = {
    "DATABASE_URL": ("ORCH_DB_URL",),
    "DB_POOL_SIZE": ("ORCH_DB_POOL_SIZE",),
    "SECRET_KEY": ("AUTH_SECRET_KEY",),
    "RUN_LEASE_SECONDS": ("WORKER_LOCK_DURATION_SECONDS",),
    "RUN_HEARTBEAT_SECONDS": ("WORKER_HEARTBEAT_INTERVAL",),
}


HIDDEN = frozenset({"SECRET_KEY", "SECRET_KEY_FALLBACKS", "ARTIFACTS_URL", "LLM_API_KEY", "LLM_GATEWAY_HEADERS"})
"""Settings whose value is not shown, even where it is wrong."""


class ConfigurationFault(SystemExit):
    """The environment cannot be used. Ends the process with one line per fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(f"configuration: {fault}" for fault in faults))
        self.faults = faults


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in value.split(",") if part.strip()]


def _allowing(entries: list[str]) -> list[str]:
    Egress.parse(entries)
    return entries


def _store(url: str) -> str:
    if url:
        stores.read(url)
    return url


TextList = Annotated[list[str], BeforeValidator(_split)]
EgressList = Annotated[TextList, AfterValidator(_allowing)]
StoreUrl = Annotated[str, AfterValidator(_store)]


def _parse(value: Any) -> Any:
    return (json.loads(value) if value.strip() else {}) if isinstance(value, str) else value


class ModelPrice(BaseModel):
    """USD per 1,000 tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt: Decimal = Field(ge=0)
    completion: Decimal = Field(ge=0)


PriceList = Annotated[dict[str, ModelPrice], BeforeValidator(_parse)]
HeaderList = Annotated[dict[str, SecretStr], BeforeValidator(_parse)]


class Environment(BaseModel):
    """Every setting that the environment may give, with its default (settings 1-6)."""

    model_config = ConfigDict(frozen=True)

    ENVIRONMENT: Literal["dev", "test", "prod"] = "dev"
    DEBUG: bool = False
    DATABASE_URL: str = ""
    REDIS_URL: str = ""
    CELERY_BROKER_URL: str = ""
    CHANNEL_REDIS_URL: str = ""
    DB_POOL_SIZE: int = Field(10, ge=1, le=1000)
    DB_POOL_TIMEOUT: float = Field(30, gt=0)
    HOST: str = "127.0.0.1"
    PORT: int = Field(8000, ge=1, le=65535)
    ALLOWED_HOSTS: TextList = ["localhost", "127.0.0.1", "[::1]"]
    CSRF_TRUSTED_ORIGINS: TextList = []
    SELF_BASE_URL: str = ""
    TRUSTED_PROXY_HOPS: int = Field(0, ge=0, le=10)
    EGRESS_ALLOW: EgressList | None = None
    SECRET_KEY: str = ""
    SECRET_KEY_FALLBACKS: TextList = []
    VAR_DIR: Path = Path("var")
    ARTIFACTS_DIR: Path | None = None
    ARTIFACTS_URL: StoreUrl = ""
    LOG_FORMAT: Literal["", "text", "json"] = ""
    LOG_LEVEL: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    EMAIL_URL: str = ""
    DEFAULT_FROM_EMAIL: str = "LangOrch <langorch@localhost>"
    DEFAULT_TENANT: str = "default"
    BOOTSTRAP_ADMIN_USERNAME: str = "admin"
    BOOTSTRAP_ADMIN_EMAIL: str = "admin@local"
    BOOTSTRAP_ADMIN_PASSWORD: str = ""
    AUTH_TOKEN_EXPIRE_MINUTES: int = Field(60, ge=1, le=1440)
    SESSION_IDLE_MINUTES: int = Field(60, ge=1)
    SESSION_MAX_HOURS: int = Field(12, ge=1)
    LOGIN_MAX_FAILURES: int = Field(5, ge=1)
    PASSWORD_MIN_LENGTH: int = Field(12, ge=8)
    APPROVAL_LINK_MODE: Literal["login", "link"] = "login"
    APPROVAL_LINK_HOURS: int = Field(72, ge=1, le=744)
    WORKER_CONCURRENCY: int = Field(4, ge=1, le=256)
    WORKER_ID: str = ""
    WORKER_POLL_INTERVAL: float = Field(1, gt=0, le=60)
    STOP_GRACE_SECONDS: float = Field(0, ge=0)
    RUN_LEASE_SECONDS: float = Field(10, ge=0.5)
    RUN_HEARTBEAT_SECONDS: float = Field(3, ge=0.1)
    WORKER_MAX_ATTEMPTS: int = Field(3, ge=1)
    WORKER_RETRY_DELAY_SECONDS: float = Field(5, ge=0)
    INLINE_WAIT_MS: int = Field(2000, ge=0)
    CANCEL_GRACE_SECONDS: float = Field(60, ge=0)
    STUCK_RUN_MINUTES: float = Field(30, gt=0)
    DURABLE_EVERY_STEP: bool = False
    AGENT_TIMEOUT_SECONDS: float = Field(120, gt=0, le=86_400)
    AGENT_WAIT_SECONDS: float = Field(900, ge=0)
    AGENT_MISSING_WAIT_SECONDS: float = Field(900, ge=0)
    LEASE_TTL_SECONDS: float = Field(30, ge=1)
    CIRCUIT_FAILURE_THRESHOLD: int | None = Field(None, ge=1)
    CIRCUIT_RESET_SECONDS: float = Field(300, gt=0)
    AGENT_REQUIRE_EXPLICIT_CAPABILITIES: bool = True
    AGENT_STRICT_RESPONSE_SCHEMA: bool = True
    RATE_LIMIT_MAX_CONCURRENT: int = Field(0, ge=0)
    MAX_NODE_VISITS: int = Field(10_000, ge=1, le=1_000_000)
    MAX_LOOP_ITERATIONS: int = Field(10_000, ge=1)
    MAX_PARALLEL_BRANCHES: int = Field(8, ge=1, le=256)
    LLM_BASE_URL: str = Field("https://api.openai.com/v1", pattern="^https?://")
    LLM_API_KEY: SecretStr = SecretStr("")
    LLM_DEFAULT_MODEL: str = Field("gpt-4o", min_length=1)
    LLM_TIMEOUT_SECONDS: float = Field(60, gt=0, le=3600)
    LLM_GATEWAY_HEADERS: HeaderList = {}
    LLM_MODEL_COST_JSON: PriceList = {}
    LLM_ENABLE_FALLBACK: bool = True
    LLM_MAX_REPAIRS: int = Field(2, ge=0, le=10)
    LLM_DEFAULT_MAX_TOKENS: int = Field(4096, ge=1)
    MAX_REQUEST_BYTES: int = Field(10 * 2**20, ge=1024)
    MAX_JSON_DEPTH: int = Field(64, ge=8, le=200)
    MAX_JSON_KEYS: int = Field(100_000, ge=100)
    MAX_DOCUMENT_BYTES: int = Field(4 * 2**20, ge=1024)
    MAX_NODES: int = Field(5000, ge=1)
    MAX_INPUT_BYTES: int = Field(2**20, ge=1024)
    MAX_RESULT_BYTES: int = Field(2**20, ge=1024)
    MAX_STATE_BYTES: int = Field(4 * 2**20, ge=1024)
    MAX_EVENT_PAYLOAD_BYTES: int = Field(32 * 1024, ge=1024)
    MAX_ARTIFACT_BYTES: int = Field(100 * 2**20, ge=1024)
    MAX_INLINE_ARTIFACT_BYTES: int = Field(2**20, ge=1024)
    MAX_RUN_ARTIFACT_BYTES: int = Field(2**30, ge=1024)
    RUN_RETENTION_DAYS: float = Field(0, ge=0)
    EVENT_RETENTION_DAYS: float | None = Field(None, ge=0)
    CHECKPOINT_RETENTION_DAYS: float = Field(30, ge=0)
    CHECKPOINT_KEEP_HOURS: float = Field(24, ge=0)
    IDEMPOTENCY_KEY_DAYS: float = Field(30, ge=0)
    ARTIFACT_RETENTION_DAYS: float = Field(30, ge=0)
    DELIVERY_RETENTION_DAYS: float = Field(30, ge=0)
    MAX_RESPONSE_BYTES: int = Field(10 * 2**20, ge=1024)
    MAX_STREAMS_PER_USER: int = Field(10, ge=1)

    @property
    def embedded(self) -> bool:
        """Whether one process does everything: nobody named a database or a broker."""
        return not (self.DATABASE_URL or self.REDIS_URL or self.CELERY_BROKER_URL)

    @property
    def egress(self) -> Egress:
        """What calls to the outside may reach beside public addresses; one process may call its own machine."""
        default = LOOPBACK if self.embedded else ()
        return Egress.parse(default if self.EGRESS_ALLOW is None else self.EGRESS_ALLOW)

    @property
    def base_url(self) -> str:
        return (self.SELF_BASE_URL or f"http://{self.HOST}:{self.PORT}").rstrip("/")


def read(source: Mapping[str, str] | None = None) -> Environment:
    """The environment as `source` (default: the process's own) gives it. Raises `ConfigurationFault`."""
    given = os.environ if source is None else source
    faults: list[str] = []
    values = {name: text for name in Environment.model_fields if (text := _value(name, given, faults)) is not None}
    if faults:
        raise ConfigurationFault(faults)
    try:
        environment = Environment.model_validate(values)
    except ValidationError as error:
        raise ConfigurationFault([_sentence(fault) for fault in error.errors()]) from None
    if unsafe := _unsafe(environment):
        raise ConfigurationFault(unsafe)
    return environment


def _value(name: str, given: Mapping[str, str], faults: list[str]) -> str | None:
    found: dict[str, str] = {}
    for spelling in (name, *ALSO.get(name, ())):
        if spelling in given:
            found[spelling] = given[spelling]
        elif f"{spelling}_FILE" in given:
            found[f"{spelling}_FILE"] = _file_content(spelling, given[f"{spelling}_FILE"], faults)
    if len(set(found.values())) > 1:
        faults.append(f"{' and '.join(found)} name the same setting and disagree")
    return next(iter(found.values()), None)


def _file_content(name: str, path: str, faults: list[str]) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        faults.append(f"{name}_FILE cannot be read: {error.strerror} ({path})")
        return ""


def _sentence(fault: Any) -> str:
    name, *within = fault["loc"]
    if name in HIDDEN:
        return f"{name} is not valid: {fault['msg']}"
    place = "".join(f", {part}" for part in within)
    return f"{name}={fault['input']!r}{place} is not valid: {fault['msg']}"


def _unsafe(environment: Environment) -> list[str]:
    checks = [
        (
            environment.RUN_HEARTBEAT_SECONDS * 3 > environment.RUN_LEASE_SECONDS,
            "RUN_HEARTBEAT_SECONDS must be at most a third of RUN_LEASE_SECONDS",
        ),
        (
            environment.RUN_HEARTBEAT_SECONDS * 3 > environment.LEASE_TTL_SECONDS,
            "RUN_HEARTBEAT_SECONDS must be at most a third of LEASE_TTL_SECONDS",
        ),
        (
            not environment.embedded and not environment.DATABASE_URL,
            "DATABASE_URL is required beside REDIS_URL or CELERY_BROKER_URL",
        ),
        (
            not environment.embedded and not (environment.REDIS_URL or environment.CELERY_BROKER_URL),
            "REDIS_URL (or CELERY_BROKER_URL) is required beside DATABASE_URL",
        ),
        (environment.CELERY_BROKER_URL.startswith("sqla+"), "CELERY_BROKER_URL: a database is no broker"),
        (
            bool(environment.ARTIFACTS_DIR and environment.ARTIFACTS_URL),
            "ARTIFACTS_DIR and ARTIFACTS_URL name two places for the same files; set one of them",
        ),
        (0 < len(environment.SECRET_KEY) < 32, "SECRET_KEY must have at least 32 bytes"),
    ]
    if environment.ENVIRONMENT == "prod":
        checks += _unsafe_in_production(environment)
    return [sentence for wrong, sentence in checks if wrong]


def _unsafe_in_production(environment: Environment) -> list[tuple[bool, str]]:
    return [
        (environment.DEBUG, "DEBUG must be off in production"),
        ("*" in environment.ALLOWED_HOSTS, "ALLOWED_HOSTS must name hosts in production, not *"),
        (not environment.base_url.startswith("https://"), "SELF_BASE_URL must be an https address in production"),
        (not environment.SECRET_KEY, "SECRET_KEY is required in production"),
        (_placeholder(environment.SECRET_KEY), "SECRET_KEY is weak or a placeholder"),
    ]


def _placeholder(key: str) -> bool:
    return len(set(key)) < 10 or any(word in key.lower() for word in ("changeme", "change-me", "insecure", "secret"))
