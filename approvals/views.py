"""The pages of approvals: inbox, question, mail link, and the mailbox of an embedded installation."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from approvals import links, mailbox, selectors, services
from approvals.decision_form import DecisionForm
from approvals.inbox import Inbox
from approvals.models import Approval, Notice
from approvals.pages import ApprovalPage
from approvals.rules.answers import Answer
from langorch.lib.errors import Conflict, Denied, Invalid, NotFound
from tenants.access import actor_of, page
from tenants.actor import Actor
from tenants.addresses import client_address
from tenants.models import User

ASK = ["GET", "HEAD", "POST"]
FILES = "django.core.mail.backends.filebased.EmailBackend"


@require_safe
@page("any")
def inbox(request: HttpRequest) -> HttpResponse:
    """What waits for this person, with a preview beside the list."""
    return render(request, "approvals/inbox.html", {"inbox": Inbox(actor_of(request), request.GET.dict())})


@require_http_methods(ASK)
@page("any")
def approval(request: HttpRequest, approval_id: UUID) -> HttpResponse:
    """One question. Opening it decides nothing; a POST decides."""
    actor = actor_of(request)
    found = selectors.approval_for(actor, approval_id)
    if request.method != "POST":
        return _question(request, actor, found)

    def take(answer: Answer) -> Approval:
        return services.decide(actor, found.pk, answer)

    back = reverse("approvals") if request.POST.get("from") == "inbox" else reverse("approval", args=[found.pk])
    return _decide(request, actor, found, take, back)


@require_http_methods(ASK)
@page("public")
def link(request: HttpRequest, token: str) -> HttpResponse:
    """Where the link of a mail leads: the question, or the login page before it. Only a POST decides."""
    response = _open_link(request, links.find(token))
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
@page("any")
def mails(request: HttpRequest) -> HttpResponse:
    """The mails that were written to files instead of being sent; for staff of an embedded installation."""
    folder = _outbox(request)
    return render(request, "approvals/mailbox.html", {"mails": mailbox.latest(folder)})


@require_safe
@page("any")
def mail(request: HttpRequest, name: str) -> HttpResponse:
    """One mail: the one with number `?n=` of a file, else its first."""
    wanted = request.GET.get("n", "0")
    found = next((mail for mail in mailbox.read(_outbox(request), name) if str(mail.number) == wanted), None)
    if found is None:
        raise NotFound("There is no such mail.")
    return render(request, "approvals/mail.html", {"mail": found})


def _open_link(request: HttpRequest, notice: Notice) -> HttpResponse:
    known = request.user.is_authenticated
    if known and request.user.pk != notice.user_id:
        return _for_somebody_else(request, notice)
    if not known and links.mode(notice.approval) == links.LOGIN:
        return redirect_to_login(request.get_full_path())
    actor = links.holder(notice, client_address(request))
    found = selectors.approval_for(actor, notice.approval_id)

    def take(answer: Answer) -> Approval:
        return services.decide_by_link(actor, notice, answer)

    if request.method == "POST":
        back = reverse("approval", args=[found.pk]) if known else request.path
        return _decide(request, actor, found, take, back)
    if links.is_dead(notice):
        return _ended(request, actor, found, 410, "This link has ended.")
    return _question(request, actor, found)


def _decide(request: HttpRequest, actor: Actor, found: Approval, take: Any, back: str) -> HttpResponse:
    """Hand the form to `take`, then lead to `back`; what was refused comes back with what was typed."""
    form = DecisionForm(found, request.POST)
    answer = form.read()
    if answer is None:
        return _question(request, actor, found, form, status=422)
    try:
        done = take(answer)
    except Invalid as refusal:
        form.mark(refusal.places)
        return _question(request, actor, found, form, status=422)
    except Conflict as refusal:
        return _ended(request, actor, selectors.approval_for(actor, found.pk), refusal.status, refusal.detail)
    messages.success(request, _thanks(done))
    return redirect(back)


def _thanks(done: Approval) -> str:
    if done.status == "pending":
        return f"Your vote is kept; others have to agree: {done.title}"
    return f"{done.get_status_display()}: {done.title}"


def _question(
    request: HttpRequest,
    actor: Actor,
    found: Approval,
    form: DecisionForm | None = None,
    *,
    status: int = 200,
    detail: str = "",
    template: str = "approvals/approval.html",
) -> HttpResponse:
    reader = request.user if request.user.is_authenticated else User.objects.get(username=actor.name)
    shown = ApprovalPage(actor, found, form, str(reader))
    context = {"page": shown, "approval": found, "detail": detail, "layout": _layout(request)}
    return render(request, template, context, status=status)


def _ended(request: HttpRequest, actor: Actor, found: Approval, status: int, detail: str) -> HttpResponse:
    """What was decided; to a person who is not logged in, without the evidence."""
    template = "approvals/approval.html" if request.user.is_authenticated else "approvals/ended.html"
    return _question(request, actor, found, status=status, detail=detail, template=template)


def _for_somebody_else(request: HttpRequest, notice: Notice) -> HttpResponse:
    mine = selectors.visible_to(actor_of(request)).filter(pk=notice.approval_id).exists()
    context = {"person": notice.user, "approval": notice.approval if mine else None, "layout": _layout(request)}
    return render(request, "approvals/other_person.html", context, status=403)


def _layout(request: HttpRequest) -> str:
    return "shell.html" if getattr(request, "actor", None) else "approvals/guest.html"


def _outbox(request: HttpRequest) -> Path:
    """The folder of mails. Raises `NotFound` where mails are really sent, `Denied` for people who are not staff."""
    if settings.EMAIL_BACKEND != FILES:
        raise NotFound("Mails of this installation are sent, not kept here.")
    if not getattr(request.user, "is_staff", False):
        raise Denied("platform.admin", detail="Only staff of this installation reads its outbox.")
    return Path(settings.EMAIL_FILE_PATH)
