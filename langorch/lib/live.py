"""Wake-ups for open pages and streams. They carry names and numbers only, never content."""

import asyncio
import threading
from concurrent.futures import Future
from functools import cache
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import transaction

log = structlog.get_logger(__name__)

GATHERED_SECONDS = 0.025
_server_loop: asyncio.AbstractEventLoop | None = None
_soon: dict[str, dict[str, Any]] = {}
_gate = threading.Lock()


def serve_from(loop: asyncio.AbstractEventLoop | None) -> None:
    """Name the loop of the server in this process; worker threads hand their wake-ups to it."""
    global _server_loop
    _server_loop = loop


def announce(group: str, **message: Any) -> None:
    """Tell everybody in `group` to look again, once the present transaction is committed."""
    transaction.on_commit(lambda: tell(group, **message))


def announce_soon(group: str, **message: Any) -> None:
    """Like `announce`, for what changes many times a second."""
    transaction.on_commit(lambda: tell_soon(group, **message))


def tell(group: str, **content: Any) -> None:
    """Tell everybody in `group` to look again, now: for what is committed already. Does not wait for it to be sent."""
    message = {"type": "wake", **content}
    layer = get_channel_layer()
    if layer is None:
        return
    if _server_loop is None and isinstance(layer, InMemoryChannelLayer):
        async_to_sync(layer.group_send)(group, message)
        return
    sending = asyncio.run_coroutine_threadsafe(layer.group_send(group, message), _server_loop or own_loop())
    sending.add_done_callback(_note_loss)


def tell_soon(group: str, **content: Any) -> None:
    """Like `tell`, for what changes many times a second: the latest content goes out after `GATHERED_SECONDS`."""
    layer = get_channel_layer()
    if layer is None or (_server_loop is None and isinstance(layer, InMemoryChannelLayer)):
        return tell(group, **content)
    with _gate:
        first = not _soon
        _soon[group] = content
    if first:
        loop = _server_loop or own_loop()
        loop.call_soon_threadsafe(loop.call_later, GATHERED_SECONDS, _tell_gathered)
    return None


def _tell_gathered() -> None:
    with _gate:
        gathered = dict(_soon)
        _soon.clear()
    for group, content in gathered.items():
        tell(group, **content)


@cache
def own_loop() -> asyncio.AbstractEventLoop:
    """A loop in a thread of its own, for processes without a server: making one per message costs milliseconds."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="live", daemon=True).start()
    return loop


def _note_loss(sending: Future[None]) -> None:
    if not sending.cancelled() and (error := sending.exception()):
        log.warning("wake_up_lost", error=str(error))
