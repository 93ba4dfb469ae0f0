"""What the shell around every page shows, read once per page and only when a template asks."""

from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest

from approvals import selectors as approvals
from langorch.pages import navigation
from tenants.access import project_of, projects_of
from tenants.actor import Actor
from tenants.models import Project, Tenant, User
from tenants.permissions import PERMISSIONS


class Shell:
    """The person's surroundings. Templates read it as `shell`.

    `can` nests the permissions by their names: `shell.can.runs.start`, `shell.can.view`.
    """

    def __init__(self, request: HttpRequest, actor: Actor, user: User) -> None:
        self._request = request
        self._actor = actor
        self._user = user
        self.embedded: bool = settings.EMBEDDED

    @cached_property
    def tenant(self) -> Tenant:
        known = [project.tenant for project in self.projects]
        return known[0] if known else Tenant.objects.get(pk=self._actor.tenant_id)

    @property
    def projects(self) -> list[Project]:
        return projects_of(self._request)

    @cached_property
    def project(self) -> Project | None:
        """The project the page is narrowed to by `?project=<id>`; None is all permitted ones."""
        return project_of(self._request)

    @property
    def in_project(self) -> str:
        """The query string that keeps the chosen project in links to other pages; empty without one."""
        return f"?{urlencode({'project': self.project.pk})}" if self.project else ""

    @cached_property
    def _inbox(self) -> approvals.InboxState:
        return approvals.inbox_state(self._actor)

    @property
    def approvals_waiting(self) -> int:
        """How many open approvals this person may decide."""
        return self._inbox.waiting

    @property
    def approvals_version(self) -> int:
        """Which state of the inbox that number belongs to; live pages compare it."""
        return self._inbox.version

    @cached_property
    def can(self) -> dict[str, Any]:
        rights: dict[str, Any] = {}
        for permission in PERMISSIONS:
            area, _, deed = permission.partition(".")
            held = self._actor.may(permission)
            if deed:
                rights.setdefault(area, {})[deed] = held
            else:
                rights[area] = held
        return rights

    @property
    def only_approver(self) -> bool:
        """An approver who is nothing else sees the inbox and no navigation."""
        return self._actor.may("approvals.decide") and not self._actor.may("view")

    @cached_property
    def nav(self) -> list[list[navigation.Link]]:
        rights = {
            "edit": self._actor.may("procedures.edit"),
            "admin": self._actor.may("runs.operate"),
            "mailbox": self._user.is_staff and self.embedded,
        }
        return navigation.groups(self._request.path, self.in_project, rights, self.approvals_waiting)


def shell(request: HttpRequest) -> dict[str, Any]:
    """The context processor: `shell` for a signed-in person with a tenant, None for others."""
    actor = getattr(request, "actor", None)
    user = getattr(request, "user", None)
    if not actor or not isinstance(user, User):
        return {"shell": None}
    return {"shell": Shell(request, actor, user)}
