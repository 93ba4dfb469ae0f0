"""The portal as processes of their own, on PostgreSQL and a broker: web and beat, which never load the runtime."""

from django.conf import settings

from langorch import checks
from langorch.processes import beat as scheduler
from langorch.processes.console import say
from langorch.processes.identity import process_name
from langorch.processes.preparation import prepare, wait_for_schema
from langorch.processes.stopping import FAILED, Stop
from langorch.processes.web import WebServer
from langorch.settings.env import ConfigurationFault

GRACE_SECONDS = 30


def web() -> None:
    """Serve pages, API and live updates until SIGINT or SIGTERM."""
    require("database", "broker", "live", "storage", "keys")
    server = WebServer()
    server.require_free_address()
    if settings.ENVIRONMENT == "prod":
        checks.require("migrations")
    else:
        prepare()
    stop = listen()
    stop.on_request(server.stop)
    server.serve(on_ready=lambda: say(f"LangOrch is at {settings.SELF_BASE_URL}"))
    stop.request(FAILED)
    stop.leave()


def beat() -> None:
    """Ring for what is due until SIGINT or SIGTERM."""
    require("database", "broker", "live")
    stop = listen()
    wait_for_schema(stop.requested)
    say(f"Beat {process_name()} ticks")
    scheduler.run(stop.requested, process_name())
    stop.request(FAILED)
    stop.leave()


def require(*names: str) -> None:
    """Raise `ConfigurationFault` unless services are named and the named checks find no fault."""
    if settings.EMBEDDED:
        raise ConfigurationFault(
            ["separate processes need DATABASE_URL and REDIS_URL; without them `manage.py portal` runs everything"]
        )
    checks.require(*names)


def listen() -> Stop:
    """A stop that SIGINT and SIGTERM set, with the grace of a process of its own."""
    stop = Stop(settings.ENV.STOP_GRACE_SECONDS or GRACE_SECONDS)
    stop.install()
    return stop
