"""The words of agents (protocols 3, 5 and 6)."""

from django.db import models


class AgentStatus(models.TextChoices):
    """What was last observed."""

    ONLINE = "online"
    OFFLINE = "offline"


class DesiredState(models.TextChoices):
    """What an operator wants: draining takes nothing new, paused is not there at all."""

    ACTIVE = "active"
    DRAINING = "draining"
    PAUSED = "paused"


class Affinity(models.TextChoices):
    """Whether a run stays with the agent that served it first."""

    RUN = "run"
    NONE = "none"


class CapabilityType(models.TextChoices):
    TOOL = "tool"
    WORKFLOW = "workflow"


class SideEffect(models.TextChoices):
    NONE = "none"
    READ = "read"
    WRITE = "write"
    IRREVERSIBLE = "irreversible"


class Signal(models.TextChoices):
    """What an agent may understand beside execute."""

    CANCEL = "cancel"
    WARM_UP = "warm_up"
    RESTART = "restart"


class CircuitKind(models.TextChoices):
    AGENT = "agent"
    MCP = "mcp"
    LLM = "llm"


class CircuitState(models.TextChoices):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
