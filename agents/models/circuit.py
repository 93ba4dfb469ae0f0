"""Circuit breakers: whether calls to a subject are made at all (protocols 6)."""

from django.db import models
from django.db.models import Q

from agents.choices import CircuitKind, CircuitState
from tenants.actor import Actor
from tenants.models import TenantOwned


class Circuit(TenantOwned):
    """The breaker of one agent, MCP server, or model of a provider; a subject without a row has a closed one.

    `failures` counts those in a row, `openings` how often it opened in a row. `until` is when an open one lets a probe
    through, and when a half-open one gives up waiting for the probe's answer.
    """

    kind = models.CharField(max_length=8, choices=CircuitKind.choices)
    subject = models.CharField(max_length=300)
    state = models.CharField(max_length=9, choices=CircuitState.choices, default=CircuitState.CLOSED)
    failures = models.PositiveIntegerField(default=0)
    openings = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["kind", "subject"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "subject"], name="circuit_once"),
            models.CheckConstraint(condition=Q(kind__in=CircuitKind.values), name="circuit_kind_known"),
            models.CheckConstraint(condition=Q(state__in=CircuitState.values), name="circuit_state_known"),
            models.CheckConstraint(
                condition=Q(state="closed") | Q(until__isnull=False), name="circuit_not_closed_has_until"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}: {self.state}"

    @property
    def project_id(self) -> None:
        """Circuits are looked after by the people of the whole tenant."""
        return None

    @classmethod
    def reach(cls, actor: Actor, capability: str) -> Q:
        return actor.whole_tenant(capability)
