"""The admin's look and its navigation."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy

Item = dict[str, Any]


def _rows(title: str, icon: str, model: str, permission: str = "view") -> Item:
    """A link to the rows of `model` (app_model) for people with `permission`; `platform` means superusers."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": lambda request: _may(request, permission),
    }


def _may(request: HttpRequest, permission: str) -> bool:
    actor: Any = getattr(request, "actor", None)
    if not actor:
        return False
    return bool(actor.platform) if permission == "platform" else bool(actor.may(permission))


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "LangOrch",
    "SITE_HEADER": "LangOrch",
    "SITE_SUBHEADER": "Admin",
    "SITE_URL": "/",
    "SITE_ICON": lambda request: static("favicon.svg"),
    "SITE_FAVICONS": [{"rel": "icon", "href": lambda request: static("favicon.svg"), "type": "image/svg+xml"}],
    "SHOW_HISTORY": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "4px",
    "STYLES": [lambda request: static("css/tokens.css"), lambda request: static("css/admin.css")],
    "SIDEBAR": {
        "show_search": True,
        "show_all_applications": False,
        "navigation": [
            {"items": [{"title": "Portal", "icon": "arrow_back", "link": "/", "active": False}]},
            {
                "title": "Runs",
                "items": [
                    _rows("Runs", "play_circle", "orchestration_run"),
                    _rows("Queue", "format_list_numbered", "orchestration_runjob"),
                    _rows("Bulk jobs", "dynamic_feed", "orchestration_bulk"),
                    _rows("Runs of bulk jobs", "checklist_rtl", "orchestration_bulkitem"),
                    _rows("Events", "timeline", "orchestration_event"),
                    _rows("Visits", "steps", "orchestration_visit"),
                    _rows("Steps", "checklist", "orchestration_steprecord"),
                    _rows("Waits", "hourglass_empty", "orchestration_wait"),
                    _rows("Idempotency keys", "vpn_key", "orchestration_idempotencykey"),
                    _rows("Artifacts", "draft", "orchestration_artifact"),
                    _rows("Searchable values", "search", "orchestration_searchvalue"),
                    _rows("Snapshots", "photo_camera", "orchestration_snapshot"),
                ],
            },
            {
                "title": "Approvals",
                "items": [
                    _rows("Approvals", "how_to_reg", "approvals_approval"),
                    _rows("Votes", "ballot", "approvals_vote"),
                    _rows("Assignments", "assignment_ind", "approvals_assignment"),
                    _rows("Mails", "mail", "approvals_notice"),
                ],
            },
            {
                "title": "Agents",
                "items": [
                    _rows("Agents", "smart_toy", "agents_agent"),
                    _rows("Leases", "key", "agents_agentlease"),
                    _rows("Circuits", "electrical_services", "agents_circuit"),
                    _rows("Resource limits", "speed", "agents_resourcelimit"),
                    _rows("Rate buckets", "water_drop", "agents_ratebucket"),
                ],
            },
            {
                "title": "Procedures",
                "items": [
                    _rows("Procedures", "account_tree", "procedures_procedure"),
                    _rows("Versions", "history", "procedures_procedureversion"),
                    _rows("Current versions", "verified", "procedures_currentversion"),
                    _rows("Documents", "description", "procedures_document"),
                ],
            },
            {
                "title": "People and projects",
                "items": [
                    _rows("Projects", "folder", "tenants_project"),
                    _rows("People", "person", "tenants_user", "members.admin"),
                    _rows("Roles", "badge", "tenants_membership", "members.admin"),
                    _rows("Groups", "group", "auth_group", "platform"),
                    _rows("Tokens", "key", "tenants_accesstoken", "members.admin"),
                    _rows("Stored answers", "replay", "tenants_storedanswer", "members.admin"),
                    _rows("Tenants", "domain", "tenants_tenant"),
                    _rows("Audit trail", "policy", "tenants_auditentry", "audit.view"),
                ],
            },
            {
                "title": "Installation",
                "items": [
                    _rows("Failed logins", "lock", "tenants_loginattempt", "platform"),
                    _rows("Used tickets", "confirmation_number", "tenants_usedticket", "platform"),
                    _rows("Leaders", "flag", "langorch_leadership", "platform"),
                ],
            },
        ],
    },
}
