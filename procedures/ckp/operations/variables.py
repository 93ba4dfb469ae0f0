"""Operations on variables, texts and ids."""

import uuid
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from langorch.lib import ids
from procedures.ckp.expressions.evaluation import utc_text
from procedures.ckp.expressions.moments import formatted, moment_text
from procedures.ckp.failures import OperationError, invalid
from procedures.ckp.operations.work import Work, as_text
from procedures.ckp.values import Json, kind_of, read_index

_SHORT_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_SHORT_LENGTH: Final = 12
Changes = dict[str, Json]


def set_variable(work: Work) -> tuple[Changes, Json]:
    """Sets a variable or a key below it; what is on the way is copied, never changed."""
    value = work.value("value")
    return assigned(work.scope.variables, as_text(work.need("variable")), value), value


def assigned(variables: Mapping[str, Json], name: str, value: Json) -> Changes:
    """The variable that changes when a name or dotted path is set. Raises `OperationError`."""
    root, *path = name.split(".")
    return {root: _placed(variables.get(root), path, value)}


def _placed(whole: Json, path: list[str], value: Json) -> Json:
    if not path:
        return value
    key, *below = path
    if whole is None:
        return {key: _placed(None, below, value)}
    if isinstance(whole, dict):
        return {**whole, key: _placed(whole.get(key), below, value)}
    index = read_index(key)
    if isinstance(whole, list) and index is not None and index < len(whole):
        return [*whole[:index], _placed(whole[index], below, value), *whole[index + 1 :]]
    raise invalid(f"`{key}` cannot be set in {kind_of(whole)}.")


def append_to_array(work: Work) -> tuple[Changes, Json]:
    """Appends to a list; an undefined one is made."""
    name = as_text(work.need("array"))
    known = work.scope.variables.get(name)
    if known is not None and not isinstance(known, list):
        raise OperationError("not_a_list", f"{name} is {kind_of(known)}, not a list.")
    value = work.value("value")
    return {name: [*(known or []), value]}, value


def calculate(work: Work) -> Json:
    """The value of an expression."""
    return work.expression("expression")


def format_string(work: Work) -> Json:
    """Text of a template with blocks."""
    return work.text("template")


def log(work: Work) -> Json:
    """Adds a line to the log."""
    message = work.text("message") if "message" in work.fields else work.value("value")
    work.tools.logged.append((work.literal("level", "INFO"), message))
    return None


def generate_id(work: Work) -> Json:
    """A new id, behind the prefix."""
    made = {"uuid7": lambda: str(ids.uuid7()), "uuid4": _uuid4, "short": _short}.get(work.literal("kind", "uuid7"))
    if made is None:
        raise invalid(f"There is no kind of id “{work.literal('kind')}”.")
    prefix = as_text(work.value("prefix")) if "prefix" in work.fields else ""
    return prefix + made()


def _uuid4() -> str:
    return str(uuid.UUID(hex=ids.token(16), version=4))


def _short() -> str:
    picked = bytes.fromhex(ids.token(_SHORT_LENGTH))
    return "".join(_SHORT_ALPHABET[byte % len(_SHORT_ALPHABET)] for byte in picked)


def get_timestamp(work: Work) -> Json:
    """The time of the node's entry: ISO in UTC, in a time zone, or in a format."""
    now = work.scope.now
    if now is None:
        raise invalid("There is no current time here.")
    zone: Any = work.literal("timezone")
    format_ = work.literal("format")
    if zone is None and format_ is None:
        return utc_text(now)
    try:
        local = now.astimezone(ZoneInfo(zone or work.scope.timezone))
    except (ZoneInfoNotFoundError, ValueError):
        raise invalid(f"There is no time zone “{zone}”.") from None
    return moment_text(local) if format_ is None else formatted(local, format_)
