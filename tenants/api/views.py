"""Logging in and out, who one is, and tickets for streams."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import selectors
from tenants.access import ANY, PUBLIC
from tenants.api.endpoint import Endpoint
from tenants.api.serializers import LoginIn, LoginOut, MeOut, TicketIn, TicketOut
from tenants.auth import login, tickets
from tenants.models import AccessToken, User
from tenants.permissions import PERMISSIONS


class Login(Endpoint):
    access = {"POST": PUBLIC}
    lenient = True

    @extend_schema(request=LoginIn, responses=LoginOut)
    def post(self, request: Request) -> Response:
        """Name and password for a bearer token."""
        given = self.body(LoginIn)
        found = login.log_in(request._request, given["username"], given["password"])
        answer = {
            "access_token": found.issued.token,
            "token_type": "bearer",
            "expires_in": found.issued.expires_in,
            "identity": found.user.username,
            "roles": found.roles,
        }
        return Response(answer, headers={"Cache-Control": "no-store"})


class Logout(Endpoint):
    access = {"POST": ANY}
    lenient = True

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """Revoke the token the request came with, or end its session."""
        token = request.auth if isinstance(request.auth, AccessToken) else None
        login.log_out(request._request, self.actor, token)
        return Response(status=204)


class Me(Endpoint):
    access = {"GET": ANY}
    lenient = True

    @extend_schema(responses=MeOut)
    def get(self, request: Request) -> Response:
        """Who one is, where, and what one may do there."""
        actor, user = self.actor, request.user
        assert isinstance(user, User)
        roles = selectors.roles_of(user, actor.tenant_id)
        tenants = list(selectors.tenants_of(user))
        answer = {
            "identity": actor.name,
            "roles": roles,
            "user_id": user.pk,
            "email": user.email,
            "full_name": user.full_name,
            "role": roles[0] if roles else None,
            "tenant": next(tenant.slug for tenant in tenants if tenant.pk == actor.tenant_id),
            "tenants": [{"slug": tenant.slug, "name": tenant.name} for tenant in tenants],
            "projects": [
                {"project_id": project.pk, "name": project.name} for project in selectors.projects_visible_to(actor)
            ],
            "permissions": [permission for permission in PERMISSIONS if actor.may(permission)],
        }
        return Response(MeOut(answer).data)


class StreamTickets(Endpoint):
    access = {"POST": ANY}

    @extend_schema(request=TicketIn, responses={201: TicketOut})
    def post(self, request: Request) -> Response:
        """A ticket with which an EventSource may open one stream once, within 30 seconds."""
        ticket = tickets.issue(self.actor, self.body(TicketIn)["path"])
        return Response({"ticket": ticket, "expires_in": tickets.LIFETIME_SECONDS}, status=201)
