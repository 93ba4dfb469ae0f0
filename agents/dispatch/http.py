"""Calling an agent over HTTP (protocols 2): the request, and what becomes of every kind of answer."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings

from agents.dispatch import replies
from agents.dispatch.base import Call, CallFault, Replied
from langorch.lib import clock, http

Look = Callable[[], None]
CANNOT: Final = (404, 405, 501)
SIGNAL_SECONDS: Final = 5.0
_PLAIN: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


def execute(base_url: str, call: Call, seconds: float, look: Look) -> Replied:
    """Send an attempt and wait for its answer, at most `seconds`. Raises `CallFault`, and what `look` raises."""
    try:
        answer = http.send(
            "POST",
            f"{base_url}/execute",
            kind="agent",
            seconds=seconds,
            headers=_headers(call),
            body=json.dumps(_body(call), ensure_ascii=False, allow_nan=False).encode(),
            look=look,
        )
    except http.CallFailed as error:
        raise _fault(error) from None
    strict = settings.ENV.AGENT_STRICT_RESPONSE_SCHEMA
    return replies.read(answer.status, answer.headers, answer.body, clock.now(), strict=strict)


def signal(base_url: str, name: str, content: Mapping[str, Any]) -> bool:
    """Send a signal such as cancel; whether the agent understands it. Raises `http.CallFailed`."""
    body = json.dumps(content).encode()
    headers = {"Content-Type": "application/json"}
    answer = http.send("POST", f"{base_url}/{name}", kind="agent", seconds=SIGNAL_SECONDS, headers=headers, body=body)
    return answer.status not in CANNOT


def healthy(base_url: str) -> bool | None:
    """Whether an agent says that it is well; none when it cannot say."""
    try:
        answer = http.send("GET", f"{base_url}/health", kind="agent", seconds=SIGNAL_SECONDS)
    except http.CallFailed:
        return False
    return None if answer.status in CANNOT else answer.status == 200


def _headers(call: Call) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "X-Run-ID": str(call.run_id),
        "X-Node-ID": call.node_id,
        "X-Step-ID": call.step_id,
        "Idempotency-Key": quote(call.idempotency_key, safe=_PLAIN),
        "X-LangOrch-Dispatch-Id": str(call.dispatch_id),
        "traceparent": _trace(call),
    }


def _trace(call: Call) -> str:
    """All calls of a run are one trace, each attempt a span of it."""
    return f"00-{call.run_id.hex}-{call.dispatch_id.hex[-16:]}-00"


def _body(call: Call) -> dict[str, Any]:
    return {
        "action": call.action.strip(),
        "params": call.params,
        "run_id": str(call.run_id),
        "node_id": call.node_id,
        "step_id": call.step_id,
        "attempt": call.attempt,
        "idempotency_key": call.idempotency_key,
        "deadline": call.deadline.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "traceparent": _trace(call),
        "dispatch_id": str(call.dispatch_id),
        "path": call.path,
    }


def _fault(error: http.CallFailed) -> CallFault:
    if isinstance(error, http.TimedOut):
        return CallFault("timeout", "The agent did not answer in time.", sick=True, sent=error.sent)
    if isinstance(error, http.AddressRefused):
        return CallFault("agent_unreachable", f"The agent was not called: {error}", sent=False, retryable=False)
    if isinstance(error, http.TooLarge):
        return CallFault("result_too_large", f"The agent's answer is too large: {error}")
    sent = error.sent if isinstance(error, http.Unreachable) else True
    return CallFault("agent_unreachable", f"The agent cannot be reached: {error}", sick=True, sent=sent)
