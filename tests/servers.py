"""Small servers on this machine for tests of outgoing calls."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Request:
    """What a server saw: header names in lower case, and the caller's port, which tells connections apart."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class Server:
    """Answers every request by `reply(request)` and remembers it."""

    def __init__(self, reply: Callable[[Request], Reply], host: str = "127.0.0.1", port: int = 0) -> None:
        self.requests: list[Request] = []
        self.reply = reply
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        kind = type("_Server", (ThreadingHTTPServer,), {"address_family": family, "daemon_threads": True})
        self.http = kind((host, port), self._handler())
        self.port = self.http.server_address[1]
        self.url = f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, body, self.client_address[1])
                server.requests.append(request)
                reply = server.reply(request)
                with suppress(ConnectionError):
                    self.send_response(reply.status)
                    for name, value in {"content-length": str(len(reply.body)), **reply.headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(reply.body)

            do_GET = do_POST = do_PUT = do_DELETE = handle_one

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def serving(
    reply: Callable[[Request], Reply] = lambda request: Reply(), host: str = "127.0.0.1", port: int = 0
) -> Iterator[Server]:
    """A server in a thread of its own, gone after the block."""
    server = Server(reply, host, port)
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()


@contextmanager
def raw(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port where each connection is handed to `talk` in a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=_talk, args=(talk, connection), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _talk(talk: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection, suppress(OSError):
        talk(connection)
