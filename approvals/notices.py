"""Mails to the people who are asked. The row is the queue: written with the question, sent by another loop."""

from datetime import timedelta
from smtplib import SMTPException

import structlog
from django.db.models import QuerySet

from approvals import links, mails
from approvals.choices import NoticeState, Status
from approvals.models import Approval, Notice
from langorch.lib import clock, doorbell
from tenants.models import User

SEND = "approvals.send_notices"
SENT_AT_ONCE = 50
CLAIM = timedelta(minutes=2)
FIRST_DELAY, LONGEST_DELAY = 15, 3600
MOST_ATTEMPTS = 8

log = structlog.get_logger(__name__)


def write(approval: Approval, people: QuerySet[User]) -> None:
    """Queue a mail to each of `people` who has an address and was not told before."""
    now = clock.now()
    rows = [
        Notice(tenant_id=approval.tenant_id, approval=approval, user=user, address=user.email, available_at=now)
        for user in people
        if user.email
    ]
    if rows:
        Notice.system.bulk_create(rows, ignore_conflicts=True)
        doorbell.ring(SEND)


def void(approval: Approval, keep: QuerySet[User] | None = None) -> None:
    """End the links and the unsent mails of an approval, except those of the people in `keep`."""
    rows = Notice.system.filter(approval=approval)
    if keep is not None:
        rows = rows.exclude(user_id__in=list(keep.values_list("pk", flat=True)))
    now = clock.now()
    rows.filter(link_expires_at__gt=now).update(link_expires_at=now)
    rows.filter(state=NoticeState.PENDING).update(state=NoticeState.CANCELED)


def send_due() -> int:
    """Send the mails whose time has come, each claimed by one sender; how many went out."""
    rows = Notice.system.filter(state=NoticeState.PENDING, available_at__lte=clock.now())
    due = rows.select_related("approval__project", "user").order_by("available_at")[:SENT_AT_ONCE]
    return sum(_send(notice) for notice in due if _claim(notice))


def _claim(notice: Notice) -> bool:
    mine = Notice.system.filter(pk=notice.pk, state=NoticeState.PENDING, attempts=notice.attempts)
    notice.attempts += 1
    return mine.update(attempts=notice.attempts, available_at=clock.now() + CLAIM) == 1


def _send(notice: Notice) -> bool:
    if notice.approval.status != Status.PENDING:
        _settle(notice, state=NoticeState.CANCELED)
        return False
    try:
        mails.request(notice, links.address(links.issue(notice))).send()
    except (SMTPException, OSError) as error:
        log.warning("mail_not_sent", notice=str(notice.pk), attempt=notice.attempts, error=str(error))
        _postpone(notice, str(error))
        return False
    _settle(notice, state=NoticeState.SENT, sent_at=clock.now(), last_error="")
    return True


def _postpone(notice: Notice, error: str) -> None:
    if notice.attempts >= MOST_ATTEMPTS:
        _settle(notice, state=NoticeState.FAILED, last_error=error[:300])
        return
    delay = timedelta(seconds=min(FIRST_DELAY * 2 ** (notice.attempts - 1), LONGEST_DELAY))
    _settle(notice, available_at=clock.now() + delay, last_error=error[:300])


def _settle(notice: Notice, **values: object) -> None:
    Notice.system.filter(pk=notice.pk, state=NoticeState.PENDING).update(**values)
