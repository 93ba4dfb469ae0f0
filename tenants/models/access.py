"""Who holds which role where, and the tokens programs carry."""

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q

from tenants.choices import Role
from tenants.models.base import TenantOwned


class Membership(TenantOwned):
    """A role of one person or one group on a tenant, or on one project of it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships")
    project = models.ForeignKey(
        "tenants.Project", on_delete=models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    role = models.CharField(max_length=16, choices=Role.choices)
    granted_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
            models.CheckConstraint(
                condition=Q(user__isnull=False, group__isnull=True) | Q(user__isnull=True, group__isnull=False),
                name="membership_of_person_or_group",
            ),
            models.UniqueConstraint(
                fields=["tenant", "user", "role"], condition=Q(project__isnull=True), name="person_role_once_per_tenant"
            ),
            models.UniqueConstraint(fields=["project", "user", "role"], name="person_role_once_per_project"),
            models.UniqueConstraint(
                fields=["tenant", "group", "role"], condition=Q(project__isnull=True), name="group_role_once_per_tenant"
            ),
            models.UniqueConstraint(fields=["project", "group", "role"], name="group_role_once_per_project"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.role} of {self.project or self.tenant}"


class AccessToken(TenantOwned):
    """A bearer token that was handed out; deleting or revoking the row ends it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_tokens")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token of {self.user}"


class LoginAttempt(models.Model):
    """An attempt to log in that has not succeeded; rows older than the window are deleted by the next attempt."""

    id = models.BigAutoField(primary_key=True)
    account = models.CharField(max_length=150)
    address = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["account", "address"], name="attempts_of_account")]

    def __str__(self) -> str:
        return f"{self.account} from {self.address}"


class UsedTicket(models.Model):
    """A stream ticket that was redeemed; kept until it would have expired anyway."""

    nonce = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.nonce


class StoredAnswer(TenantOwned):
    """The first answer to a request that carried an `Idempotency-Key`, kept for a day (api 1)."""

    identity = models.CharField(max_length=150)
    route = models.CharField(max_length=300)
    key = models.CharField(max_length=128)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "identity", "route", "key"], name="stored_answer_once")
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
