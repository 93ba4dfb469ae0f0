"""Pages, API and sockets for an ASGI server."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

from langorch import settings

settings.choose()
pages = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402  (Django must be set up first)
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

from langorch.lib import live  # noqa: E402
from orchestration.routing import websocket_urlpatterns  # noqa: E402

_router = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter(websocket_urlpatterns))),
    }
)

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Serve one connection; from the first one on, worker threads of this process wake readers through our loop."""
    live.serve_from(asyncio.get_running_loop())
    await _router(scope, receive, send)
