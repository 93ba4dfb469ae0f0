"""The verbs of agents: admin, API, tests and samples call these; nothing else changes agents from outside."""

from agents.services.circuits import close_circuit, open_circuit
from agents.services.leases import release_lease, save_resource_limit
from agents.services.operating import drain_agent, pause_agent, resume_agent
from agents.services.registering import Registration, change_agent, register_agent, remove_agent

__all__ = [
    "Registration",
    "change_agent",
    "close_circuit",
    "drain_agent",
    "open_circuit",
    "pause_agent",
    "register_agent",
    "release_lease",
    "remove_agent",
    "resume_agent",
    "save_resource_limit",
]
