"""Agents, their leases and circuits in the admin: to look at, to register, and to pause, drain and resume."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from agents import services
from agents.models import Agent, AgentLease, Circuit, RateBucket, ResourceLimit
from agents.services.registering import Registration, checked
from langorch.lib.errors import Invalid
from tenants.access import actor_of
from tenants.admin.base import ScopedAdmin, at_once, confirmed


class AgentForm(forms.ModelForm):  # type: ignore[type-arg]
    """An agent as the service checks it."""

    channel = forms.CharField(max_length=64)
    agent_id = forms.CharField(max_length=128, required=False)
    resource_key = forms.CharField(max_length=128, required=False)
    capabilities = forms.JSONField(required=False, initial=list, help_text="Names, or objects with name and type")

    class Meta:
        model = Agent
        fields = ["name"]

    def clean_channel(self) -> str:
        """Channels are compared without case."""
        return str(self.cleaned_data["channel"]).strip().lower()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "capabilities" in cleaned:
            cleaned["capabilities"] = cleaned["capabilities"] or []
        if self.errors:
            return cleaned
        try:
            checked({name: value for name, value in cleaned.items() if value not in (None, "")})
        except Invalid as refusal:
            for place in refusal.places:
                name = (place.field or "").partition(".")[0]
                self.add_error(name if name in self.fields else None, place.message)
        return cleaned


@admin.register(Agent)
class AgentAdmin(ScopedAdmin):
    """Agents. What they are observed to be and what operators want of them are two things."""

    form = AgentForm
    list_display = [
        "name",
        "channel",
        "pool_id",
        "status",
        "desired_state",
        "concurrency_limit",
        "base_url",
        "updated_at",
    ]
    list_filter = ["status", "desired_state", "channel", "pool_id"]
    search_fields = ["name", "agent_id", "channel", "base_url"]
    date_hierarchy = "created_at"
    fields = [
        "name",
        "channel",
        "agent_id",
        "base_url",
        "status",
        "concurrency_limit",
        "resource_key",
        "pool_id",
        "pool_priority",
        "affinity",
        "capabilities",
        "capabilities_version",
        "projects",
    ]
    actions = ["pause", "drain", "resume"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).may("agents.admin")

    def has_change_permission(self, request: HttpRequest, obj: Agent | None = None) -> bool:
        return actor_of(request).may("agents.admin", obj)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).may("agents.operate")

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> list[str]:
        return ["channel", "agent_id"] if obj else []

    def save_model(self, request: HttpRequest, obj: Agent, form: AgentForm, change: bool) -> None:
        actor = actor_of(request)
        if change:
            services.change_agent(actor, obj, **{name: form.cleaned_data[name] for name in form.changed_data})
            return
        registered = services.register_agent(actor, Registration(**form.cleaned_data))
        obj.pk = registered.pk

    @admin.action(description="Pause the selected agents…", permissions=["operate"])
    def pause(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse | None:
        actor = actor_of(request)
        return confirmed(self, request, queryset, "Pause", lambda row, why: services.pause_agent(actor, row, why))

    @admin.action(description="Drain the selected agents…", permissions=["operate"])
    def drain(self, request: HttpRequest, queryset: QuerySet[Agent]) -> HttpResponse | None:
        actor = actor_of(request)
        return confirmed(self, request, queryset, "Drain", lambda row, why: services.drain_agent(actor, row, why))

    @admin.action(description="Resume the selected agents", permissions=["operate"])
    def resume(self, request: HttpRequest, queryset: QuerySet[Agent]) -> None:
        actor = actor_of(request)
        at_once(self, request, queryset, "Resume", lambda row, _: services.resume_agent(actor, row))


@admin.register(AgentLease)
class AgentLeaseAdmin(ScopedAdmin):
    """Slots that runs hold, and held."""

    list_display = ["agent", "run_id", "path", "step_id", "acquired_at", "expires_at", "released_at", "ended_by"]
    list_filter = [("released_at", admin.EmptyFieldListFilter), ("agent", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["agent"]
    search_fields = ["agent__name", "agent__agent_id", "run_id__startswith", "path", "step_id"]
    date_hierarchy = "acquired_at"
    fields = [
        "agent",
        "run_id",
        "node_id",
        "path",
        "step_id",
        "dispatch_id",
        "resource_key",
        "fence",
        "acquired_at",
        "expires_at",
        "released_at",
        "ended_by",
    ]
    actions = ["release"]

    def has_administer_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).may("agents.admin")

    @admin.action(description="Release the selected leases…", permissions=["administer"])
    def release(self, request: HttpRequest, queryset: QuerySet[AgentLease]) -> HttpResponse | None:
        actor = actor_of(request)
        rows = queryset.select_related("agent")
        return confirmed(self, request, rows, "Release", lambda row, why: services.release_lease(actor, row, why))


@admin.register(Circuit)
class CircuitAdmin(ScopedAdmin):
    """Breakers that have a history."""

    list_display = ["subject", "kind", "state", "failures", "openings", "until", "last_error"]
    list_filter = ["state", "kind"]
    search_fields = ["subject", "last_error"]
    date_hierarchy = "updated_at"
    exclude = ["tenant"]
    actions = ["open_circuits", "close_circuits"]

    def has_administer_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).may("agents.admin")

    @admin.action(description="Open the selected circuits…", permissions=["administer"])
    def open_circuits(self, request: HttpRequest, queryset: QuerySet[Circuit]) -> HttpResponse | None:
        actor = actor_of(request)
        return confirmed(self, request, queryset, "Open", lambda row, why: services.open_circuit(actor, row, why))

    @admin.action(description="Close the selected circuits…", permissions=["administer"])
    def close_circuits(self, request: HttpRequest, queryset: QuerySet[Circuit]) -> HttpResponse | None:
        actor = actor_of(request)
        return confirmed(self, request, queryset, "Close", lambda row, why: services.close_circuit(actor, row, why))


@admin.register(ResourceLimit)
class ResourceLimitAdmin(ScopedAdmin):
    """Limits that agents of one resource share."""

    list_display = ["resource_key", "concurrency_limit", "created_at"]
    search_fields = ["resource_key"]
    date_hierarchy = "created_at"
    fields = ["resource_key", "concurrency_limit"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).may("agents.admin")

    def has_change_permission(self, request: HttpRequest, obj: ResourceLimit | None = None) -> bool:
        return actor_of(request).may("agents.admin")

    def has_delete_permission(self, request: HttpRequest, obj: ResourceLimit | None = None) -> bool:
        return actor_of(request).may("agents.admin")

    def save_model(self, request: HttpRequest, obj: ResourceLimit, form: Any, change: bool) -> None:
        services.save_resource_limit(actor_of(request), obj)


@admin.register(RateBucket)
class RateBucketAdmin(ScopedAdmin):
    """How many calls a minute are left."""

    list_display = ["name", "tokens", "refilled_at"]
    search_fields = ["name"]
    date_hierarchy = "refilled_at"
    fields = ["name", "tokens", "refilled_at"]
