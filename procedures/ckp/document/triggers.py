"""What starts runs (CKP 1.3)."""

from typing import Annotated, Any, Final

from pydantic import Field

from procedures.ckp.document.base import Shape
from procedures.ckp.kinds import (
    REQUIRED,
    VARIABLES,
    Anything,
    Choice,
    Condition,
    Either,
    Entries,
    Expression,
    Flag,
    Items,
    JsonSchema,
    Record,
    T,
    Text,
    Whole,
    Zone,
    texts,
)

TRIGGER_TYPES: Final = ("manual", "scheduled", "webhook", "event", "file_watch")


class Misfire(Shape):
    """What happens with fires missed while the scheduler was away."""

    policy: Annotated[str, Choice(values=("once", "skip", "all"))] = "once"
    grace_seconds: Annotated[int, Whole(low=0)] = 120


class WebhookAuthentication(Shape):
    """How a sender proves itself."""

    type: Annotated[str, Choice(values=("hmac", "bearer", "none"))] = "hmac"


class WebhookConfig(Shape):
    """Who may send, and where to."""

    authentication: Annotated[WebhookAuthentication, Record(model="WebhookAuthentication")] = WebhookAuthentication()
    allowed_sources: Annotated[list[str], texts()] = []
    endpoint: Annotated[str | None, Text()] = None


class EventConfig(Shape):
    """Which messages of a source start a run."""

    event_type: Annotated[list[str], texts()] = []
    event_filter: Annotated[Any, Either(kinds=(Condition(scope="trigger"), Entries(of=Anything())))] = None
    json_schema: Annotated[dict[str, Any] | bool | None, JsonSchema()] = Field(default=None, alias="schema")


class FileWatchConfig(Shape):
    """Which files of a folder start a run."""

    pattern: Annotated[str | None, Text()] = None
    event_types: Annotated[list[str], Items(of=Choice(values=("created", "modified", "deleted")))] = []
    poll_seconds: Annotated[int | None, Whole(low=5)] = None


class Trigger(Shape):
    """One trigger of any type; what another type needs has no effect."""

    type: Annotated[str, Choice(values=TRIGGER_TYPES), REQUIRED] = ""
    schedule: Annotated[str | None, Text()] = None
    timezone: Annotated[str | None, Zone()] = None
    misfire: Annotated[Misfire, Record(model="Misfire")] = Misfire()
    webhook_secret: Annotated[str | None, Text()] = None
    webhook_config: Annotated[WebhookConfig, Record(model="WebhookConfig")] = WebhookConfig()
    event_source: Annotated[str | None, Text()] = None
    event_config: Annotated[EventConfig, Record(model="EventConfig")] = EventConfig()
    file_watch_path: Annotated[str | None, Text()] = None
    file_watch_config: Annotated[FileWatchConfig, Record(model="FileWatchConfig")] = FileWatchConfig()
    input_mapping: Annotated[dict[str, Any] | None, Entries(of=Expression(scope="trigger"), keys=VARIABLES)] = None
    dedupe_window_seconds: Annotated[int, Whole(low=0)] = 0
    dedupe_key: Annotated[str | None, Text(form=T, scope="trigger")] = None
    max_concurrent_runs: Annotated[int | None, Whole(low=1)] = None
    on_overflow: Annotated[str, Choice(values=("drop", "queue"))] = "drop"
    enabled: Annotated[bool, Flag()] = True


TRIGGER_BLOCKS: Final = {
    "schedule": "scheduled",
    "timezone": "scheduled",
    "misfire": "scheduled",
    "webhook_secret": "webhook",
    "webhook_config": "webhook",
    "event_source": "event",
    "event_config": "event",
    "file_watch_path": "file_watch",
    "file_watch_config": "file_watch",
}
"""The fields that belong to one type of trigger."""
