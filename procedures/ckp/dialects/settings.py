"""Older names in settings, variables, metadata and triggers."""

from typing import Any, Final

from procedures.ckp.dialects.rewriter import Members, Rewriter
from procedures.ckp.report import Path

_PROVIDERS: Final = {
    "env_vars": "env",
    "environment": "env",
    "hashicorp_vault": "vault",
    "aws_secrets": "aws",
    "aws_secrets_manager": "aws",
    "azure_keyvault": "azure",
    "azure_key_vault": "azure",
    "database": "db",
    "catalog": "db",
    "platform": "db",
}
_TYPES: Final = {
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
    "text": "string",
}
_BROKERS: Final = {"kafka": "kafka", "sqs": "sqs", "redis": "redis", "rabbitmq": "amqp", "amqp": "amqp", "nats": "nats"}


def global_config(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Retry policy and checkpoint strategy."""
    rewriter.rename(members, path, "default_retry", "retry_policy")
    rewriter.respell(members, path, "checkpoint_strategy", {"full": "every_node", "disabled": "none"})


def rate_limiting(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Calls at once."""
    rewriter.rename(members, path, "max_concurrent", "max_concurrent_operations")


def secrets_config(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Provider names."""
    rewriter.rename(members, path, "type", "provider")
    rewriter.respell(members, path, "provider", _PROVIDERS)


def variable_sections(rewriter: Rewriter, tree: Members) -> None:
    """`{required: {…}, optional: {…}}` becomes one flat object; it is a spelling, not an alias."""
    schema = tree.get("variables_schema")
    if not (isinstance(schema, dict) and schema and schema.keys() <= {"required", "optional"}):
        return
    if not all(_is_section(section) for section in schema.values()):
        return
    flat: Members = {}
    for section, entries in schema.items():
        for name, meta in entries.items():
            origin: Path = ("variables_schema", section, name)
            if name in flat:
                rewriter.origins[("variables_schema", section)] = ("variables_schema", section)
                rewriter.report("CKP002", origin, f"The variable '{name}' is declared twice.")
                continue
            flat[name] = {**meta, "required": True} if section == "required" else meta
            rewriter.origins[("variables_schema", name)] = origin
    tree["variables_schema"] = flat


def _is_section(section: Any) -> bool:
    return isinstance(section, dict) and all(isinstance(meta, dict) for meta in section.values())


def variable(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Types, and `sensitive` among the constraints."""
    rewriter.respell(members, path, "type", _TYPES)
    rules = members.get("validation")
    if isinstance(rules, dict) and "sensitive" in rules:
        rewriter.move((*path, "validation.sensitive"), (*path, "validation", "sensitive"))
        rewriter.put(members, path, "validation.sensitive", "sensitive", rules.pop("sensitive"))


def retrieval_metadata(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Intents and domain."""
    rewriter.rename(members, path, "primary_intents", "intents")
    rewriter.rename(members, path, "business_domain", "domain")


def release(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Channel names."""
    rewriter.respell(members, path, "channel", {"staging": "qa", "production": "prod"})


def trigger(rewriter: Rewriter, members: Members, path: Path) -> None:
    """Source, path and secret, which may stand deeper; a block of its own type keeps what is left."""
    type_name = members.get("type")
    if type_name == "event":
        _event(rewriter, members, path)
    if type_name == "file_watch":
        for block in ("file_watch", "file"):
            _lift(rewriter, members, path, (block, "path"), "file_watch_path")
            _merge(rewriter, members, path, block, "file_watch_config")
        _lift(rewriter, members, path, ("file_watch_config", "path"), "file_watch_path")
    if type_name == "webhook":
        _lift(rewriter, members, path, ("webhook_config", "authentication", "secret"), "webhook_secret")


def _event(rewriter: Rewriter, members: Members, path: Path) -> None:
    _lift(rewriter, members, path, ("event", "source"), "event_source")
    event = members.get("event")
    if isinstance(event, dict) and isinstance(event.get("provider"), str):
        queue = next((key for key in ("topic", "queue", "queue_name") if isinstance(event.get(key), str)), None)
        if queue is not None:
            provider = event.pop("provider")
            source = f"{_BROKERS.get(provider.lower(), provider)}://{event.pop(queue)}"
            rewriter.put(members, path, "event", "event_source", source)
    _lift(rewriter, members, path, ("event_config", "event_source"), "event_source")
    _merge(rewriter, members, path, "event", "event_config")


def _lift(rewriter: Rewriter, members: Members, path: Path, below: tuple[str, ...], name: str) -> None:
    """Takes a key out of inner objects."""
    holder: Any = members
    for key in below[:-1]:
        holder = holder.get(key)
        if not isinstance(holder, dict):
            return
    if below[-1] in holder:
        alias = ".".join(below)
        rewriter.move((*path, alias), (*path, *below))
        rewriter.put(members, path, alias, name, holder.pop(below[-1]))


def _merge(rewriter: Rewriter, members: Members, path: Path, block: str, name: str) -> None:
    """What is left of an older block goes to the one of its type."""
    left = members.get(block)
    if isinstance(left, dict):
        del members[block]
        if left:
            rewriter.put(members, path, block, name, left)
