"""The portal as processes of their own: web, workers, beats, on PostgreSQL and a broker."""

from django.conf import settings

from langorch import checks
from langorch.processes import beat as scheduler
from langorch.processes.console import say
from langorch.processes.preparation import prepare, wait_for_schema
from langorch.processes.stopping import Stop, leave
from langorch.processes.web import WebServer
from langorch.processes.workers import Workers, process_name
from langorch.settings.env import ConfigurationFault

GRACE_SECONDS = 30


def web() -> None:
    """Serve pages, API and live updates until SIGINT or SIGTERM."""
    _require("database", "broker", "live", "storage", "keys")
    server = WebServer()
    server.require_free_address()
    if settings.ENVIRONMENT == "prod":
        checks.require("migrations")
    else:
        prepare()
    stop = _stop()
    stop.on_request(server.stop)
    server.serve(on_ready=lambda: say(f"LangOrch is at {settings.SELF_BASE_URL}"))
    leave()


def worker() -> None:
    """Drive runs until SIGINT or SIGTERM; then hand them back."""
    _require("database", "broker", "live", "storage")
    stop = _stop()
    wait_for_schema(stop.requested)
    workers = Workers()
    workers.start()
    say(f"Worker {process_name()} drives {settings.ENV.WORKER_CONCURRENCY} runs at a time")
    stop.requested.wait()
    workers.finish()
    leave()


def beat() -> None:
    """Ring for what is due until SIGINT or SIGTERM."""
    _require("database", "broker", "live")
    stop = _stop()
    wait_for_schema(stop.requested)
    say(f"Beat {process_name()} ticks")
    scheduler.run(stop.requested, process_name())
    leave()


def _require(*names: str) -> None:
    if settings.EMBEDDED:
        raise ConfigurationFault(
            ["separate processes need DATABASE_URL and REDIS_URL; without them `manage.py portal` runs everything"]
        )
    checks.require(*names)


def _stop() -> Stop:
    stop = Stop(settings.ENV.STOP_GRACE_SECONDS or GRACE_SECONDS)
    stop.install()
    return stop
