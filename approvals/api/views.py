"""Approvals over REST: lists, one, the decision, and the stream of changes."""

from uuid import UUID

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from approvals import selectors, services
from approvals.api import serializers as wire
from approvals.streams import ApprovalStream
from tenants.api import paging
from tenants.api.endpoint import Endpoint
from tenants.auth.bearer import BearerAuthentication
from tenants.auth.session import SessionAuthentication
from tenants.auth.tickets import TicketAuthentication


class Approvals(Endpoint):
    access = {"GET": "any"}
    queries = {"GET": wire.ApprovalQuery}
    lenient = True

    @extend_schema(responses=wire.ApprovalOut(many=True))
    def get(self, request: Request) -> Response:
        """The approvals that the caller may see, newest first; `sort=due` gives the first due first."""
        wanted = self.parameters()
        rows = selectors.with_details(wire.wanted_rows(self.actor, wanted))
        found = paging.page(request, rows, wanted, keyset=wire.KEYSETS[wanted["sort"]])
        return found.answer(wire.shown_all(self.actor, found.rows))


class Approval(Endpoint):
    access = {"GET": "any"}
    lenient = True

    @extend_schema(responses=wire.ApprovalOut)
    def get(self, request: Request, approval_id: UUID) -> Response:
        """One approval with its evidence and votes."""
        return one(self, approval_id)


class Decision(Endpoint):
    access = {"POST": "any"}
    lenient = True

    @extend_schema(request=wire.DecisionIn, responses=wire.ApprovalOut)
    def post(self, request: Request, approval_id: UUID) -> Response:
        """Decide. Needs `approvals.decide` and to be among those who are asked; the first decision counts."""
        body = self.body(wire.DecisionIn)
        approval = selectors.approval_for(self.actor, approval_id)
        answer = wire.answer_in(approval, body)
        services.decide(self.actor, approval_id, answer, client_note=wire.note_in(body))
        return one(self, approval_id)


class Changes(Endpoint):
    access = {"GET": "any"}
    lenient = True
    authentication_classes = [TicketAuthentication, BearerAuthentication, SessionAuthentication]

    @extend_schema(responses={(200, "text/event-stream"): OpenApiTypes.STR})
    def get(self, request: Request) -> StreamingHttpResponse:
        """All open approvals that the caller may see, then every change (event `approval_update`)."""
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return StreamingHttpResponse(ApprovalStream(self.actor), content_type="text/event-stream", headers=headers)


def one(endpoint: Endpoint, approval_id: UUID) -> Response:
    """ApprovalOut of one approval, as the caller sees it."""
    approval = selectors.approval_for(endpoint.actor, approval_id)
    (data,) = wire.shown_all(endpoint.actor, [approval])
    return Response(data)
