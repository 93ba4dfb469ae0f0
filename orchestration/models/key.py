"""Keys that documents give to steps, so that a thing is done once."""

from django.db import models
from django.db.models import Q

from orchestration.choices import KeyScope, StepState
from orchestration.models.record import PATH_LENGTH
from tenants.actor import Actor
from tenants.models import TenantOwned


class IdempotencyKey(TenantOwned):
    """A key that a document gives to steps: the first step under it has the result that all others use (runtime 8).

    `owner` is the run, the procedure, or nothing for the whole tenant, as `scope` says; `digest` stands for the key.
    """

    scope = models.CharField(max_length=10, choices=KeyScope.choices)
    owner = models.CharField(max_length=128, blank=True)
    digest = models.CharField(max_length=64)
    action = models.CharField(max_length=128)
    params_digest = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=StepState.choices, default=StepState.STARTED)
    result = models.JSONField(null=True)
    run_id = models.UUIDField()
    path = models.CharField(max_length=PATH_LENGTH)
    step_id = models.CharField(max_length=128)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "scope", "owner", "digest"], name="idempotency_key_once"),
            models.CheckConstraint(condition=Q(scope__in=KeyScope.values), name="idempotency_scope_known"),
            models.CheckConstraint(condition=Q(state__in=["started", "completed"]), name="idempotency_state_known"),
        ]
        indexes = [models.Index(fields=["updated_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.scope} key of {self.path}/{self.step_id}"

    @property
    def project_id(self) -> None:
        return None

    @classmethod
    def reach(cls, actor: Actor, capability: str) -> Q:
        return actor.whole_tenant(capability)
