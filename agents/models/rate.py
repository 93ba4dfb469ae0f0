"""Token buckets: how many calls a minute are made, over all workers (runtime 13)."""

from django.db import models
from django.db.models import Q

from tenants.actor import Actor
from tenants.models import TenantOwned


class RateBucket(TenantOwned):
    """One bucket. `tokens` is what was left at `refilled_at`; below nothing it counts who waits for theirs."""

    name = models.CharField(max_length=200)
    tokens = models.FloatField()
    refilled_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="rate_bucket_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def project_id(self) -> None:
        """Buckets belong to the whole tenant."""
        return None

    @classmethod
    def reach(cls, actor: Actor, capability: str) -> Q:
        return actor.whole_tenant(capability)
