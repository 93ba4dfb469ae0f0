"""Approvals in the admin: to look at. They are decided on their own pages, by the people who were asked."""

from django.contrib import admin
from django.urls import reverse

from approvals.models import Approval, Assignment, Notice, Vote
from tenants.admin.base import ScopedAdmin


@admin.register(Approval)
class ApprovalAdmin(ScopedAdmin):
    """Questions to people. The evidence is on the approval's page."""

    list_display = ["title", "status", "procedure_id", "decided_by", "created_at", "expires_at"]
    list_filter = ["status", "decision_type", "via", ("project", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["project"]
    search_fields = ["title", "procedure_id", "run_title", "decided_by"]
    date_hierarchy = "created_at"
    fields = [
        "title",
        "status",
        "project",
        "procedure_id",
        "procedure_version",
        "run_id",
        "node_id",
        "decision_type",
        "decided_by",
        "decided_at",
        "via",
        "comment",
        "created_at",
        "expires_at",
    ]

    def view_on_site(self, obj: Approval) -> str:
        return reverse("approval", args=[obj.pk])


@admin.register(Vote)
class VoteAdmin(ScopedAdmin):
    """What each person decided."""

    list_display = ["approval", "name", "verdict", "via", "created_at"]
    list_filter = ["verdict", "via"]
    list_select_related = ["approval"]
    search_fields = ["name", "comment", "approval__title"]
    date_hierarchy = "created_at"
    fields = ["approval", "name", "verdict", "selected_option", "comment", "via", "evidence_hash", "created_at"]


@admin.register(Assignment)
class AssignmentAdmin(ScopedAdmin):
    """Who is asked, and who may not decide and why."""

    list_display = ["approval", "kind", "name", "reason"]
    list_filter = ["kind", "reason"]
    list_select_related = ["approval"]
    search_fields = ["name", "approval__title"]
    date_hierarchy = "approval__created_at"
    fields = ["approval", "kind", "user", "name", "reason"]


@admin.register(Notice)
class NoticeAdmin(ScopedAdmin):
    """Mails about approvals: what is due, what was sent, what failed."""

    list_display = ["approval", "address", "state", "attempts", "available_at", "sent_at", "last_error"]
    list_filter = ["state"]
    list_select_related = ["approval"]
    search_fields = ["address", "last_error", "approval__title"]
    date_hierarchy = "available_at"
    fields = [
        "approval",
        "user",
        "address",
        "state",
        "attempts",
        "available_at",
        "sent_at",
        "last_error",
        "link_used_at",
    ]
