"""The house: string foreign keys point down, and models of tenants name their tenant."""

from django.apps import apps
from django.db import models

from tenants.models import TenantOwned

FLOORS = {"langorch": 5, "orchestration": 4, "procedures": 3, "approvals": 2, "agents": 2, "tenants": 1}
OURS = set(FLOORS)


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in OURS]


def _points_down(source: str, target: str) -> bool:
    return source == target or FLOORS[target] < FLOORS[source]


def test_foreign_keys_point_down():
    upward = [
        f"{model.__name__}.{field.name}"
        for model in our_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey)
        and field.related_model._meta.app_label in OURS
        and not _points_down(model._meta.app_label, field.related_model._meta.app_label)
    ]
    assert upward == []


def test_rows_with_a_tenant_are_scoped():
    unscoped = [
        model.__name__
        for model in our_models()
        if "tenant" in {field.name for field in model._meta.fields}
        and not issubclass(model, TenantOwned)
        and model.__name__ != "RunJob"
    ]
    assert unscoped == []
