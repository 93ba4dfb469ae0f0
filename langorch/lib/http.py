"""The one way out: every HTTP call to the outside, with its address checked, its time bounded and its answer capped."""

import os
import re
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import httpcore
import structlog
from django.conf import settings

from langorch import __version__
from langorch.lib import egress, ids, wire
from langorch.lib.egress import Kind
from langorch.lib.wire import AddressRefused, CallFailed, TimedOut, TooLarge, Unreachable

__all__ = ["AddressRefused", "Answer", "CallFailed", "Kind", "TimedOut", "TooLarge", "Unreachable", "forget", "send"]

IDLE_SECONDS: Final = 4
"""Common servers close an idle connection after 5 s; we let go of it before."""
MOST_IDLE: Final = 20
NONE: Final[Mapping[str, str]] = MappingProxyType({})

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "accept-encoding"})
_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})
_pools: dict[tuple[Kind, egress.Egress, int], httpcore.ConnectionPool] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever the status: header names in lower case, the body whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def send(
    method: str,
    url: str,
    *,
    kind: Kind,
    seconds: float,
    headers: Mapping[str, str] = NONE,
    body: bytes | None = None,
    look: Callable[[], None] | None = None,
) -> Answer:
    """Call `url` and return the answer, redirects included (protocols 1).

    `seconds` bound the whole call. `look` is called at least every 50 ms while it waits, and what it raises cuts the
    call and closes its socket. Raises `AddressRefused`, `Unreachable`, `TimedOut` and `TooLarge`.
    """
    call = wire.Call(seconds, look)
    request = _request(method, url, headers, body)
    with wire.calling(call):
        try:
            return _answer(_pool(kind).handle_request(request))
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Unreachable(f"the connection broke: {error}", sent=call.sent) from error


def forget() -> None:
    """Close every connection of this process."""
    while _pools:
        _pools.popitem()[1].close()


def _pool(kind: Kind) -> httpcore.ConnectionPool:
    key = (kind, settings.EGRESS, os.getpid())
    return _pools.get(key) or _pools.setdefault(key, _new_pool(kind, settings.EGRESS))


def _new_pool(kind: Kind, allowed: egress.Egress) -> httpcore.ConnectionPool:
    return httpcore.ConnectionPool(
        ssl_context=ssl.create_default_context(),
        max_connections=None,
        max_keepalive_connections=MOST_IDLE,
        keepalive_expiry=IDLE_SECONDS,
        network_backend=wire.Backend(kind, allowed),
    )


def _request(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> httpcore.Request:
    try:
        target = egress.read(url)
    except egress.Forbidden as error:
        raise AddressRefused(str(error)) from None
    content = b"" if body is None and method in _WITH_BODY else body
    length = {} if content is None else {"content-length": str(len(content))}
    sent = {"host": target.authority, **_always(), **_checked(headers), "accept-encoding": "identity", **length}
    return httpcore.Request(
        method,
        httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path),
        headers=[(name, value.encode("latin-1")) for name, value in sent.items()],
        content=content,
    )


def _always() -> dict[str, str]:
    bound = structlog.contextvars.get_contextvars()
    trace = str(bound.get("trace_id"))
    return {
        "user-agent": f"LangOrch/{__version__}",
        "accept": "*/*",
        "traceparent": f"00-{trace if _TRACE.fullmatch(trace) else ids.token(16)}-{ids.token(8)}-00",
        "x-request-id": str(bound.get("request_id") or ids.uuid7()),
    }


def _checked(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if name.lower() in _OURS or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise AddressRefused(f"the header {name!r} cannot be sent")
    return {name.lower(): value for name, value in headers.items()}


def _answer(response: httpcore.Response) -> Answer:
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    try:
        _readable(headers)
        return Answer(response.status, MappingProxyType(headers), _body(response))
    finally:
        response.close()


def _readable(headers: Mapping[str, str]) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Unreachable("the answer is compressed, which was not asked for", sent=True)


def _body(response: httpcore.Response) -> bytes:
    limit = settings.ENV.MAX_RESPONSE_BYTES
    body = bytearray()
    for part in response.iter_stream():
        body += part
        if len(body) > limit:
            raise TooLarge(f"the answer is over {limit} bytes (MAX_RESPONSE_BYTES)")
    return bytes(body)
