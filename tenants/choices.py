"""The words of the access model."""

from typing import Any

from django.db import models


class Role(models.TextChoices):
    """What a person may be on a tenant or a project. Not a ladder: nobody includes approver (api 3)."""

    ADMIN = "admin"
    OPERATOR = "operator"
    APPROVER = "approver"
    VIEWER = "viewer"


class Capability(models.TextChoices):
    """What roles are made of; each is an object permission on a tenant or a project."""

    VIEW = "can_view"
    OPERATE = "can_operate"
    DECIDE = "can_decide"
    ADMINISTER = "can_administer"


ROLE_CAPABILITIES: dict[str, frozenset[Capability]] = {
    Role.ADMIN: frozenset({Capability.VIEW, Capability.OPERATE, Capability.ADMINISTER}),
    Role.OPERATOR: frozenset({Capability.VIEW, Capability.OPERATE}),
    Role.APPROVER: frozenset({Capability.DECIDE}),
    Role.VIEWER: frozenset({Capability.VIEW}),
}

CAPABILITY_PERMISSIONS: list[tuple[str, Any]] = [(capability.value, capability.label) for capability in Capability]
