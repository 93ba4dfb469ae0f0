"""Reading what agents reply: the table of protocols 2. Pure."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from agents.dispatch.base import CallFault, Replied

KEPT_OF_BODY: Final = 2_048
LONGEST_DELAY: Final = 31 * 86_400
"""Seconds that are read of a wish to wait, however large it is."""
BUSY: Final = (429, 503)
LATE: Final = (408, 504)


def read(status: int, headers: Mapping[str, str], body: bytes, now: datetime, *, strict: bool) -> Replied:
    """The answer. Raises `CallFault`. Without `strict` a body against the protocol is taken as a success."""
    if status != 200:
        raise _refused(status, headers, body, now)
    try:
        reply = json.loads(body, parse_constant=_no_json)
    except (ValueError, RecursionError):
        reply = None
    said = reply.get("status") if isinstance(reply, dict) else None
    if said == "error":
        raise _error(reply)
    if said != "success":
        return _loose(reply, said, body, strict=strict)
    return Replied(reply.get("result"), reply.get("artifacts"), _text(reply.get("capabilities_version")))


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds from the header Retry-After: a number, or a date of HTTP; none for anything else."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_DELAY)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0)


def _error(reply: Mapping[str, Any]) -> CallFault:
    types = reply.get("error_type")
    named = types if isinstance(types, list) else [types]
    return CallFault(
        "agent_error",
        _text(reply.get("error")) or "The agent says that it failed.",
        error_type=",".join(one for one in named if isinstance(one, str)),
        retryable=False if reply.get("retryable") is False else None,
        retry_after=_seconds(reply.get("retry_after")),
        artifacts=reply.get("artifacts"),
    )


def _loose(reply: Any, said: Any, body: bytes, *, strict: bool) -> Replied:
    if not strict:
        if isinstance(reply, dict):
            return Replied(reply.get("result", reply))
        return Replied(reply if reply is not None else body.decode(errors="replace"))
    status = "no status" if said is None else f"status {json.dumps(said, ensure_ascii=False)[:80]}"
    fault = status if isinstance(reply, dict) else "no JSON object"
    raise CallFault("agent_protocol", f"The agent's reply has {fault}.", details=_kept(body), sick=True)


def _refused(status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> CallFault:
    details, delay = _kept(body), retry_after(headers.get("retry-after"), now)
    if status in BUSY:
        message = f"The agent is busy (HTTP {status})."
        return CallFault("agent_busy", message, http_status=status, retry_after=delay, sick=status >= 500)
    if status in LATE:
        return CallFault("timeout", f"The agent was too slow (HTTP {status}).", http_status=status, sick=True)
    if status >= 500:
        message = f"The agent failed (HTTP {status})."
        return CallFault(
            "agent_unreachable", message, http_status=status, retry_after=delay, details=details, sick=True
        )
    if 200 < status < 300:
        message = f"The agent answered HTTP {status} instead of 200."
        return CallFault("agent_protocol", message, http_status=status, details=details, sick=True)
    redirects = f"The agent sends elsewhere (HTTP {status}), and redirects are not followed."
    message = redirects if status < 400 else f"The agent refused the call (HTTP {status})."
    return CallFault("agent_rejected", message, http_status=status, details=details)


def _kept(body: bytes) -> dict[str, str]:
    return {"body": body[:KEPT_OF_BODY].decode(errors="replace")} if body else {}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _seconds(value: Any) -> float | None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return float(min(value, LONGEST_DELAY)) if number else None


def _no_json(name: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not know."""
    raise ValueError(name)
