"""`GET /api/runs/{id}/stream`: the events of a run as they happen."""

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from langorch.lib import clock
from langorch.lib.errors import Invalid, Place, Refusal
from orchestration import selectors
from orchestration.api.serializers import StreamQuery
from orchestration.choices import ENDED
from orchestration.streams import ActorReader, RunStream
from tenants import selectors as people
from tenants.actor import Actor
from tenants.api.endpoint import Endpoint
from tenants.auth.bearer import BearerAuthentication
from tenants.auth.session import SessionAuthentication
from tenants.auth.tickets import TicketAuthentication
from tenants.models import AccessToken

HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class NotStreaming(Refusal):
    """This process answers requests only; streams are served by the ASGI server."""

    status, code = 501, "not_streaming"


class RunEventStream(Endpoint):
    access = {"GET": "view"}
    queries = {"GET": StreamQuery}
    authentication_classes = [TicketAuthentication, BearerAuthentication, SessionAuthentication]
    lenient = True

    @extend_schema(parameters=[StreamQuery], responses={(200, "text/event-stream"): OpenApiTypes.STR, 204: None})
    def get(self, request: Request, run_id: str) -> HttpResponseBase:
        """Events from the beginning, after `Last-Event-ID`, or after `?after=`; then as they happen, until the end."""
        run = selectors.run_for(self.actor, run_id)
        last = request.headers.get("Last-Event-ID", "")
        after = _number(last) if last else self.parameters()["after"]
        if last and run.status in ENDED and after >= run.last_seq:
            return Response(status=204)
        if not isinstance(request._request, ASGIRequest):
            raise NotStreaming("Streams are served by the ASGI server of this installation.")
        stream = RunStream(run.pk, after, _reader(request, self.actor), f"{self.actor.tenant_id}:{self.actor.name}")
        return StreamingHttpResponse(stream, content_type="text/event-stream", headers=HEADERS)

    @extend_schema(exclude=True)
    def head(self, request: Request, run_id: str) -> HttpResponseBase:
        """Whether the stream is there."""
        selectors.run_for(self.actor, run_id)
        return Response(status=200, headers=HEADERS)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        place = Place("Last-Event-ID is the number of an event.", field="Last-Event-ID")
        raise Invalid(place.message, places=[place])
    return int(text)


def _reader(request: Request, actor: Actor) -> ActorReader:
    """Reads the identity anew; nobody once the token was revoked or has expired, or the session has ended."""
    token = request.auth if isinstance(request.auth, AccessToken) else None
    session_key = request._request.session.session_key if token is None else None

    def read() -> Actor | None:
        if token is not None and not _lives(token):
            return None
        if session_key and not request._request.session.exists(session_key):
            return None
        return people.renewed(actor)

    return read


def _lives(token: AccessToken) -> bool:
    return AccessToken.system.filter(pk=token.pk, revoked_at=None, expires_at__gt=clock.now()).exists()
