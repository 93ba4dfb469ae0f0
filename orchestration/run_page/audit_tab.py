"""The tab Audit: who did what to a run, its questions and its files."""

from functools import cached_property
from typing import Final

from django.db.models import Q

from approvals.models import Approval
from orchestration.models import Artifact
from orchestration.run_page.subject import Subject
from tenants.choices import Capability
from tenants.models import AuditEntry

MOST_LISTED: Final = 200


def may_view_audit(subject: Subject) -> bool:
    """Whether the person may see who did what to this run."""
    return subject.actor.may("audit.view", subject.run)


class AuditTab:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @cached_property
    def entries(self) -> list[AuditEntry]:
        """The latest that the person may see, the newest first."""
        run_id = self._subject.run.pk
        asked = Approval.system.filter(run_id=run_id).order_by().values_list("pk", flat=True)
        files = Artifact.system.filter(run=run_id).order_by().values_list("pk", flat=True)
        things = [str(pk) for pk in asked.union(files)]
        about = Q(resource_type="run", resource_id=str(run_id))
        about |= Q(resource_type__in=("approval", "artifact"), resource_id__in=things)
        found = AuditEntry.objects.with_capability(self._subject.actor, Capability.ADMINISTER).filter(about)
        return list(found.order_by("-ts", "-pk")[:MOST_LISTED])
