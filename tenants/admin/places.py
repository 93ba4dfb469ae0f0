"""Tenants and projects."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.forms import ModelForm
from django.http import HttpRequest

from tenants import people
from tenants.access import actor_of
from tenants.actor import Actor
from tenants.admin.base import ScopedAdmin
from tenants.choices import Capability
from tenants.models import Project, Tenant


@admin.register(Tenant)
class TenantAdmin(ScopedAdmin):
    """Tenants: one's own to look at; superusers add and change them."""

    list_display = ["name", "slug", "active", "weight", "max_open_runs", "max_running_runs", "created_at"]
    list_filter = ["active"]
    search_fields = ["name", "slug"]
    date_hierarchy = "created_at"
    fields = ["name", "slug", "active", "weight", "max_open_runs", "max_running_runs"]

    def visible_to(self, actor: Actor) -> models.QuerySet[Tenant]:
        return Tenant.objects.all() if actor.platform else Tenant.objects.filter(pk=actor.tenant_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).platform

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return actor_of(request).platform

    def save_model(self, request: HttpRequest, obj: Tenant, form: "ModelForm[Tenant]", change: bool) -> None:
        people.save(actor_of(request), obj, form.changed_data)


@admin.register(Project)
class ProjectAdmin(ScopedAdmin):
    """Projects; their administrators change them, those of the tenant add some."""

    list_display = ["name", "tenant", "description", "created_at"]
    list_filter = ["created_at"]
    list_select_related = ["tenant"]
    search_fields = ["name", "description"]
    date_hierarchy = "created_at"
    fields = ["name", "description", "settings"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).holds(Capability.ADMINISTER)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return actor_of(request).may("projects.admin", obj)

    def save_model(self, request: HttpRequest, obj: Project, form: "ModelForm[Project]", change: bool) -> None:
        people.save(actor_of(request), obj, form.changed_data)
