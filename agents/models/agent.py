"""Agents, and the leases by which runs hold a slot of them."""

from collections.abc import Collection
from uuid import UUID

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Lower

from agents.choices import Affinity, AgentStatus, DesiredState
from tenants.actor import Actor
from tenants.models import TenantOwned


class Agent(TenantOwned):
    """Somebody outside who carries out actions over HTTP (protocols 2 and 3).

    `capabilities` are objects {name, type, version, …}; `cannot` the signals that it said it does not understand.
    `last_dispatch` grows with every dispatch of the channel, `fence` with every lease of this agent.
    """

    agent_id = models.CharField(max_length=128)
    name = models.CharField(max_length=150)
    channel = models.CharField(max_length=64)
    base_url = models.CharField(max_length=500)
    status = models.CharField(max_length=8, choices=AgentStatus.choices, default=AgentStatus.ONLINE)
    desired_state = models.CharField(max_length=8, choices=DesiredState.choices, default=DesiredState.ACTIVE)
    concurrency_limit = models.PositiveSmallIntegerField(default=1)
    resource_key = models.CharField(max_length=128)
    pool_id = models.CharField(max_length=128, blank=True)
    pool_priority = models.SmallIntegerField(default=0)
    capabilities = models.JSONField(default=list)
    capabilities_version = models.CharField(max_length=64, blank=True)
    cannot = models.JSONField(default=list, editable=False)
    affinity = models.CharField(max_length=4, choices=Affinity.choices, default=Affinity.RUN)
    projects = models.ManyToManyField("tenants.Project", blank=True, related_name="+")
    last_dispatch = models.PositiveBigIntegerField(default=0, editable=False)
    fence = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("tenant", Lower("agent_id"), name="agent_once_per_tenant"),
            models.CheckConstraint(condition=Q(status__in=AgentStatus.values), name="agent_status_known"),
            models.CheckConstraint(condition=Q(desired_state__in=DesiredState.values), name="agent_state_known"),
            models.CheckConstraint(condition=Q(affinity__in=Affinity.values), name="agent_affinity_known"),
            models.CheckConstraint(condition=Q(concurrency_limit__gte=1), name="agent_limit_positive"),
            models.CheckConstraint(condition=Q(channel=Lower("channel")), name="agent_channel_lower_case"),
        ]
        indexes = [models.Index(fields=["tenant", "channel"], name="agent_by_channel")]

    def __str__(self) -> str:
        return self.name

    @property
    def project_id(self) -> None:
        """Agents are looked after by the people of the whole tenant."""
        return None

    @classmethod
    def reach(cls, actor: Actor, capability: str) -> Q:
        """The whole tenant, or what is open to the projects of the actor."""
        inside = Q(tenant_id=actor.tenant_id)
        return inside if actor.holds(capability) else inside & cls.open_to(actor.projects_with(capability))

    @classmethod
    def open_to(cls, projects: Collection[UUID]) -> Q:
        """The filter of agents that serve everybody, or one of these projects."""
        restrictions = cls.projects.through.objects.filter(agent=OuterRef("pk"))
        named = restrictions.filter(project__in=projects)
        return Q(~Exists(restrictions)) | Q(Exists(named))


class ResourceLimit(TenantOwned):
    """How many leases all agents with one `resource_key` may have together."""

    resource_key = models.CharField(max_length=128)
    concurrency_limit = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["resource_key"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "resource_key"], name="resource_limit_once"),
            models.CheckConstraint(condition=Q(concurrency_limit__gte=1), name="resource_limit_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.resource_key}: {self.concurrency_limit}"

    @classmethod
    def reach(cls, actor: Actor, capability: str) -> Q:
        return actor.whole_tenant(capability)


class AgentLease(TenantOwned):
    """A slot of an agent, held by one attempt of one step. It is live while it is neither released nor expired."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="leases")
    agent_id: UUID
    resource_key = models.CharField(max_length=128)
    run_id = models.UUIDField()
    node_id = models.CharField(max_length=128)
    path = models.CharField(max_length=500)
    step_id = models.CharField(max_length=128)
    dispatch_id = models.UUIDField(unique=True)
    fence = models.PositiveBigIntegerField()
    acquired_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ["-acquired_at"]
        constraints = [models.UniqueConstraint(fields=["agent", "fence"], name="lease_fence_once")]
        indexes = [
            models.Index(fields=["agent"], condition=Q(released_at__isnull=True), name="lease_open_of_agent"),
            models.Index(fields=["expires_at"], condition=Q(released_at__isnull=True), name="lease_expiring"),
            models.Index(fields=["tenant", "resource_key"], condition=Q(released_at__isnull=True), name="lease_of_key"),
            models.Index(fields=["run_id", "-acquired_at"], name="lease_by_run"),
        ]

    def __str__(self) -> str:
        return f"{self.agent} for {self.path}/{self.step_id}"

    @classmethod
    def reach(cls, actor: Actor, capability: str) -> Q:
        """Those of the agents that the actor reaches."""
        return Q(agent__in=Agent.objects.with_capability(actor, capability).values("pk"))
