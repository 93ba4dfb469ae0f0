"""A portal without workers, for tests of what is live: `python -m tests.e2e.live_server`.

Serves on $PORT with its data in $VAR_DIR, writes one line of JSON about who is there, then obeys lines on standard
input: `start` queues a run and answers its id, `events <run> <n>` appends n events to it, `cancel <run>` ends it. The
lines are obeyed in a thread beside the server, as embedded workers run.
"""

import json
import os
import sys
import threading
from importlib import import_module
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "langorch.settings.test")
django.setup()

from django.conf import settings  # noqa: E402  (Django must be set up first)
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.core.management import call_command  # noqa: E402

from langorch.processes.console import say  # noqa: E402
from langorch.processes.web import WebServer  # noqa: E402
from orchestration import events, services, transitions  # noqa: E402
from orchestration.events import NewEvent  # noqa: E402
from tenants.actor import Actor  # noqa: E402
from tenants.auth import tokens  # noqa: E402
from tenants.models import User  # noqa: E402
from tests import people  # noqa: E402
from tests.documents import hello  # noqa: E402
from tests.published import publish  # noqa: E402

BACKEND = "tenants.auth.password.PasswordBackend"
NAMES = ("operator", "viewer", "guest", "approver", "stranger")


def main() -> None:
    """Prepare, serve, obey."""
    call_command("migrate", interactive=False, verbosity=0)
    house = people.build()
    publish(house.operator, hello(), house.project)
    crowd = [getattr(house, name) for name in NAMES]
    facts: dict[str, Any] = {
        "tokens": {user.username: tokens.issue(user, people.actor(user).tenant_id).token for user in crowd},
        "sessions": {user.username: session_of(user) for user in crowd},
    }
    server = WebServer()
    obey = threading.Thread(target=obey_lines, args=(people.actor(house.operator),), daemon=True)

    def ready() -> None:
        say(json.dumps(facts))
        obey.start()

    server.serve(on_ready=ready)


def session_of(user: User) -> str:
    """The key of a new session of `user`."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def obey_lines(operator: Actor) -> None:
    """Do what standard input says until it ends."""
    for line in sys.stdin:
        word, *rest = line.split()
        if word == "start":
            say(str(services.start_run(operator, services.StartRequest(procedure_id="hello")).run.pk))
        elif word == "events":
            for number in range(int(rest[1])):
                events.append(UUID(rest[0]), [NewEvent("log", {"message": f"line {number}"}, node_id="greet")])
        elif word == "cancel":
            transitions.request_cancel(UUID(rest[0]), "test")


if __name__ == "__main__":
    main()
