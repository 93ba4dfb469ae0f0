"""What is registered, leased and open."""

from agents.models.agent import Agent, AgentLease, ResourceLimit
from agents.models.circuit import Circuit
from agents.models.rate import RateBucket

__all__ = ["Agent", "AgentLease", "Circuit", "RateBucket", "ResourceLimit"]
