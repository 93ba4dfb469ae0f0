"""The whole portal in one process: web server, workers and beat, on SQLite and without a broker."""

import fcntl
import ipaddress
from pathlib import Path
from typing import TextIO

from django.conf import settings
from django.db import connection

from langorch import checks, demo
from langorch.processes import beat
from langorch.processes.console import say
from langorch.processes.preparation import prepare
from langorch.processes.stopping import FAILED, Stop
from langorch.processes.web import WebServer
from langorch.settings.env import ConfigurationFault
from orchestration import queue

GRACE_SECONDS = 1.5
LEADER = "portal"


def run() -> None:
    """Serve until SIGINT or SIGTERM; then end within two seconds, whatever is in flight."""
    _require_embedded()
    lock = _lock(settings.VAR_DIR / "portal.lock")
    checks.require("database", "storage", "keys")
    server = WebServer()
    server.require_free_address()
    prepare()
    stop = Stop(settings.ENV.STOP_GRACE_SECONDS or GRACE_SECONDS)
    stop.install()
    stop.on_request(server.stop)
    beating = stop.start("beat", lambda: beat.run(stop.requested, LEADER))
    working = stop.start("work", lambda: _work(stop))
    server.serve(on_ready=_welcome)
    stop.request(FAILED)
    for part in (working, beating):
        part.join()
    lock.close()
    stop.leave()


def _work(stop: Stop) -> None:
    """Drive runs, at first those that a killed portal held. The runtime takes seconds to load; pages come first."""
    from langorch.processes import workers  # noqa: PLC0415

    queue.let_leases_run_out()
    connection.close()
    workers.work(stop)


def _welcome() -> None:
    say(f"LangOrch is at {settings.SELF_BASE_URL} (stop with Ctrl-C)")
    if logins := demo.first_logins():
        names = ", ".join(login["username"] for login in logins.values())
        say(f"Log in as {names}; the passwords are in {demo.first_login_file()}")


def _require_embedded() -> None:
    if not settings.EMBEDDED:
        raise ConfigurationFault(
            ["portal runs on SQLite without a broker; with DATABASE_URL and REDIS_URL start web, worker and beat"]
        )
    if not _is_loopback(settings.ENV.HOST):
        raise ConfigurationFault(
            [f"HOST={settings.ENV.HOST}: portal listens on loopback only; for other addresses start web, worker, beat"]
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _lock(path: Path) -> TextIO:
    """Hold `path` while this process lives, so that no second portal works on the same files."""
    file = path.open("w", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigurationFault([f"another portal runs on {path.parent}; give this one its own VAR_DIR"]) from None
    return file
