"""Links in mails: a secret for one person and one question. Opening one shows the question and decides nothing."""

import base64
import hashlib
from datetime import timedelta

from django.conf import settings

from approvals.choices import Status
from approvals.models import Approval, Notice
from langorch.lib import clock, ids
from langorch.lib.errors import Conflict, NotFound
from tenants import selectors as people
from tenants.actor import Actor

LOGIN, LINK = "login", "link"


def issue(notice: Notice) -> str:
    """A new secret for `notice`, which ends the one before; stored as a hash. The token of the address."""
    token = base64.urlsafe_b64encode(bytes.fromhex(ids.token(32))).decode().rstrip("=")
    ends = clock.now() + timedelta(hours=settings.ENV.APPROVAL_LINK_HOURS)
    Notice.system.filter(pk=notice.pk).update(link_hash=digest(token), link_expires_at=ends)
    return token


def address(token: str) -> str:
    """The whole address of a link."""
    return f"{settings.SELF_BASE_URL}/approve/{token}"


def find(token: str) -> Notice:
    """The notice whose link carries `token`. Raises `NotFound`."""
    rows = Notice.system.select_related("approval__project", "user", "tenant")
    notice = rows.filter(link_hash=digest(token), user__is_active=True, tenant__active=True).first()
    if notice is None:
        raise NotFound("This link is not known. A later mail may hold a newer one; your inbox has all questions.")
    return notice


def is_dead(notice: Notice) -> bool:
    """Whether the link can no longer decide: used, past its time or the question's, or the question is closed."""
    now, due = clock.now(), notice.approval.expires_at
    ended = notice.link_expires_at is None or notice.link_expires_at <= now or (due is not None and due <= now)
    return ended or notice.link_used_at is not None or notice.approval.status != Status.PENDING


def mode(approval: Approval) -> str:
    """`login`: the person has to log in; `link`: the link stands for the person. The project's word, else ours."""
    wanted = approval.project.settings.get("approval_link_mode") if approval.project else None
    return LINK if (wanted or settings.ENV.APPROVAL_LINK_MODE) == LINK else LOGIN


def holder(notice: Notice, address: str) -> Actor:
    """The person whom `notice` addresses, acting by mail. Raises `NotFound` when they left the tenant."""
    actor = people.actor_of(notice.user, tenant_slug=notice.tenant.slug, via="mail", address=address)
    if actor is None:
        raise NotFound("This link is for somebody who is no longer here.")
    return actor


def require_alive(notice: Notice) -> None:
    """Raise `Conflict` (already_decided) for a link that can no longer decide."""
    if is_dead(notice):
        raise Conflict("This link has been used, or its time is over.", code="already_decided")


def use_up(notice: Notice) -> None:
    """Spend the link, in the transaction of the decision. Raises `Conflict` (already_decided) when it was spent."""
    unspent = Notice.system.filter(pk=notice.pk, link_hash=notice.link_hash, link_used_at=None)
    if unspent.update(link_used_at=clock.now()) != 1:
        raise Conflict("This link has been used.", code="already_decided")


def digest(token: str) -> str:
    """What is stored of a token: SHA-256, in hex."""
    return hashlib.sha256(token.encode()).hexdigest()
