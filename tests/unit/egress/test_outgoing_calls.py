"""Calls over real sockets: where they may go, how they end, and what they carry."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pytest_django import Settings

from langorch import __version__
from langorch.lib import http, wire
from langorch.lib.egress import LOOPBACK, Egress
from tests.servers import Reply, Request, raw, serving


@pytest.fixture(autouse=True)
def loopback(settings: Settings) -> Iterator[None]:
    settings.EGRESS = Egress.parse(LOOPBACK)
    yield
    http.forget()


def get(url: str, **more: Any) -> http.Answer:
    return http.send("GET", url, **({"kind": "agent", "seconds": 5.0} | more))


class Cut(Exception):
    """What `look` raises in these tests."""


class Looking:
    """Raises `Cut` after some time, and keeps when it was asked."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.asked: list[float] = []

    def __call__(self) -> None:
        self.asked.append(time.monotonic())
        if self.asked[-1] > self.end:
            raise Cut


def test_an_answer_comes_back_whatever_its_status() -> None:
    with serving(lambda request: Reply(418, b"short and stout", {"X-Kind": "pot"})) as server:
        answer = http.send(
            "POST", server.url + "/tea?sugar=1", kind="agent", seconds=5, body=b"leaf", headers={"X-A": "b"}
        )
    assert (answer.status, answer.body, answer.headers["x-kind"]) == (418, b"short and stout", "pot")
    (seen,) = server.requests
    assert (seen.method, seen.path, seen.body, seen.headers["x-a"]) == ("POST", "/tea?sugar=1", b"leaf", "b")


def test_every_call_says_who_calls_and_for_which_trace() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    with serving() as server, structlog.contextvars.bound_contextvars(request_id="req-1", trace_id=trace):
        get(server.url)
        get(server.url, headers={"X-Request-ID": "mine"})
    first, second = (request.headers for request in server.requests)
    assert first["user-agent"] == f"LangOrch/{__version__}"
    assert first["x-request-id"] == "req-1"
    assert first["traceparent"].startswith(f"00-{trace}-")
    assert second["x-request-id"] == "mine"
    assert "cookie" not in first


def test_outside_a_request_ids_are_made() -> None:
    with serving() as server:
        get(server.url)
    version, trace, span, flags = server.requests[0].headers["traceparent"].split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "00")
    assert server.requests[0].headers["x-request-id"]


def test_a_body_of_nothing_has_a_length() -> None:
    with serving() as server:
        http.send("POST", server.url, kind="agent", seconds=5)
        get(server.url)
    assert server.requests[0].headers["content-length"] == "0"
    assert "content-length" not in server.requests[1].headers


def test_connections_are_used_again_and_not_shared_between_kinds() -> None:
    with serving() as server:
        for _ in range(3):
            get(server.url)
        get(server.url, kind="llm")
    ports = [request.port for request in server.requests]
    assert len(set(ports[:3])) == 1
    assert ports[3] != ports[0]


def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    with serving(lambda request: Reply(headers={"Connection": "close"})) as server:
        assert [get(server.url).status for _ in range(3)] == [200, 200, 200]


def test_cookies_are_not_kept() -> None:
    with serving(lambda request: Reply(headers={"Set-Cookie": "a=b"})) as server:
        get(server.url)
        get(server.url)
    assert "cookie" not in server.requests[1].headers


def test_redirects_are_answers() -> None:
    with serving() as inside, serving(lambda request: Reply(302, b"", {"Location": inside.url})) as server:
        assert get(server.url).status == 302
    assert inside.requests == []


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy, serving() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        get(server.url)
    assert proxy.requests == []


def test_ipv6() -> None:
    with serving(host="::1") as server:
        assert get(server.url).status == 200
    assert server.requests[0].headers["host"] == f"[::1]:{server.port}"


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433:{}/",
        "http://user@127.0.0.1:{}/",
        "http://127.0.0.1.:{}/",
        "http://[::ffff:127.0.0.1]:{}/",
        "http://0.0.0.0:{}/",
    ],
)
def test_refused_urls_reach_nobody(url: str) -> None:
    with serving() as server, pytest.raises(http.AddressRefused):
        get(url.format(server.port))
    assert server.requests == []


@pytest.mark.parametrize("kind", ["webhook", "secrets", "oidc"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_closed_to_other_kinds(kind: http.Kind, host: str) -> None:
    with serving() as server, pytest.raises(http.AddressRefused, match="EGRESS_ALLOW"):
        get(f"http://{host}:{server.port}/", kind=kind)
    assert server.requests == []


def test_a_closed_machine_stays_closed_after_an_open_call_was_pooled(settings: Settings) -> None:
    with serving() as server:
        get(server.url)
        settings.EGRESS = Egress()
        with pytest.raises(http.AddressRefused):
            get(server.url)
    assert len(server.requests) == 1


def test_one_address_inside_closes_the_whole_name() -> None:
    with (
        serving() as server,
        wire.resolving(lambda host, port: ["127.0.0.1", "10.0.0.1"]),
        pytest.raises(http.AddressRefused, match=r"tools\.example: 10\.0\.0\.1 is not public"),
    ):
        get(f"http://tools.example:{server.port}/")
    assert server.requests == []


def test_a_name_is_asked_once_and_the_checked_address_is_called() -> None:
    answers = iter([["127.0.0.1"], ["169.254.169.254"], ["127.0.0.2"]])
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with serving() as first, wire.resolving(rebinding):
        assert get(f"http://rebind.example:{first.port}/").status == 200
        assert get(f"http://rebind.example:{first.port}/").status == 200
        http.forget()
        with pytest.raises(http.AddressRefused):
            get(f"http://rebind.example:{first.port}/")
    assert asked == ["rebind.example"] * 2
    assert [request.headers["host"] for request in first.requests] == [f"rebind.example:{first.port}"] * 2


def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    with serving() as server, wire.resolving(lambda host, port: ["127.0.0.9", "::1", "127.0.0.1"]):
        assert get(f"http://many.example:{server.port}/").status == 200


def test_an_unknown_name_is_unreachable() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with (
        wire.resolving(unknown),
        pytest.raises(http.Unreachable, match=r"the name nowhere\.example is not known") as caught,
    ):
        get("http://nowhere.example/")
    assert caught.value.sent is False


def test_a_resolver_that_hangs_is_left_behind() -> None:
    over = threading.Event()

    def hanging(host: str, port: int) -> list[str]:
        over.wait(10)
        return []

    with wire.resolving(hanging), pytest.raises(http.TimedOut) as caught:
        get("http://slow.example/", seconds=0.2)
    over.set()
    assert caught.value.sent is False


def test_a_closed_port_is_unreachable() -> None:
    with serving() as server:
        url = server.url
    with pytest.raises(http.Unreachable, match="Connection refused") as caught:
        get(url)
    assert caught.value.sent is False


def silence(connection: socket.socket) -> None:
    while connection.recv(1 << 20):
        pass


def test_silence_ends_with_the_time() -> None:
    started = time.monotonic()
    with (
        raw(silence) as port,
        pytest.raises(http.TimedOut) as caught,
    ):
        get(f"http://127.0.0.1:{port}/secret?token=1", seconds=0.3)
    assert 0.25 < time.monotonic() - started < 3
    assert caught.value.sent is True
    assert caught.value.message == "no complete answer within 0.3 s"


def drip(connection: socket.socket) -> None:
    connection.recv(1 << 20)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(2000):
        connection.sendall(b"x")
        time.sleep(0.002)


def drip_headers(connection: socket.socket) -> None:
    connection.recv(1 << 20)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(2000):
        connection.sendall(b"X-%d: y\r\n" % number)
        time.sleep(0.002)


@pytest.mark.parametrize("talk", [drip, drip_headers])
def test_an_answer_that_drips_ends_with_the_time_and_is_looked_at(talk: Any) -> None:
    looking = Looking(60)
    with raw(talk) as port, pytest.raises(http.TimedOut):
        get(f"http://127.0.0.1:{port}/", seconds=0.4, look=looking)
    assert len(looking.asked) >= 4


def test_a_look_cuts_the_call_and_closes_its_socket() -> None:
    gone = threading.Event()

    def until_gone(connection: socket.socket) -> None:
        while connection.recv(1 << 20):
            pass
        gone.set()

    looking = Looking(0.2)
    with raw(until_gone) as port, pytest.raises(Cut):
        get(f"http://127.0.0.1:{port}/", look=looking)
    assert gone.wait(2)
    pauses = [later - earlier for earlier, later in zip(looking.asked, looking.asked[1:], strict=False)]
    assert min(pauses) < 0.05


def test_a_look_cuts_a_slow_name() -> None:
    over = threading.Event()
    with wire.resolving(lambda host, port: [host] * over.wait(10)), pytest.raises(Cut):
        get("http://slow.example/", look=Looking(0.1))
    over.set()


def test_a_call_after_one_that_was_cut_is_clean() -> None:
    def reply(request: Request) -> Reply:
        if request.path == "/slow":
            time.sleep(0.3)
        return Reply(body=request.path.encode())

    with serving(reply) as server:
        for _ in range(3):
            assert get(server.url + "/a").body == b"/a"
            with pytest.raises(http.TimedOut):
                get(server.url + "/slow", seconds=0.05)
            assert get(server.url + "/b").body == b"/b"


def test_large_bodies_go_and_come(settings: Settings) -> None:
    body = b"0123456789abcdef" * 2**17
    with serving(lambda request: Reply(body=request.body)) as server:
        assert http.send("POST", server.url, kind="agent", seconds=20, body=body).body == body


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_over_the_limit_is_an_error(settings: Settings, chunked: bool) -> None:
    settings.ENV = settings.ENV.model_copy(update={"MAX_RESPONSE_BYTES": 100_000})
    served = threading.Event()

    def endless(connection: socket.socket) -> None:
        connection.recv(1 << 20)
        kind = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 100000000"
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + kind + b"\r\n\r\n")
        try:
            for _ in range(20_000):
                connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n" if chunked else b"x" * 1024)
        finally:
            served.set()

    with raw(endless) as port, pytest.raises(http.TooLarge, match="over 100000 bytes"):
        get(f"http://127.0.0.1:{port}/")
    assert served.wait(2)


def test_an_answer_at_the_limit_is_whole(settings: Settings) -> None:
    settings.ENV = settings.ENV.model_copy(update={"MAX_RESPONSE_BYTES": 2048})
    with serving(lambda request: Reply(body=b"x" * 2048)) as server:
        assert len(get(server.url).body) == 2048


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    ],
)
def test_broken_answers_are_unreachable_after_sending(answer: bytes) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(1 << 20)
        connection.sendall(answer)

    with raw(talk) as port, pytest.raises(http.Unreachable) as caught:
        get(f"http://127.0.0.1:{port}/")
    assert caught.value.sent is True


@pytest.mark.parametrize(
    "headers", [{"X": "a\r\nY: b"}, {"X\n": "a"}, {"Host": "evil"}, {"Content-Length": "1"}, {"X": "\u2028"}]
)
def test_headers_that_would_change_the_request_are_refused(headers: dict[str, str]) -> None:
    with serving() as server, pytest.raises(http.AddressRefused, match="cannot be sent"):
        get(server.url, headers=headers)
    assert server.requests == []


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's context for `name`, signed by itself; the certificate alone is in ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    alternative: Any = x509.DNSName(name) if name[0].isalpha() else x509.IPAddress(ip_address(name))
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(public)
    (folder / "server.pem").write_bytes(private + public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


@pytest.mark.parametrize(("trusted", "named"), [(True, True), (True, False), (False, True)])
def test_certificates_are_checked_for_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool, named: bool
) -> None:
    context = certificate(tmp_path, "model.example")
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    asked: list[str | None] = []
    context.sni_callback = lambda sock, name, ours: asked.append(name)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            while secured.recv(1 << 20):
                secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000)

    host = "model.example" if named else "other.example"
    with raw(talk) as port, wire.resolving(lambda host, port: ["127.0.0.1"]):
        if trusted and named:
            assert len(get(f"https://{host}:{port}/").body) == 300_000
            assert len(get(f"https://{host}:{port}/").body) == 300_000
        else:
            with pytest.raises(http.Unreachable, match="no TLS connection") as caught:
                get(f"https://{host}:{port}/")
            assert caught.value.sent is False
    assert asked == [host]


def test_a_handshake_that_hangs_ends_with_the_time() -> None:
    with (
        raw(silence) as port,
        pytest.raises(http.TimedOut) as caught,
    ):
        get(f"https://127.0.0.1:{port}/", seconds=0.2)
    assert caught.value.sent is False
