"""What a class of error means for whoever looks at a failed run: whether trying again can help. Pure."""

AGAIN = "Trying again can help."
SAME = "Trying again as it is would end the same way."
MEANINGS = {
    "timeout": f"An attempt took too long. {AGAIN}",
    "callback_timeout": f"The answer never came. {AGAIN}",
    "agent_error": "The agent carried it out and said that it failed.",
    "agent_unreachable": f"The agent could not be reached. {AGAIN}",
    "agent_busy": f"The agent had no room. {AGAIN}",
    "agent_protocol": "The agent answered against the contract; whoever runs it has to look.",
    "agent_rejected": f"The agent refused the request. {SAME}",
    "no_executor": "Nobody offers the action. It can go on once an agent is registered that does.",
    "capacity_timeout": f"No slot became free in time. {AGAIN}",
    "rate_limited": f"The rate limit left no room in time. {AGAIN}",
    "mcp_error": "The tool said that it failed.",
    "llm_error": f"The provider of the model failed. {AGAIN}",
    "llm_rate_limited": f"The provider of the model had no room. {AGAIN}",
    "llm_output_invalid": "The model did not answer in the form that was asked for, also after repairs.",
    "budget_exceeded": "The budget is used up. It can go on once it is raised.",
    "effect_unknown": "Nobody knows whether the call happened. Look first, then retry or fork.",
    "invalid_value": f"A value did not fit. {SAME}",
    "undefined_value": f"A value was missing. {SAME}",
    "expression_error": f"An expression could not be evaluated. {SAME}",
    "verification_failed": f"A check did not hold. {SAME}",
    "validation_failed": f"What came out did not fit what was declared. {SAME}",
    "secret_unavailable": f"The secrets could not be reached. {AGAIN}",
    "secret_missing": "There is no such secret. It can go on once there is.",
    "artifact_store": f"A file could not be stored. {AGAIN}",
    "subflow_failed": "A run that it started failed; look there.",
    "approval_timeout": "Nobody decided in time.",
    "worker_lost": f"Its worker was lost again and again. {AGAIN}",
    "terminated": "The procedure itself ended the run as failed.",
}


def meaning(error_class: str) -> str:
    """One or two sentences; empty for a class that says all by its name."""
    return MEANINGS.get(error_class, "")
