"""What is live, against a real server: streams that lose no event, sockets that say what is stale."""

import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.processes import ROOT, environment, free_port

EVENTS = 200
RECONNECTS = 6
PATIENCE = 30.0


@dataclass
class Host:
    """A running server and the people who may look."""

    url: str
    process: subprocess.Popen[str]
    tokens: dict[str, str]
    sessions: dict[str, str]

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@dataclass
class Server:
    """The host with a run that was just queued."""

    host: Host
    run: str

    def add_events(self, number: int) -> None:
        self.host.tell(f"events {self.run} {number}")

    def cancel(self) -> None:
        self.host.tell(f"cancel {self.run}")

    def client(self, who: str | None = "operator") -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.host.tokens[who]}"} if who else {}
        return httpx.Client(base_url=self.host.url, headers=headers, timeout=PATIENCE)

    @property
    def stream(self) -> str:
        return f"/api/runs/{self.run}/stream"

    def socket(self, who: str | None = "operator", origin: str = "") -> ClientConnection:
        cookie = {"Cookie": f"sessionid={self.host.sessions[who]}"} if who else {}
        address = self.host.url.replace("http", "ws") + "/ws/live/"
        wanted = Origin(origin or self.host.url)
        return connect(address, additional_headers=cookie, origin=wanted, open_timeout=PATIENCE)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    port = free_port()
    given = {"VAR_DIR": str(tmp_path_factory.mktemp("var")), "PORT": str(port), "MAX_STREAMS_PER_USER": "3"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.live_server"],
        cwd=ROOT,
        env=environment(**given),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        yield Host(f"http://127.0.0.1:{port}", process, facts["tokens"], facts["sessions"])
    finally:
        process.kill()
        process.wait(timeout=10)


@pytest.fixture
def server(host: Host) -> Server:
    host.tell("start")
    return Server(host, host.answer())


@dataclass
class Message:
    """One message of a stream, and how long after it happened it arrived (seconds, for events)."""

    name: str
    number: int | None
    data: dict[str, Any]
    lag: float | None = None


def messages(response: httpx.Response) -> Iterator[Message]:
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif not line and "data" in fields:
            data = json.loads(fields["data"])
            number = int(fields["id"]) if "id" in fields else None
            lag = None
            if "created_at" in data:
                lag = (datetime.now(UTC) - datetime.fromisoformat(data["created_at"])).total_seconds()
            yield Message(fields["event"], number, data, lag)
            fields = {}


def read_until_end(server: Server, reconnects: int) -> tuple[list[Message], int]:
    """Read the whole stream, cutting the connection now and then; the messages, and how many cuts there were."""
    found: list[Message] = []
    cuts = 0
    chance = random.Random(7)
    with server.client() as client:
        while not found or found[-1].name != "end":
            headers = {"Last-Event-ID": str(found[-1].number)} if found else {}
            patience = chance.randint(8, 35) if cuts < reconnects else EVENTS * 2
            with client.stream("GET", server.stream, headers=headers) as response:
                assert response.status_code == 200
                for message in messages(response):
                    found.append(message)
                    patience -= 1
                    if patience == 0 or message.name == "end":
                        break
            cuts += found[-1].name != "end"
    return found, cuts


def test_no_event_is_lost_or_doubled_over_six_reconnects(server: Server):
    def write() -> None:
        for _ in range(EVENTS // 10):
            server.add_events(10)
        server.cancel()

    writer = threading.Thread(target=write)
    writer.start()
    found, cuts = read_until_end(server, RECONNECTS)
    writer.join()
    assert cuts >= RECONNECTS
    assert [message.number for message in found[:-1]] == list(range(1, EVENTS + 3))
    assert (found[0].data["event_type"], found[-2].data["event_type"]) == ("run_created", "run_canceled")
    assert found[-1].data == {"status": "canceled"}


def test_a_client_that_comes_back_after_the_end_is_told_so(server: Server):
    server.cancel()
    found, _ = read_until_end(server, 0)
    with server.client() as client:
        answer = client.get(server.stream, headers={"Last-Event-ID": str(found[-2].number)})
        assert answer.status_code == 204
        assert client.get(server.stream, headers={"Last-Event-ID": "x"}).status_code == 422
        text = client.get(server.stream, params={"after": 1}).text
    assert text.startswith("retry: 2000\n\nid: 2\n")
    assert text.endswith('event: end\ndata: {"status":"canceled"}\n\n')


def test_an_open_stream_is_woken_rather_than_looking_by_itself(server: Server):
    lags = []
    with server.client() as client, client.stream("GET", server.stream) as response:
        found = messages(response)
        assert next(found).number == 1
        for _ in range(8):
            server.add_events(1)
            lags.append(next(found).lag or 0)
    assert statistics.median(lags) < 2.5, "a stream that is not woken looks every 5 s"


def test_streams_are_for_readers_only(server: Server):
    def status(who: str | None) -> int:
        with server.client(who) as client:
            return status_of(client, server.stream)

    assert {who: status(who) for who in ("viewer", "guest", "approver", "stranger", None)} == {
        "viewer": 200,
        "guest": 404,
        "approver": 403,
        "stranger": 404,
        None: 401,
    }


def test_a_ticket_opens_one_stream_once(server: Server):
    with server.client() as client:
        ticket = client.post("/api/stream-tickets", json={"path": server.stream}).json()["ticket"]
    with server.client(None) as nobody:
        with nobody.stream("GET", server.stream, params={"ticket": ticket}) as response:
            assert next(messages(response)).number == 1
        assert nobody.get(server.stream, params={"ticket": ticket}).status_code == 401


def test_streams_per_person_are_limited_and_a_closed_one_makes_room(server: Server):
    with server.client("viewer") as client:
        opened = [client.send(client.build_request("GET", server.stream), stream=True) for _ in range(3)]
        assert [response.status_code for response in opened] == [200, 200, 200]
        refused = client.get(server.stream)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        with server.client() as other, other.stream("GET", server.stream) as response:
            assert response.status_code == 200
        opened[0].close()
        assert comes_true(lambda: status_of(client, server.stream) == 200)
        for response in opened[1:]:
            response.close()


def status_of(client: httpx.Client, path: str) -> int:
    with client.stream("GET", path) as response:
        return response.status_code


def comes_true(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def heard(socket: ClientConnection, timeout: float = PATIENCE) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(socket.recv(timeout=timeout))
    return message


def test_a_page_is_told_which_sections_are_stale(server: Server):
    timeline, other = f"run:{server.run}:timeline", "run:00000000-0000-7000-8000-000000000000:timeline"
    with server.socket() as socket:
        socket.send(json.dumps({"type": "watch", "sections": {timeline: 0, other: 0, "weather": 0}}))
        assert heard(socket) == {"type": "stale", "sections": {timeline: 1}}
        server.add_events(5)
        versions = [1]
        while versions[-1] < 6:
            message = heard(socket)
            assert set(message["sections"]) == {timeline}
            versions.append(message["sections"][timeline])
        assert versions == sorted(set(versions))
        assert versions[-1] == 6


def test_a_page_that_comes_back_learns_what_it_missed(server: Server):
    section = f"run:{server.run}:events"
    with server.socket() as socket:
        socket.send(json.dumps({"type": "watch", "sections": {section: 1}}))
        socket.send('{"type": "ping"}')
        assert heard(socket) == {"type": "ping"}, "what is fresh is not told"
    server.add_events(3)
    with server.client() as client:
        assert comes_true(lambda: len(client.get(f"/api/runs/{server.run}/events").json()) == 4)
    with server.socket() as socket:
        socket.send(json.dumps({"type": "watch", "sections": {section: 1}}))
        assert heard(socket)["sections"] == {section: 4}


def test_lists_are_stale_after_every_change(server: Server):
    with server.socket() as socket:
        socket.send(json.dumps({"type": "watch", "sections": {"runs:list": 0}}))
        first = heard(socket)["sections"]["runs:list"]
        server.cancel()
        assert heard(socket)["sections"]["runs:list"] > first


def test_sockets_check_who_looks_and_from_where(server: Server):
    section = f"run:{server.run}:head"
    with server.socket("guest") as socket:
        socket.send(json.dumps({"type": "watch", "sections": {section: 0}}))
        socket.send('{"type": "ping"}')
        assert heard(socket) == {"type": "ping"}, "what one may not see is left out"
    with server.socket(None) as socket, pytest.raises(ConnectionClosed) as closed:
        heard(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    with pytest.raises(InvalidStatus) as refused:
        server.socket(origin="https://elsewhere.example")
    assert refused.value.response.status_code == 403
    with server.socket() as socket:
        socket.send("no JSON")
        with pytest.raises(ConnectionClosed) as closed:
            heard(socket)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4400
