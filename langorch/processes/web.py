"""The web server of a process: daphne on one address, for pages, API and sockets."""

import socket
from collections.abc import Callable

from channels.routing import get_default_application
from daphne.server import Server, twisted_loop
from django.conf import settings

from langorch.lib import live
from langorch.settings.env import ConfigurationFault


class WebServer:
    """Serves the portal from the calling thread until it is told to stop."""

    def __init__(self) -> None:
        self.host, self.port = settings.ENV.HOST, settings.ENV.PORT
        interface = self.host.replace(":", "\\:")
        self._server = Server(
            application=get_default_application(),
            endpoints=[f"tcp:port={self.port}:interface={interface}"],
            signal_handlers=False,
            server_name="langorch",
        )

    def require_free_address(self) -> None:
        """Raise `ConfigurationFault` when somebody else listens on our address."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        try:
            socket.create_server((self.host, self.port), family=family).close()
        except OSError as error:
            reason = f"cannot listen on {self.host}:{self.port}: {error.strerror}. Choose another with PORT=..."
            raise ConfigurationFault([reason]) from None

    def serve(self, on_ready: Callable[[], None]) -> None:
        """Listen, call `on_ready`, and serve until `stop`."""
        live.serve_from(twisted_loop)
        self._server.ready_callable = on_ready
        self._server.run()

    def stop(self) -> None:
        """Stop serving; safe from a signal handler."""
        twisted_loop.call_soon_threadsafe(self._server.stop)
