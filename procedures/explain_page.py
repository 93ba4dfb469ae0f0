"""What the page "Explain" says of a version: an analysis in the words of people who operate it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from langorch.lib import moments
from procedures.worst_case import DIMENSIONS, most_in_words

FIRST_ROUTES: Final = 12
MOST_CALLS: Final = 200
MOST_LEGS: Final = 40
MOST_NAMES: Final = 100
ENDS: Final = {"success": "ends completed", "failed": "ends failed", "__end__": "ends"}
BINDINGS: Final = {
    "internal": "LangOrch",
    "agent_http": "agent",
    "workflow": "workflow",
    "mcp_tool": "MCP tool",
    "llm": "model",
    "subflow": "procedure",
    "notify": "notice",
    "unbound": "nobody yet",
}


@dataclass(frozen=True, slots=True)
class Names:
    """Names of variables under one heading, each with a remark or none; `more` are not shown."""

    title: str
    entries: Sequence[tuple[str, str]]
    more: int


@dataclass(frozen=True, slots=True)
class Spent:
    """One bound of a run, and what keeps it from being known."""

    name: str
    most: str
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class Call:
    """A call that leaves the house: `tries` says how often and how long at most."""

    ref: str
    node_id: str
    action: str
    by: str
    effect: str
    tries: str
    gates: str


@dataclass(frozen=True, slots=True)
class Leg:
    """A node of a route, and the condition of the edge that leads to it."""

    node_id: str
    condition: str


@dataclass(frozen=True, slots=True)
class Route:
    """One way from the start to an end; `more` legs of a long one are not shown."""

    legs: Sequence[Leg]
    more: int
    ends: str
    facts: str


@dataclass(frozen=True, slots=True)
class Trigger:
    """What starts runs by itself; `fires` are the next times of a schedule."""

    id: str
    type: str
    fires: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class ExplainPage:
    """`hidden_routes` are found but not shown yet; with `cut` there are more than were looked for."""

    names: Sequence[Names]
    spent: Sequence[Spent]
    calls: Sequence[Call]
    call_count: int
    routes: Sequence[Route]
    route_count: int
    hidden_routes: int
    cut: bool
    policies: Sequence[tuple[str, str]]
    secrets: Sequence[Mapping[str, Any]]
    subflows: Sequence[Mapping[str, Any]]
    triggers: Sequence[Trigger]


def of(explained: Mapping[str, Any], *, every_route: bool = False) -> ExplainPage:
    """The page of what `procedures.ckp.explain` gave."""
    found = explained["routes"]
    routes = found if every_route else found[:FIRST_ROUTES]
    return ExplainPage(
        names=_names(explained["variables"]),
        spent=[_spent(key, explained["bounds"][key]) for key in DIMENSIONS],
        calls=[_call(call) for call in explained["external_calls"][:MOST_CALLS]],
        call_count=len(explained["external_calls"]),
        routes=[_route(route) for route in routes],
        route_count=len(found),
        hidden_routes=len(found) - len(routes),
        cut=explained["routes_truncated"],
        policies=list(_policies(explained["policy_summary"])),
        secrets=explained["secrets"],
        subflows=explained["subflows"],
        triggers=[_trigger(trigger) for trigger in explained["triggers"]],
    )


def _spent(dimension: str, amount: Mapping[str, Any]) -> Spent:
    return Spent(DIMENSIONS[dimension], most_in_words(dimension, amount), amount["reasons"])


def _names(variables: Mapping[str, Any]) -> list[Names]:
    """Headings that have an entry."""
    schema, missing = variables["schema"], set(variables["missing_inputs"])

    def asked(name: str) -> bool:
        return bool(schema[name].get("origin") != "system_captured")

    doubts = dict.fromkeys((doubt["name"], " → ".join(doubt["path"])) for doubt in variables["maybe_undefined"])
    found = [
        _listed("Every start must give", [(name, "") for name in variables["required"] if name in missing]),
        _listed("Required, with a default", [(name, "") for name in variables["required"] if name not in missing]),
        _listed("A start may give", [(name, _type(schema, name)) for name in variables["optional"] if asked(name)]),
        _listed("A run writes", [(name, _type(schema, name)) for name in variables["produced"]]),
        _listed("May be undefined", list(doubts)),
        _listed("Never used", [(name, "") for name in variables["never_used"]]),
    ]
    return [names for names in found if names.entries]


def _listed(title: str, entries: Sequence[tuple[str, str]]) -> Names:
    return Names(title, entries[:MOST_NAMES], max(len(entries) - MOST_NAMES, 0))


def _type(schema: Mapping[str, Any], name: str) -> str:
    return str(schema.get(name, {}).get("type") or "")


def _call(call: Mapping[str, Any]) -> Call:
    who = call["binding_ref"] or call["agent_hint"]
    kind = BINDINGS[call["binding_kind"]]
    return Call(
        ref=call["ref"],
        node_id=call["node_id"],
        action=call["action"],
        by=f"{who}, {kind}" if who else kind,
        effect=call["side_effect"] or "unknown",
        tries=_tries(call["attempts_max"], call["timeout_ms"]),
        gates=", ".join(call["gates"]),
    )


def _tries(attempts: int, timeout_ms: int | str | None) -> str:
    each = moments.duration(timeout_ms / 1_000) if isinstance(timeout_ms, int) else timeout_ms
    times = "once" if attempts == 1 else f"up to {attempts} times"
    return f"{times}, {each}{' each' if attempts > 1 else ''}" if each else times


def _route(route: Mapping[str, Any]) -> Route:
    conditions = ["", *(condition or "" for condition in route["edges"])]
    legs = [Leg(node_id, condition) for node_id, condition in zip(route["nodes"], conditions, strict=False)]
    bounds = route["bounds"]
    spent = [f"{name} {most_in_words(key, bounds[key])}" for key, name in DIMENSIONS.items() if _counts(bounds, key)]
    asked = [f"asks {', '.join(route['approvals'])}"] if route["approvals"] else []
    calls = len(route["external_calls"])
    called = [f"{calls} call{'' if calls == 1 else 's'}"] if calls else []
    more = max(len(legs) - MOST_LEGS, 0)
    return Route(legs[:MOST_LEGS], more, ENDS[route["ends"]], " · ".join([*asked, *called, *spent]))


def _trigger(trigger: Mapping[str, Any]) -> Trigger:
    return Trigger(trigger["id"], trigger["type"], [datetime.fromisoformat(fire) for fire in trigger["next_fires"]])


def _counts(bounds: Mapping[str, Any], key: str) -> bool:
    return key in bounds and bool(bounds[key]["max"] or bounds[key]["reasons"])


def _policies(policy: Mapping[str, Any]) -> list[tuple[str, str]]:
    undefined = "fail the run" if policy["undefined_variables"] == "error" else "a warning, read as null"
    return [
        ("Mode", _plain(policy["execution_mode"])),
        ("Time limit of a run", _time(policy["timeout_ms"])),
        ("Retries", _retries(policy["retry"])),
        ("Rate limit", _rates(policy["rate_limiting"])),
        ("Budget", _budget(policy["budget"])),
        ("On failure", f"goes to {policy['on_failure']}" if policy["on_failure"] else "ends failed"),
        ("Compensation", _plain(policy["compensation"])),
        ("Undefined variables", undefined),
        ("Checkpoints", _plain(policy["checkpoint_strategy"])),
        ("Kept for", f"{policy['retention_days']} days" if policy["retention_days"] else "as the tenant says"),
    ]


def _plain(word: str) -> str:
    return word.replace("_", " ")


def _time(milliseconds: int | None) -> str:
    return "none" if milliseconds is None else moments.duration(milliseconds / 1_000)


def _retries(retry: Mapping[str, Any]) -> str:
    first, longest = (moments.duration(retry[key] / 1_000) for key in ("base_delay_ms", "max_delay_ms"))
    return f"{retry['max_retries']} where a step asks for them, {_plain(retry['strategy'])}, {first} to {longest} apart"


def _rates(limits: Mapping[str, Any] | None) -> str:
    if not limits or not limits["enabled"]:
        return "none"
    said = {
        "calls a minute": limits["max_requests_per_minute"],
        "calls at once": limits["max_concurrent_operations"],
    }
    return ", ".join(f"{most} {what}" for what, most in said.items() if most) or "none"


def _budget(budget: Mapping[str, Any]) -> str:
    tokens = (budget["llm_budget"] or {}).get("max_tokens_per_run")
    said = [f"${budget['max_cost_usd']:,.2f}"] if budget["max_cost_usd"] is not None else []
    return " and ".join([*said, f"{tokens:,} tokens"] if tokens else said) or "none"
