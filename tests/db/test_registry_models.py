"""What the compiler knows of models, and of what nobody can have yet: prompts, calendars, channels of notices."""

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from procedures.ckp.compile import compile_document
from procedures.registry import TenantRegistry
from tenants.models import Tenant
from tests import runs
from tests.asking import END, node

pytestmark = pytest.mark.django_db


def problems(
    tenant: Tenant, home: str, root: dict[str, object] | None = None, **fields: object
) -> list[tuple[str, str]]:
    env = django_settings.ENV.model_copy(update={"DEFAULT_TENANT": home})
    with override_settings(ENV=env):
        asked = {name: value for name, value in node(**fields).items() if value is not None}
        source = runs.document({"ask": asked, "end": END}, **(root or {}))
        compiled = compile_document(source, TenantRegistry(tenant.pk))
    return [(one.code, one.severity) for one in compiled.problems if one.code in ("CKP509", "CKP510", "CKP114")]


def test_the_default_profile_is_known(tenant: Tenant) -> None:
    assert problems(tenant, "acme") == []
    assert problems(tenant, "acme", profile="default", fallback_model="openai/gpt-4o-mini") == []


def test_what_would_fail_is_told_beforehand(tenant: Tenant) -> None:
    assert problems(tenant, "acme", profile="cheap") == [("CKP509", "warning")]
    assert problems(tenant, "acme", prompt=None, prompt_ref="greet") == [("CKP509", "warning")]
    assert problems(tenant, "elsewhere", profile="default") == [("CKP509", "warning")]


def test_a_cap_needs_prices_and_room_for_a_call(tenant: Tenant) -> None:
    capped = {"global_config": {"max_cost_usd": 0.001}}
    assert problems(tenant, "acme", model="mine") == [("CKP510", "warning")]
    assert problems(tenant, "acme", capped, model="mine") == [("CKP510", "error")]
    assert ("CKP114", "warning") in problems(tenant, "acme", capped, max_tokens=1000)


def test_calendars_and_channels_that_nobody_can_have_are_not_taken_for_known(tenant: Tenant) -> None:
    root = {"global_config": {"business_calendar": "Germany", "notifications": {"channels": ["email", "pager"]}}}
    compiled = compile_document(runs.document({"end": END}, **root), TenantRegistry(tenant.pk))
    found = [(one.code, one.severity, one.pointer) for one in compiled.problems if one.code in ("CKP113", "CKP514")]
    assert found == [
        ("CKP113", "error", "/global_config/business_calendar"),
        ("CKP514", "warning", "/global_config/notifications/channels/1"),
    ]
