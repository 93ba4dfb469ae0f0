"""Tickets: for readers that cannot send headers. One stream, one use, thirty seconds."""

from datetime import timedelta

from django.db import IntegrityError, transaction
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from langorch.lib import clock, ids, signing
from langorch.lib.errors import NotAuthenticated
from tenants import selectors
from tenants.actor import Actor
from tenants.addresses import client_address
from tenants.models import Tenant, UsedTicket, User

PURPOSE = "stream-ticket"
LIFETIME_SECONDS = 30


def issue(actor: Actor, path: str) -> str:
    """A ticket with which `actor` may open the stream at `path` (with or without the leading /api) once."""
    slug = Tenant.objects.values_list("slug", flat=True).get(pk=actor.tenant_id)
    return signing.sign(PURPOSE, [str(actor.user_id), slug, _stream(path), ids.token(16)])


class TicketAuthentication(BaseAuthentication):
    """`?ticket=`, for streams only: a view that reads tickets lists this class before the usual ones."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        ticket = request.query_params.get("ticket")
        if ticket is None:
            return None
        user_id, slug = redeem(ticket, request.path)
        user = User.objects.filter(pk=user_id, is_active=True).first()
        address = client_address(request._request)
        actor = user and selectors.actor_of(user, tenant_slug=slug, via="api", address=address)
        if user is None or actor is None:
            raise _refused("Whoever had this ticket made has no access any more.")
        request._request.actor = actor  # type: ignore[attr-defined]
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def redeem(ticket: str, path: str) -> tuple[str, str]:
    """Use up a ticket for the stream at `path`: the id of its person and the slug of their tenant.

    Raises `NotAuthenticated`: token_expired, token_revoked (used before), or invalid_credentials.
    """
    try:
        user_id, slug, stream, nonce = signing.unsign(PURPOSE, ticket, LIFETIME_SECONDS)
    except signing.Expired:
        raise NotAuthenticated("This ticket has expired. Ask for a new one.", code="token_expired") from None
    except signing.Forged:
        raise _refused("This is not a ticket of ours.") from None
    if stream != _stream(path):
        raise _refused("This ticket is for another stream.")
    _spend(nonce)
    return user_id, slug


def _spend(nonce: str) -> None:
    UsedTicket.objects.filter(at__lt=clock.now() - timedelta(seconds=2 * LIFETIME_SECONDS)).delete()
    try:
        with transaction.atomic():
            UsedTicket.objects.create(nonce=nonce, at=clock.now())
    except IntegrityError:
        raise NotAuthenticated("This ticket was used already.", code="token_revoked") from None


def _stream(path: str) -> str:
    return "/" + path.strip("/").removeprefix("api/")


def _refused(reason: str) -> NotAuthenticated:
    return NotAuthenticated(reason, code="invalid_credentials")
