"""Names of the background jobs of agents."""

from typing import Final

PROBE_CIRCUITS: Final = "agents.probe_circuits"
