"""The base of every endpoint: declared access, declared query parameters, answers that repeat, pages of lists."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from langorch.lib.errors import Place, Refusal
from tenants.access import PUBLIC
from tenants.actor import Actor
from tenants.api import idempotency
from tenants.api.permissions import access_of, actor_of

Validated = dict[str, Any]
Form = TypeVar("Form", bound=Serializer[Any])


class UnknownParameter(Refusal):
    """A query parameter that the endpoint does not have."""

    status, code = 400, "unknown_parameter"


class JsonAlways(BaseContentNegotiation):
    """Answers are JSON whatever the client says it accepts."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next((parser for parser in parsers if _same_type(parser.media_type, request.content_type)), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class Endpoint(APIView):
    """`access` names per method who may call it: a permission, `any`, or `public`.

    `queries` names per method the serializer of its query parameters. Others are refused, unless `lenient`: the
    addresses that clients of old call ignore what they do not know.
    """

    access: ClassVar[Mapping[str, str]] = {}
    queries: ClassVar[Mapping[str, type[Serializer[Any]]]] = {}
    lenient: ClassVar[bool] = False
    content_negotiation_class = JsonAlways
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]

    _claim: idempotency.Claim | None = None
    _parameters: Validated

    @property
    def actor(self) -> Actor:
        """The identity behind this request. Raises `NotAuthenticated`."""
        return actor_of(self.request)

    def parameters(self) -> Validated:
        """The checked query parameters, defaults filled in."""
        return self._parameters

    def body(self, form: type[Form]) -> Validated:
        """The checked body; unknown keys are left out. Raises the 422 of what does not fit."""
        checked = form(data=self.request.data)
        checked.is_valid(raise_exception=True)
        values: Validated = checked.validated_data
        return values

    def get_authenticators(self) -> list[Any]:
        """Nobody is asked who they are at a public address, so a stale token does not lock them out of the login."""
        if access_of(self, getattr(self.request, "method", "")) == PUBLIC:
            return []
        return super().get_authenticators()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self._parameters = self._read_parameters(request)
        if request.method == "POST" and access_of(self, "POST") != PUBLIC:
            self._claim = idempotency.claim(request, self.actor)

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, idempotency.Replay):
            return exc.answer
        try:
            return super().handle_exception(exc)
        except Exception:
            idempotency.release(self._claim)
            raise

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", "no-store")
        if self._claim is not None:
            idempotency.keep(self._claim, final)
        return final

    def _read_parameters(self, request: Request) -> Validated:
        form = self.queries.get("GET" if request.method == "HEAD" else request.method or "")
        given = {name: str(value) for name, value in request.query_params.items()}
        if not self.lenient:
            _require_known(given, form)
        if form is None:
            return {}
        checked = form(data=given)
        checked.is_valid(raise_exception=True)
        values: Validated = checked.validated_data
        return values


def _require_known(given: Mapping[str, str], form: type[Serializer[Any]] | None) -> None:
    known = set(form().fields) if form else set()
    unknown = sorted(set(given) - known)
    if unknown:
        hint = f"Known here: {', '.join(sorted(known))}." if known else "There are none here."
        places = [Place(f"Unknown parameter {name}.", "unknown_parameter", field=name, hint=hint) for name in unknown]
        raise UnknownParameter(f"Unknown query parameter: {', '.join(unknown)}.", places=places)


def _same_type(media_type: str, content_type: str | None) -> bool:
    return (content_type or "").partition(";")[0].strip().lower() == media_type
