"""Aliases of secrets (CKP311, CKP312)."""

from collections.abc import Iterator

from procedures.ckp.checks.subject import Subject
from procedures.ckp.checks.triggers import all_triggers
from procedures.ckp.document.nodes import ProcessingNode
from procedures.ckp.report import Path


def aliases(subject: Subject) -> Iterator[tuple[str, Path, int | None]]:
    """Every alias that calls, operations and webhooks name, with its place and offset."""
    for use in subject.uses.all():
        for secret in use.compiled.secrets if use.place.scope == "call" else ():
            yield secret.alias, use.path, secret.offset
    for _, step, place in subject.steps:
        if isinstance(step.parameters.get("key_reference"), str) and step.action in ("hash", "encrypt", "decrypt"):
            yield step.parameters["key_reference"], (*place, "key_reference"), None
    for _, node, place in subject.nodes_of(ProcessingNode):
        for index, operation in enumerate(node.operations):
            if isinstance(operation.parameters.get("key_reference"), str):
                yield operation.parameters["key_reference"], (*place, "operations", index, "key_reference"), None
    for trigger, place in all_triggers(subject):
        if trigger.type == "webhook" and trigger.webhook_secret:
            yield trigger.webhook_secret, (*place, "webhook_secret"), None


def aliases_are_listed(subject: Subject) -> None:
    """CKP311; the name of a webhook's secret is the catalogue's own."""
    listed = subject.document.global_config.secrets_config.secret_references
    for alias, place, offset in aliases(subject):
        if alias not in listed and place[-1] != "webhook_secret":
            near = subject.report.nearest(alias, listed)
            hint = f"Did you mean '{near}'?" if near else "List it in secrets_config.secret_references."
            message = f"'{alias}' is not in secret_references; it is looked up under its own name."
            subject.report("CKP311", place, message, hint=hint, offset=offset)


def aliases_are_known(subject: Subject) -> None:
    """CKP312."""
    config = subject.document.global_config.secrets_config
    for alias, place, offset in aliases(subject):
        if subject.registry.has_secret(config, alias) is False:
            message = f"Neither catalogue nor provider knows the secret '{alias}' now."
            subject.report("CKP312", place, message, offset=offset)
