"""What one call of a model may cost at most (CKP 6, bounds)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from procedures.ckp.document.nodes import LlmActionNode
from procedures.ckp.document.root import Document
from procedures.ckp.registry import ModelFacts, Profile, Registry

CHARACTERS_PER_TOKEN: Final = 2


@dataclass(frozen=True, slots=True)
class CallCost:
    """Worst case of one call: tokens of the prompt, tokens of the answer, and dollars at the dearest model.

    A part is None when it cannot be computed; `reasons` says why.
    """

    prompt_tokens: int
    answer_tokens: int | None
    cost_usd: float | None
    reasons: tuple[str, ...] = ()


def profile_of(document: Document, node: LlmActionNode, registry: Registry) -> Profile | None:
    """The profile that a node's call uses; None when profiles are not known or there is none."""
    profiles: Mapping[str, Profile] = registry.profiles() or {}
    by_task = (registry.task_classes() or {}).get(node.task_class or "")
    for name in (node.profile, by_task, document.global_config.llm_profile, "default"):
        if name and name in profiles:
            return profiles[name]
    return None


def chain_of(document: Document, node: LlmActionNode, registry: Registry) -> list[str]:
    """The models a call may go to: the first choice, then the fallbacks."""
    profile = profile_of(document, node, registry)
    first = node.model or (profile.model if profile else None)
    own = ([node.fallback_model] if node.fallback_model else []) + node.fallback_models
    further = own or list(profile.fallback_models if profile else ())
    return list(dict.fromkeys(([first] if first else []) + further))


def call_cost(
    document: Document, node: LlmActionNode, registry: Registry, default_max_tokens: int | None = None
) -> CallCost:
    """Worst case of one call of a node: half the characters of the prompt as tokens, and `max_tokens`."""
    characters = len(node.prompt or "") + len(node.system_prompt or "")
    prompt_tokens = -(-characters // CHARACTERS_PER_TOKEN)
    profile = profile_of(document, node, registry)
    given: Any = node.max_tokens if node.max_tokens is not None else profile.max_tokens if profile else None
    given = default_max_tokens if given is None else given
    answer_tokens = given if isinstance(given, int) else None
    reasons = [] if answer_tokens is not None else ["no max_tokens"]
    models = registry.models()
    chain = chain_of(document, node, registry)
    prices = [_price((models or {}).get(name), prompt_tokens, answer_tokens or 0) for name in chain]
    reasons += [f"no price for {name}" for name, price in zip(chain, prices, strict=True) if price is None]
    if not chain:
        reasons.append("no model")
    known = [price for price in prices if price is not None]
    cost = max(known) if known and not reasons else None
    return CallCost(prompt_tokens, answer_tokens, cost, tuple(reasons))


def _price(model: ModelFacts | None, prompt_tokens: int, answer_tokens: int) -> float | None:
    if model is None or model.prompt_per_1k is None or model.completion_per_1k is None:
        return None
    return (prompt_tokens * model.prompt_per_1k + answer_tokens * model.completion_per_1k) / 1_000
