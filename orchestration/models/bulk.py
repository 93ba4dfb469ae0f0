"""One verb for many runs, done one by one in the background."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from orchestration.choices import BulkState, BulkVerb, ItemState
from tenants.models import TenantOwned


class Bulk(TenantOwned):
    """What somebody wants done to many runs. `label` is for the verb tag; `user` is who wants it, `actor` their name.

    How far it has come is counted from its items.
    """

    verb = models.CharField(max_length=8, choices=BulkVerb.choices)
    reason = models.CharField(max_length=500)
    label = models.CharField(max_length=401, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    actor = models.CharField(max_length=150)
    address = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=BulkState.choices, default=BulkState.RUNNING)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "bulk job"
        constraints = [
            models.CheckConstraint(condition=Q(state__in=BulkState.values), name="bulk_state_known"),
            models.CheckConstraint(condition=Q(verb__in=BulkVerb.values), name="bulk_verb_known"),
            models.CheckConstraint(
                condition=Q(state="running", ended_at__isnull=True) | ~Q(state="running") & Q(ended_at__isnull=False),
                name="bulk_ended_at_iff_ended",
            ),
        ]
        indexes = [models.Index(fields=["created_at"], condition=Q(state="running"), name="bulk_running")]

    def __str__(self) -> str:
        return f"{self.get_verb_display()}: {self.reason}"


class BulkItem(models.Model):
    """One run of a bulk job, which may be gone by now; `detail` says why nothing was done, or names the new run."""

    id = models.BigAutoField(primary_key=True)
    bulk = models.ForeignKey(Bulk, on_delete=models.CASCADE, related_name="items", db_index=False)
    run_id = models.UUIDField()
    state = models.CharField(max_length=8, choices=ItemState.choices, default=ItemState.PENDING)
    code = models.CharField(max_length=48, blank=True)
    detail = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bulk", "run_id"], name="bulk_item_once"),
            models.CheckConstraint(condition=Q(state__in=ItemState.values), name="bulk_item_state_known"),
        ]
        indexes = [models.Index(fields=["bulk", "state", "id"], name="bulk_item_by_state")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.state}"
