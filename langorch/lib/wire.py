"""One outgoing call on its socket: names resolved once, addresses checked, waits that look up and end in time."""

import errno
import os
import queue
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, TypeVar

import httpcore

from langorch.lib import clock
from langorch.lib.egress import Address, Egress, Forbidden, Kind, literal

CONNECT_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.04
"""How long a call waits at most before it looks up again; callers are promised 50 ms."""
QUICK_ACK: Final = getattr(socket, "TCP_QUICKACK", None)
"""Linux only."""

Resolver = Callable[[str, int], list[str]]
Look = Callable[[], None]
T = TypeVar("T")


class CallFailed(Exception):
    """A call to the outside brought no answer. `message` is for people and names neither path nor query."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AddressRefused(CallFailed):
    """Not allowed for this kind of call; nothing was sent."""


class Unreachable(CallFailed):
    """The name, the connection or the protocol failed. `sent`: the request may have arrived."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class TimedOut(CallFailed):
    """The time of the whole call is over. `sent`: the request may have arrived."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class TooLarge(CallFailed):
    """The answer is over MAX_RESPONSE_BYTES."""


class Call:
    """The limits of one call: `seconds` in all, and `look`, which may end it by raising."""

    def __init__(self, seconds: float, look: Look | None) -> None:
        self.sent = False
        self._seconds = seconds
        self._end = clock.monotonic() + seconds
        self._look = look
        self._next_look = clock.monotonic() + LOOK_SECONDS

    def check(self) -> None:
        """Raises what `look` raises, and `TimedOut` when the time is over."""
        now = clock.monotonic()
        if self._look is not None and now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._look()
        if now >= self._end:
            raise TimedOut(f"no complete answer within {self._seconds:g} s", sent=self.sent)

    def wait(self, sock: socket.socket, event: int, until: float | None = None) -> None:
        """Return when the socket is ready for `event`. Raises as `check`, and `Unreachable` after `until`."""
        poller = select.poll()
        poller.register(sock, event)
        while not poller.poll(self.pause(until) * 1000):
            pass

    def pause(self, until: float | None = None) -> float:
        """Seconds to wait before the next look. Raises as `wait`."""
        self.check()
        now = clock.monotonic()
        if until is not None and now >= until:
            raise Unreachable(f"no connection within {CONNECT_SECONDS:g} s", sent=self.sent)
        return max(0.001, min(LOOK_SECONDS, self._end - now, LOOK_SECONDS if until is None else until - now))


def _by_system(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


_call: ContextVar[Call] = ContextVar("call")
_resolver: ContextVar[Resolver] = ContextVar("resolver", default=_by_system)


@contextmanager
def calling(call: Call) -> Iterator[None]:
    """Let the sockets of this thread obey `call` inside the block."""
    token = _call.set(call)
    try:
        yield
    finally:
        _call.reset(token)


@contextmanager
def resolving(resolver: Resolver) -> Iterator[None]:
    """Resolve names by `resolver(host, port)` inside the block."""
    token = _resolver.set(resolver)
    try:
        yield
    finally:
        _resolver.reset(token)


class Stream(httpcore.NetworkStream):
    """A socket that never blocks longer than the current call may wait."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        _call.get().check()
        try:
            _acknowledge_at_once(self._sock)
            return _when_ready(self._sock, select.POLLIN, lambda: self._sock.recv(max_bytes))
        except OSError as error:
            raise httpcore.ReadError(_reason(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        _call.get().check()
        _call.get().sent = True
        sent = 0
        try:
            while sent < len(buffer):
                rest = memoryview(buffer)[sent:]
                sent += _when_ready(self._sock, select.POLLOUT, partial(self._sock.send, rest))
        except OSError as error:
            raise httpcore.WriteError(_reason(error)) from error

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> "Stream":
        until = clock.monotonic() + CONNECT_SECONDS
        with ExitStack() as undo:
            undo.callback(self.close)
            try:
                secured = ssl_context.wrap_socket(
                    self._sock, server_hostname=server_hostname, do_handshake_on_connect=False
                )
                self._sock = secured
                _when_ready(secured, select.POLLIN, secured.do_handshake, until)
            except OSError as error:
                raise Unreachable(f"no TLS connection: {_reason(error)}", sent=False) from error
            undo.pop_all()
        return self

    def close(self) -> None:
        self._sock.close()

    def get_extra_info(self, info: str) -> Any:
        return _readable(self._sock) if info == "is_readable" else None


class Backend(httpcore.NetworkBackend):
    """Connects calls of one kind to addresses that they may reach, and to nothing else."""

    def __init__(self, kind: Kind, egress: Egress) -> None:
        self._kind = kind
        self._egress = egress

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> Stream:
        until = clock.monotonic() + CONNECT_SECONDS
        addresses = self._checked(host, _resolved(host, port, until))
        for position, address in enumerate(addresses):
            share = (until - clock.monotonic()) / (len(addresses) - position)
            try:
                return Stream(_connected(address, port, clock.monotonic() + share))
            except OSError as error:
                failure = Unreachable(f"no connection to {host}: {_reason(error)}", sent=False)
            except Unreachable as error:
                failure = error
        raise failure

    def _checked(self, host: str, addresses: list[Address]) -> list[Address]:
        for address in addresses:
            try:
                self._egress.check(self._kind, host, address)
            except Forbidden as error:
                raise AddressRefused(f"{host}: {error}") from None
        return addresses


def _resolved(host: str, port: int, until: float) -> list[Address]:
    """Every address of the name, asked once, on a thread of its own because a resolver cannot be interrupted."""
    if (address := literal(host)) is not None:
        return [address]
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()
    threading.Thread(target=_ask, args=(_resolver.get(), host, port, answers), daemon=True).start()
    while True:
        try:
            answer = answers.get(timeout=_call.get().pause(until))
        except queue.Empty:
            continue
        if isinstance(answer, OSError):
            raise Unreachable(f"the name {host} is not known: {_reason(answer)}", sent=False) from answer
        return _read_addresses(host, answer)


def _ask(resolver: Resolver, host: str, port: int, answers: "queue.SimpleQueue[list[str] | OSError]") -> None:
    try:
        answers.put(resolver(host, port))
    except (OSError, UnicodeError) as error:
        answers.put(error if isinstance(error, OSError) else OSError("it cannot be looked up"))


def _read_addresses(host: str, texts: list[str]) -> list[Address]:
    addresses = [address for text in texts if (address := literal(text)) is not None]
    if not addresses or len(addresses) != len(texts):
        raise Unreachable(f"the name {host} has no usable address", sent=False)
    return addresses


def _connected(address: Address, port: int, until: float) -> socket.socket:
    with ExitStack() as undo:
        sock = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        undo.callback(sock.close)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if sock.connect_ex((str(address), port)) == errno.EINPROGRESS:
            _call.get().wait(sock, select.POLLOUT, until)
        if fault := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(fault, os.strerror(fault))
        undo.pop_all()
    return sock


def _acknowledge_at_once(sock: socket.socket) -> None:
    """A server that sends head and body apart waits for our word of the head; the system would give it 40 ms later."""
    if QUICK_ACK is not None:
        sock.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)


def _when_ready(sock: socket.socket, event: int, action: Callable[[], T], until: float | None = None) -> T:
    while True:
        try:
            return action()
        except ssl.SSLWantReadError:
            _call.get().wait(sock, select.POLLIN, until)
        except ssl.SSLWantWriteError:
            _call.get().wait(sock, select.POLLOUT, until)
        except BlockingIOError:
            _call.get().wait(sock, event, until)


def _readable(sock: socket.socket) -> bool:
    if sock.fileno() < 0:
        return True
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(0))


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return str(error.verify_message)
    return error.strerror or str(error)
