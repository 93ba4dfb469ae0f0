"""People, the roles they hold, and the tokens they carry."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.db import models
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from tenants import people, selectors, services
from tenants.access import actor_of
from tenants.actor import Actor
from tenants.admin.base import PlatformAdmin, ScopedAdmin, at_once, confirmed
from tenants.auth import tokens
from tenants.choices import Capability, Role
from tenants.models import AccessToken, LoginAttempt, Membership, Project, StoredAnswer, Tenant, UsedTicket, User


class NewPersonForm(ModelForm):  # type: ignore[type-arg]
    """A person who is new to the installation, with a first role."""

    password = forms.CharField(widget=UnfoldAdminPasswordWidget, help_text="Tell them in person; they can change it.")
    role = forms.ChoiceField(choices=Role.choices, widget=UnfoldAdminSelectWidget)
    project = forms.ModelChoiceField(
        Project.system.none(), required=False, widget=UnfoldAdminSelectWidget, help_text="Empty: the whole tenant."
    )

    class Meta:
        model = User
        fields = ["username", "full_name", "email", "timezone"]

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password


@admin.register(User)
class UserAdmin(ScopedAdmin):
    """The people of the tenant."""

    needs = "members.admin"
    list_display = ["username", "full_name", "email", "is_active", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser"]
    search_fields = ["username", "full_name", "email"]
    date_hierarchy = "date_joined"
    fields = ["username", "full_name", "email", "timezone", "is_active", "date_joined", "last_login"]
    readonly_fields = ["date_joined", "last_login"]
    add_fieldsets = [(None, {"fields": [*NewPersonForm.Meta.fields, "password", "role", "project"]})]

    def visible_to(self, actor: Actor) -> models.QuerySet[User]:
        return people.people_administered_by(actor)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).may("members.admin")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        actor = actor_of(request)
        return actor.may("members.admin") and (obj is None or people.may_change(actor, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj else []

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change=change, **kwargs)
        form = super().get_form(request, obj, change=change, form=NewPersonForm, **kwargs)
        form.base_fields["project"].queryset = selectors.projects_visible_to(actor_of(request))
        return form

    def save_model(self, request: HttpRequest, obj: User, form: "ModelForm[User]", change: bool) -> None:
        if change:
            people.save(actor_of(request), obj, form.changed_data)
        else:
            given = form.cleaned_data
            people.add_person(actor_of(request), obj, given["password"], given["role"], given["project"])


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    """Who holds which role where. Roles are granted and revoked, never changed."""

    needs = "members.admin"
    list_display = ["user", "group", "role", "project", "granted_by", "created_at"]
    list_filter = ["role", ("project", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["user", "group", "project", "tenant"]
    search_fields = ["user__username", "user__full_name", "group__name", "granted_by"]
    date_hierarchy = "created_at"
    fields = ["user", "group", "role", "project"]
    actions = ["revoke"]

    def visible_to(self, actor: Actor) -> models.QuerySet[Membership]:
        return Membership.objects.with_capability(actor, Capability.ADMINISTER)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).may("members.admin")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).may("members.admin")

    def save_model(self, request: HttpRequest, obj: Membership, form: "ModelForm[Membership]", change: bool) -> None:
        actor = actor_of(request)
        place = obj.project or Tenant.objects.get(pk=actor.tenant_id)
        actor.require("members.admin", place)
        granted = services.grant_role(actor, cast(User | Group, obj.user or obj.group), obj.role, place)
        obj.pk, obj.tenant_id = granted.pk, granted.tenant_id

    @admin.action(description="Revoke the selected roles", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: models.QuerySet[Membership]) -> HttpResponse | None:
        actor = actor_of(request)
        return confirmed(self, request, queryset, "Revoke", lambda row, _: services.revoke_role(actor, row))


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(PlatformAdmin):
    """Groups of people. Those named role@place are made by granting a role to a person."""

    list_display = ["name"]
    search_fields = ["name"]
    fields = ["name"]

    def visible_to(self, actor: Actor) -> models.QuerySet[Group]:
        return Group.objects.all() if actor.platform else selectors.groups_of(actor.tenant_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).platform


@admin.register(AccessToken)
class AccessTokenAdmin(ScopedAdmin):
    """Bearer tokens that were handed out."""

    needs = "members.admin"
    list_display = ["user", "created_at", "expires_at", "revoked_at"]
    list_filter = ["expires_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["user__username"]
    date_hierarchy = "created_at"
    actions = ["revoke"]

    def visible_to(self, actor: Actor) -> models.QuerySet[AccessToken]:
        return AccessToken.objects.filter(tenant_id=actor.tenant_id).marked_scoped()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return actor_of(request).holds(Capability.ADMINISTER)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    @admin.action(description="Revoke the selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: models.QuerySet[AccessToken]) -> None:
        at_once(self, request, queryset, "Revoke", lambda row, _: tokens.revoke(row))


@admin.register(StoredAnswer)
class StoredAnswerAdmin(ScopedAdmin):
    """First answers to requests that carried an Idempotency-Key. Their bodies are not shown."""

    list_display = ["route", "identity", "key", "status", "created_at"]
    list_filter = ["status"]
    search_fields = ["route", "identity", "key"]
    date_hierarchy = "created_at"
    fields = ["route", "identity", "key", "status", "created_at"]

    def visible_to(self, actor: Actor) -> models.QuerySet[StoredAnswer]:
        return StoredAnswer.objects.filter(tenant_id=actor.tenant_id).marked_scoped()

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return actor_of(request).holds(Capability.ADMINISTER)


@admin.register(LoginAttempt)
class LoginAttemptAdmin(PlatformAdmin):
    """Attempts to log in that failed."""

    list_display = ["account", "address", "at"]
    search_fields = ["account", "address"]
    date_hierarchy = "at"


@admin.register(UsedTicket)
class UsedTicketAdmin(PlatformAdmin):
    """Stream tickets that were redeemed."""

    list_display = ["nonce", "at"]
    search_fields = ["nonce"]
    date_hierarchy = "at"
