"""Runs that ask a model which is served on this machine, as the tenant of the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings as django_settings
from django.test import override_settings
from pydantic import SecretStr

from langorch.lib import http
from langorch.lib.egress import LOOPBACK, Egress
from orchestration.models import Event, Run
from tenants.models import Tenant
from tests import runs
from tests.fake_model import FakeModel, Say, fake_model

END = {"type": "terminate"}
FAST = {"max_retries": 2, "base_delay_ms": 1}
KEY = "sk-quite-secret"


@contextmanager
def served(*answers: Say, **named: Any) -> Iterator[FakeModel]:
    """A model that the tenant of the tests may ask; `named` are settings."""
    with fake_model(*answers) as model:
        values = {"LLM_BASE_URL": model.url, "DEFAULT_TENANT": "acme", "LLM_API_KEY": SecretStr(KEY)}
        env = django_settings.ENV.model_copy(update=values | named)
        with override_settings(ENV=env, EGRESS=Egress.parse(LOOPBACK)):
            yield model
    http.forget()


def node(**fields: Any) -> dict[str, Any]:
    """An llm_action that retries fast and goes on at `end`."""
    return {"type": "llm_action", "prompt": "Say something.", "retry": FAST, "next_node": "end", **fields}


def queued(tenant: Tenant, fields: dict[str, Any], root: dict[str, Any] | None = None, **inputs: Any) -> Run:
    """A queued run of one llm_action with these fields; `root` are fields of the document."""
    return runs.queue(tenant, runs.document({"ask": node(**fields), "end": END}, **(root or {})), **inputs)


def driven(tenant: Tenant, fields: dict[str, Any], root: dict[str, Any] | None = None, **inputs: Any) -> Run:
    """The same, driven as far as it goes."""
    return runs.drive(queued(tenant, fields, root, **inputs))


def payloads(run: Run, event_type: str) -> list[dict[str, Any]]:
    """What the events of one type say, in order."""
    return list(Event.objects.filter(run=run, event_type=event_type).order_by("seq").values_list("payload", flat=True))
