"""Wake-ups for open pages and streams. They carry names and numbers only, never content."""

import asyncio
from typing import Any

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

log = structlog.get_logger(__name__)

_server_loop: asyncio.AbstractEventLoop | None = None


def serve_from(loop: asyncio.AbstractEventLoop | None) -> None:
    """Name the loop of the server in this process; worker threads hand their wake-ups to it."""
    global _server_loop
    _server_loop = loop


def announce(group: str, **message: Any) -> None:
    """Tell everybody in `group` to look again, once the present transaction is committed."""
    transaction.on_commit(lambda: tell(group, **message))


def tell(group: str, **content: Any) -> None:
    """Tell everybody in `group` to look again, now: for what is committed already."""
    message = {"type": "wake", **content}
    layer = get_channel_layer()
    if layer is None:
        return
    if _server_loop is not None:
        asyncio.run_coroutine_threadsafe(layer.group_send(group, message), _server_loop)
        return
    try:
        async_to_sync(layer.group_send)(group, message)
    except OSError as error:
        log.warning("wake_up_lost", group=group, error=str(error))
