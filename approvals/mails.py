"""What the mails say: plain text beside HTML, from the templates."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from approvals import evidence
from approvals.models import Notice
from langorch.lib import clock, moments

MOST_FACTS = 8


def request(notice: Notice, link: str) -> EmailMultiAlternatives:
    """The mail that asks one person to decide."""
    approval = notice.approval
    due = due_words(notice)
    facts = evidence.read(approval.context_data).facts[:MOST_FACTS]
    context = {
        "approval": approval,
        "place": approval.project.name if approval.project else "",
        "facts": facts,
        "widest": max((len(fact.label) for fact in facts), default=0),
        "due": due,
        "link": link,
        "shown_link": link.partition("://")[2],
        "person": notice.user,
    }
    body = render_to_string("approvals/mail/request.txt", context)
    mail = EmailMultiAlternatives(subject=_subject(approval.title, due), body=body, to=[notice.address])
    mail.attach_alternative(render_to_string("approvals/mail/request.html", context), "text/html")
    return mail


def due_words(notice: Notice) -> str:
    """ "due today at 15:42 (Europe/Oslo)", in the person's own zone; empty without a due time."""
    due = notice.approval.expires_at
    if due is None:
        return ""
    zone, now = _zone(notice.user.timezone), clock.now()
    today = due.astimezone(zone.info).date() == now.astimezone(zone.info).date()
    return f"due {'today at ' if today else ''}{moments.at(due, now, zone)} ({zone.name})"


def _subject(title: str, due: str) -> str:
    """One line: the question, and until when."""
    line = " ".join(title.split())
    if not due:
        return line
    return f"{line} {due[:1].upper()}{due[1:]}" if line.endswith(("?", "!", ".")) else f"{line}, {due}"


def _zone(name: str) -> moments.Zone:
    try:
        return moments.Zone(ZoneInfo(name), name)
    except (ZoneInfoNotFoundError, ValueError):
        return moments.Zone(ZoneInfo("UTC"), "UTC")
