"""CKP130 to CKP137: what starts runs."""

from typing import Any

from tests.unit.ckp.catalogue.case import Case, error, warning
from tests.unit.ckp.compiling import doc

HOOK = {"type": "webhook", "webhook_secret": "hook"}
DAILY = {"type": "scheduled", "schedule": "@daily"}


def by(type_name: str, **fields: Any) -> dict[str, Any]:
    """A document with a trigger."""
    return doc(trigger={"type": type_name, **fields})


def at_times(schedule: str) -> dict[str, Any]:
    """A document with a schedule."""
    return by("scheduled", schedule=schedule)


def watching(path: str) -> dict[str, Any]:
    """A document that watches a folder."""
    return by("file_watch", file_watch_path=path)


def listening(source: str) -> dict[str, Any]:
    """A document that listens to a source."""
    return by("event", event_source=source)


def hooked(**config: Any) -> dict[str, Any]:
    """A document with a webhook."""
    return doc(trigger={**HOOK, "webhook_config": config})


def needing(trigger: dict[str, Any], **meta: Any) -> dict[str, Any]:
    """A document with a trigger and an input, which is required."""
    return doc(trigger=trigger, variables_schema={"v": {"required": True, **meta}}, outputs_schema={"v": {}})


def misread(what: str, beyond: str, within: str) -> Case:
    """A schedule that cannot be read."""
    return error("CKP131", what, "/trigger/schedule", at_times(beyond), at_times(within))


NEEDED: list[Case] = [
    error("CKP130", "schedule", "/trigger", by("scheduled"), at_times("@daily")),
    error("CKP130", "source", "/trigger", by("event"), listening("run_failed")),
    error("CKP130", "path", "/trigger", by("file_watch"), watching("in")),
    error("CKP130", "secret", "/trigger", by("webhook"), doc(trigger=HOOK)),
    error(
        "CKP130",
        "in a list",
        "/triggers/1",
        *(doc(triggers=[{"type": "manual"}, t]) for t in ({"type": "event"}, DAILY)),
    ),
    misread("four fields", "* * * *", "* * * * *"),
    misread("minute", "60 * * * *", "59 * * * *"),
    misread("hour", "0 24 * * *", "0 23 * * *"),
    misread("day", "0 0 0 * *", "0 0 1 * *"),
    misread("month", "0 0 1 JEN *", "0 0 1 JAN *"),
    misread("weekday", "0 0 * * 8", "0 0 * * 7"),
    misread("backwards", "0 9-8 * * *", "0 8-9 * * *"),
    misread("step of nothing", "*/0 * * * *", "*/1 * * * *"),
    misread("alias", "@dayly", "@daily"),
    error("CKP132", "30 February", "/trigger/schedule", at_times("0 0 30 2 *"), at_times("0 0 29 2 *")),
    error("CKP132", "31 in short months", "/trigger/schedule", at_times("0 0 31 4,6 *"), at_times("0 0 31 4,7 *")),
    error("CKP132", "no weekday beside it", "/trigger/schedule", at_times("0 0 30 2 *"), at_times("0 0 30 2 1")),
]

SUPPLIED: list[Case] = [
    warning("CKP133", "schedule", "/trigger", needing(DAILY), needing(DAILY | {"input_mapping": {"v": "1"}})),
    warning("CKP133", "optional", "/trigger", needing(DAILY), needing(DAILY, required=False)),
    warning("CKP133", "webhook with a mapping", "/trigger", needing(HOOK | {"input_mapping": {}}), needing(HOOK)),
    warning(
        "CKP133",
        "file",
        "/trigger",
        *(
            doc(
                trigger={"type": "file_watch", "file_watch_path": "in"},
                variables_schema={name: {"required": True}},
                outputs_schema={name: {}},
            )
            for name in ("path", "file_watch_path")
        ),
    ),
    error(
        "CKP134",
        "undeclared",
        "/trigger/input_mapping/ordr",
        *(
            doc(
                trigger={**HOOK, "input_mapping": {name: "trigger.payload.id"}},
                variables_schema={"order": {}},
                outputs_schema={"order": {}},
            )
            for name in ("ordr", "order")
        ),
        hint="Did you mean 'order'?",
    ),
    warning(
        "CKP135",
        "open to all",
        "/trigger/webhook_config/authentication/type",
        by("webhook", webhook_config={"authentication": {"type": "none"}}),
        hooked(authentication={"type": "bearer"}),
    ),
    error("CKP136", "scheme", "/trigger/event_source", listening("kafca://t"), listening("kafka://t")),
    error("CKP136", "event", "/trigger/event_source", listening("run_complete"), listening("run_completed")),
    error("CKP137", "source without a name", "/trigger/event_source", listening("sqs://"), listening("sqs://q")),
    error("CKP137", "blank in a source", "/trigger/event_source", listening("nats://a b"), listening("nats://a.b")),
    error("CKP137", "way out of a folder", "/trigger/file_watch_path", watching("in/../x"), watching("in/..x")),
    error("CKP137", "storage without a name", "/trigger/file_watch_path", watching("s3://"), watching("s3://b")),
    error(
        "CKP137",
        "network",
        "/trigger/webhook_config/allowed_sources/0",
        hooked(allowed_sources=["10.0.0.0/33"]),
        hooked(allowed_sources=["10.0.0.0/32"]),
    ),
    error("CKP137", "address", "/trigger/webhook_config/endpoint", hooked(endpoint="in?x"), hooked(endpoint="in/x")),
]

CASES: list[Case] = [*NEEDED, *SUPPLIED]
