"""The limits that this installation sets where a document sets none, for bounds."""

from django.conf import settings

from procedures.ckp.bounds_of_nodes import SystemLimits


def system_limits() -> SystemLimits:
    """The limits by the settings of this process."""
    env = settings.ENV
    return SystemLimits(
        call_timeout_ms=round(env.AGENT_TIMEOUT_SECONDS * 1_000),
        model_timeout_ms=round(env.LLM_TIMEOUT_SECONDS * 1_000),
        max_repairs=env.LLM_MAX_REPAIRS,
        default_max_tokens=env.LLM_DEFAULT_MAX_TOKENS,
    )
