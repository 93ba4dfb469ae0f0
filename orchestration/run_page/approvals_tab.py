"""The tab Approvals: whom the run asked."""

from functools import cached_property

from approvals import selectors as approvals
from approvals.models import Approval
from orchestration.run_page.subject import Subject


class ApprovalsTab:
    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    @cached_property
    def approvals(self) -> list[Approval]:
        """Those that the person may see, the newest first."""
        found = approvals.visible_to(self._subject.actor).filter(run_id=self._subject.run.pk)
        return list(found.order_by("-created_at"))
