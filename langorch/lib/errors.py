"""Refusals: what the caller did wrong, with a stable code, places and hints. They change nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """One thing that is wrong and where: a field, a JSON pointer, a node or a step."""

    message: str
    code: str = "invalid"
    field: str | None = None
    pointer: str | None = None
    node_id: str | None = None
    step_id: str | None = None
    hint: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        return {name: getattr(self, name) for name in self.__slots__}


class Refusal(Exception):
    """A request that is refused. `status` is the HTTP status, `code` is stable, `detail` is for people.

    `extra` goes beside the three standard keys of an API answer.
    """

    status = 400
    code = "invalid"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        places: Sequence[Place] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.code
        self.places = tuple(places)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The answer's body (api 1, errors)."""
        answer: dict[str, Any] = {"detail": self.detail, "code": self.code}
        if self.places:
            answer["errors"] = [place.as_dict() for place in self.places]
        return answer | self.extra


class NotAuthenticated(Refusal):
    status, code = 401, "not_authenticated"


class Denied(Refusal):
    """A permission is missing. Names it and who can grant it."""

    status, code = 403, "permission_denied"

    def __init__(self, permission: str, granted_by: str = "an administrator of your tenant", **more: Any) -> None:
        detail = more.pop("detail", f"You need the permission {permission}; {granted_by} can grant it.")
        extra = {"permission": permission, "granted_by": granted_by} | dict(more.pop("extra", {}))
        super().__init__(detail, extra=extra, **more)


class NotFound(Refusal):
    status, code = 404, "not_found"


class Conflict(Refusal):
    """The thing is not in a state that allows this."""

    status, code = 409, "illegal_transition"


class PreconditionFailed(Refusal):
    """Somebody else changed the thing since it was read."""

    status, code = 412, "precondition_failed"


class TooLarge(Refusal):
    status, code = 413, "too_large"


class Invalid(Refusal):
    """The input has the right form but wrong content."""

    status, code = 422, "invalid_input"


class TooMany(Refusal):
    status, code = 429, "rate_limited"
