"""Structured logs: one line per happening, with the ids of request, run, node and step bound by context."""

from collections.abc import MutableMapping
from typing import Any

import structlog

from langorch.lib import redaction

HEADERS_IN_DEBUG = ("boto3", "botocore", "s3transfer", "urllib3")
"""Libraries that write the headers of their calls at DEBUG, session tokens among them."""
SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def masked(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A line without secret values, known ones and those under telling names."""
    return {name: _shown(name, value) for name, value in line.items()}


def _shown(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if redaction.SEEN.hides(name, value):
        return redaction.REDACTED
    if not isinstance(value, str | list | tuple | dict):
        return redaction.SEEN.text(str(value))
    try:
        return redaction.SEEN.redact(value)
    except TypeError:
        return redaction.SEEN.text(str(value))


def configure(style: str, level: str) -> dict[str, Any]:
    """Set structlog up and return Django's LOGGING; `style` is text or json."""
    structlog.configure(
        processors=[
            *SHARED,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    renderer: Any = structlog.processors.JSONRenderer() if style == "json" else plain
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            masked,
            renderer,
        ],
        "foreign_pre_chain": SHARED,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "daphne": {"level": "WARNING"},
            "django.server": {"level": "WARNING"},
            "django.channels.server": {"level": "WARNING"},
            "django_structlog": {"level": "WARNING" if style == "text" else level},
            "celery": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
            **{name: {"level": "WARNING"} for name in HEADERS_IN_DEBUG},
        },
    }
