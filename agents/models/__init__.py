"""What is registered, leased and open."""

from agents.models.agent import Agent, AgentLease, ResourceLimit
from agents.models.circuit import Circuit

__all__ = ["Agent", "AgentLease", "Circuit", "ResourceLimit"]
