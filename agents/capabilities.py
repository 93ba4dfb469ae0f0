"""What agents offer: reading what they declare, and finding an action in it (protocols 3 and 5)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings

from agents.choices import CapabilityType, SideEffect
from langorch.lib.errors import Invalid, Place

EVERYTHING: Final = "*"
MOST: Final = 1_000
SPECIFIC: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,128}")
_KINDS: Final[dict[str, tuple[type, ...]]] = {
    "name": (str,),
    "type": (str,),
    "description": (str, type(None)),
    "version": (str, type(None)),
    "params_schema": (dict, type(None)),
    "estimated_duration_s": (int, float, type(None)),
    "is_batch": (bool, type(None)),
    "side_effect": (str, type(None)),
    "keeps_keys": (bool, type(None)),
}
_WORDS: Final = {"type": CapabilityType.values, "side_effect": SideEffect.values}


@dataclass(frozen=True, slots=True)
class Offer:
    """One capability of an agent. `side_effect` is none where the agent does not say."""

    name: str
    type: str = CapabilityType.TOOL
    version: str | None = None
    side_effect: str | None = None
    keeps_keys: bool = False
    params_schema: Mapping[str, Any] | None = None


def normalized(given: Any) -> list[dict[str, Any]]:
    """Capabilities as objects, from names and objects. Raises `Invalid` with a place for each fault."""
    if not isinstance(given, list | tuple) or len(given) > MOST:
        raise Invalid("capabilities", places=[Place(f"Must be a list of at most {MOST}.", field="capabilities")])
    faults: list[Place] = []
    found = [_normalized(one, f"capabilities.{index}", faults) for index, one in enumerate(given)]
    if faults:
        raise Invalid("; ".join(fault.message for fault in faults), places=faults)
    return found


def _normalized(given: Any, place: str, faults: list[Place]) -> dict[str, Any]:
    if isinstance(given, str):
        given = {"name": given}
    if not isinstance(given, dict):
        faults.append(Place("A capability is a name or an object.", field=place))
        return {}
    one = {key: value for key, value in given.items() if key in _KINDS and value is not None}
    for key, value in one.items():
        if not _fits(key, value):
            faults.append(Place(f"'{key}' of a capability cannot be {value!r}.", field=f"{place}.{key}"))
    if not isinstance(one.get("name"), str) or not SPECIFIC.fullmatch(one["name"]):
        faults.append(Place("A capability has a name of 1 to 128 characters without blanks.", field=f"{place}.name"))
    return {"type": CapabilityType.TOOL.value, **one}


def _fits(key: str, value: Any) -> bool:
    if not isinstance(value, _KINDS[key]) or (isinstance(value, bool) and bool not in _KINDS[key]):
        return False
    return key not in _WORDS or value in _WORDS[key]


def find(capabilities: Iterable[Mapping[str, Any]], action: str) -> Offer | None:
    """What is offered for an action: by its name, else by the entry that offers everything."""
    listed = list(capabilities)
    if not listed and not settings.ENV.AGENT_REQUIRE_EXPLICIT_CAPABILITIES:
        return Offer(action)
    named = {one["name"]: one for one in reversed(listed)}
    one = named.get(action, named.get(EVERYTHING))
    return None if one is None else offer(one)


def offer(one: Mapping[str, Any]) -> Offer:
    """A stored capability."""
    return Offer(
        one["name"],
        one.get("type", CapabilityType.TOOL),
        one.get("version"),
        one.get("side_effect"),
        bool(one.get("keeps_keys")),
        one.get("params_schema"),
    )
