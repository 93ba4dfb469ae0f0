"""Models, profiles, prompts, attachments, caps (CKP114, CKP509 to CKP511)."""

import re
from collections.abc import Iterator
from typing import Final

from procedures.ckp.checks.subject import Subject
from procedures.ckp.costs import call_cost, chain_of
from procedures.ckp.document.nodes import LlmActionNode
from procedures.ckp.names import VARIABLE_NAME
from procedures.ckp.report import Path

_HOST_PATH: Final = re.compile(r"(?:[A-Za-z]:[\\/]|[/~\\]|\.{1,2}[/\\]|file:)", re.IGNORECASE)
_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def models_are_known(subject: Subject) -> None:
    """CKP509 for models, profiles and task classes."""
    for name, place in _named_models(subject):
        models = subject.registry.models()
        if models is not None and name not in models:
            near = subject.report.nearest(name, models)
            hint = f"Did you mean '{near}'?" if near else None
            subject.report("CKP509", place, f"There is no model '{name}'.", hint=hint)
    for name, place in _named_profiles(subject):
        profiles = subject.registry.profiles()
        if profiles is not None and name not in profiles:
            near = subject.report.nearest(name, profiles)
            hint = f"Did you mean '{near}'?" if near else None
            subject.report("CKP509", place, f"There is no model profile '{name}'.", hint=hint)
    for _, node, place in subject.nodes_of(LlmActionNode):
        classes = subject.registry.task_classes() if node.task_class else None
        if node.task_class and classes is not None and node.task_class not in classes:
            message = f"No profile is mapped to the task class '{node.task_class}'; the default one is used."
            subject.report("CKP509", (*place, "task_class"), message)


def _named_models(subject: Subject) -> Iterator[tuple[str, Path]]:
    for _, node, place in subject.nodes_of(LlmActionNode):
        if node.model:
            yield node.model, (*place, "model")
        if node.fallback_model:
            yield node.fallback_model, (*place, "fallback_model")
        for index, name in enumerate(node.fallback_models):
            yield name, (*place, "fallback_models", index)


def _named_profiles(subject: Subject) -> Iterator[tuple[str, Path]]:
    profile = subject.document.global_config.llm_profile
    if profile:
        yield profile, ("global_config", "llm_profile")
    for _, node, place in subject.nodes_of(LlmActionNode):
        if node.profile:
            yield node.profile, (*place, "profile")


def models_have_prices(subject: Subject) -> None:
    """CKP510."""
    config = subject.document.global_config
    for _, node, place in subject.nodes_of(LlmActionNode):
        models = subject.registry.models() or {}
        capped = any(cap is not None for cap in (config.max_cost_usd, node.max_cost_usd))
        capped = capped or config.max_cost_per_llm_call_usd is not None
        for name in chain_of(subject.document, node, subject.registry):
            model = models.get(name)
            if model is not None and (model.prompt_per_1k is None or model.completion_per_1k is None):
                where = (*place, "model") if node.model == name else place
                message = f"The model '{name}' has no price" + (", and a cap needs one." if capped else ".")
                subject.report("CKP510", where, message, severity="error" if capped else None)


def prompts_exist(subject: Subject) -> None:
    """CKP509 for prompt assets."""
    for _, node, place in subject.nodes_of(LlmActionNode):
        if not node.prompt_ref or node.prompt is not None:
            continue
        name, _, version = node.prompt_ref.partition("@")
        if subject.registry.has_prompt(name, version or None) is False:
            subject.report("CKP509", (*place, "prompt_ref"), f"There is no prompt '{node.prompt_ref}'.")


def attachments_are_allowed(subject: Subject) -> None:
    """CKP511."""
    for _, node, place in subject.nodes_of(LlmActionNode):
        for index, attachment in enumerate(node.attachments):
            source = attachment.source
            if not isinstance(source, str) or source.startswith("{{") or VARIABLE_NAME.fullmatch(source):
                continue
            where = (*place, "attachments", index, "source")
            if _HOST_PATH.match(source):
                message = "A path of the host cannot be attached."
                subject.report("CKP511", where, message, hint="Use an artifact, a value, or a storage URL.")
            elif _URL.match(source) and subject.registry.allows_url(source.partition("{{")[0]) is False:
                subject.report("CKP511", where, f"The tenant does not allow '{source[:80]}'.")


def caps_allow_a_call(subject: Subject) -> None:
    """CKP114."""
    config = subject.document.global_config
    dearest: tuple[float, str] | None = None
    for node_id, node, place in subject.nodes_of(LlmActionNode):
        cost = call_cost(subject.document, node, subject.registry).cost_usd
        if cost is None:
            continue
        dearest = max(dearest or (cost, node_id), (cost, node_id))
        if node.max_cost_usd is not None and node.max_cost_usd < cost:
            message = f"The cap is smaller than one call, which may cost {cost:.4f} USD."
            subject.report("CKP114", (*place, "max_cost_usd"), message)
    for key in ("max_cost_usd", "max_cost_per_llm_call_usd"):
        cap = getattr(config, key)
        if dearest and cap is not None and cap < dearest[0]:
            message = f"The cap is smaller than one call of '{dearest[1]}', which may cost {dearest[0]:.4f} USD."
            subject.report("CKP114", ("global_config", key), message)
