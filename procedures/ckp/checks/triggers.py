"""Triggers (CKP130 to CKP137)."""

import re
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final

from procedures.ckp.checks.subject import Subject
from procedures.ckp.cron import CronFault, read_schedule
from procedures.ckp.document.triggers import Trigger
from procedures.ckp.report import Path

_NEEDED: Final = {"scheduled": "schedule", "event": "event_source", "file_watch": "file_watch_path"}
_RUN_EVENTS: Final = frozenset({"run_completed", "run_failed"})
SCHEMES: Final = ("kafka", "sqs", "redis", "amqp", "nats")
_FILE_INPUTS: Final = ("file_watch_path", "file_mtime", "file_size")
_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_SOURCE_REST: Final = re.compile(r"[A-Za-z0-9._:/@+*>%-]+")
_ENDPOINT: Final = re.compile(r"/?[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")


def all_triggers(subject: Subject) -> Iterator[tuple[Trigger, Path]]:
    """The triggers of the document with their places."""
    if subject.document.trigger:
        yield subject.document.trigger, ("trigger",)
    for index, trigger in enumerate(subject.document.triggers):
        yield trigger, ("triggers", index)


def needed_fields(subject: Subject) -> None:
    """CKP130, and CKP135 for a webhook that anybody may call."""
    for trigger, place in all_triggers(subject):
        needed = _NEEDED.get(trigger.type)
        if needed and subject.lacks(place, needed):
            subject.report("CKP130", place, f"A trigger of type {trigger.type} needs '{needed}'.")
        if trigger.type != "webhook":
            continue
        if trigger.webhook_config.authentication.type == "none":
            where = (*place, "webhook_config", "authentication", "type")
            subject.report("CKP135", where, "The webhook has no authentication: anybody can start runs.")
        elif subject.lacks(place, "webhook_secret"):
            subject.report("CKP130", place, "A webhook needs 'webhook_secret', the name of the secret with its key.")


def schedules_fire(subject: Subject) -> None:
    """CKP131 and CKP132."""
    for trigger, place in all_triggers(subject):
        if trigger.type != "scheduled" or not trigger.schedule:
            continue
        try:
            schedule = read_schedule(trigger.schedule)
        except CronFault as fault:
            hint = "Write minute, hour, day, month, weekday: 0 9 * * 1-5."
            subject.report("CKP131", (*place, "schedule"), f"The schedule cannot be read: {fault}.", hint=hint)
            continue
        if not schedule.fires:
            subject.report("CKP132", (*place, "schedule"), "The schedule names days that do not exist; it never fires.")


def inputs_are_supplied(subject: Subject) -> None:
    """CKP133."""
    schema = subject.document.variables_schema
    required = [name for name, meta in schema.items() if meta.required and not meta.has_default]
    for trigger, place in all_triggers(subject):
        if trigger.type in ("", "manual") or (trigger.input_mapping is None and trigger.type in ("webhook", "event")):
            continue
        supplied = _FILE_INPUTS if trigger.input_mapping is None and trigger.type == "file_watch" else ()
        missing = [name for name in required if name not in (trigger.input_mapping or supplied)]
        if missing:
            message = f"This trigger supplies no value for the required {', '.join(missing)}."
            subject.report("CKP133", place, message, hint="Map it in input_mapping, or give it a default.")


def mappings_are_declared(subject: Subject) -> None:
    """CKP134."""
    schema = subject.document.variables_schema
    for trigger, place in all_triggers(subject):
        for name in trigger.input_mapping or {}:
            if name not in schema:
                near = subject.report.nearest(name, schema)
                hint = f"Did you mean '{near}'?" if near else "Declare it in variables_schema."
                message = f"'{name}' is not a declared variable."
                subject.report("CKP134", (*place, "input_mapping", name), message, hint=hint)


def sources_are_known(subject: Subject) -> None:
    """CKP136, and CKP137 for what a known scheme cannot name."""
    for trigger, place in all_triggers(subject):
        if trigger.type != "event" or not trigger.event_source or trigger.event_source in _RUN_EVENTS:
            continue
        source = trigger.event_source
        where = (*place, "event_source")
        url = _URL.fullmatch(source)
        if url is None or url[1].lower() not in SCHEMES:
            known = ", ".join([*(f"{scheme}://" for scheme in SCHEMES), *sorted(_RUN_EVENTS)])
            subject.report("CKP136", where, f"'{source[:80]}' is no event source.", hint=f"Known are {known}.")
        elif not _SOURCE_REST.fullmatch(url[2]):
            message = f"'{source[:80]}' names no topic or queue."
            subject.report("CKP137", where, message, hint=f"Write {url[1]}://name.")


def addresses_are_well_formed(subject: Subject) -> None:
    """CKP137 for paths, networks and the suffix of an address."""
    for trigger, place in all_triggers(subject):
        if trigger.type == "file_watch" and trigger.file_watch_path:
            _check_path(subject, trigger.file_watch_path, (*place, "file_watch_path"))
        if trigger.type != "webhook":
            continue
        for index, network in enumerate(trigger.webhook_config.allowed_sources):
            if not _is_network(network):
                where = (*place, "webhook_config", "allowed_sources", index)
                subject.report("CKP137", where, f"'{network[:80]}' is no network.", hint="Write it as 10.0.0.0/8.")
        endpoint = trigger.webhook_config.endpoint
        if endpoint is not None and not _ENDPOINT.fullmatch(endpoint):
            where = (*place, "webhook_config", "endpoint")
            subject.report("CKP137", where, f"'{endpoint[:80]}' is no suffix of an address.")


def _check_path(subject: Subject, path: str, place: Path) -> None:
    url = _URL.fullmatch(path)
    rest = url[2] if url else path
    if not rest.strip("/") or ".." in rest.split("/") or rest != rest.strip():
        subject.report("CKP137", place, f"'{path[:80]}' is no folder and no storage URL.")


def _is_network(text: Any) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True
