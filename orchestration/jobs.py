"""Names of the background jobs of runs. A message is a doorbell: the database says what is to be done."""

from typing import Final

DRIVE: Final = "orchestration.drive"
SWEEP: Final = "orchestration.sweep"
RING: Final = "orchestration.ring"
SWEEP_AGENT_LEASES: Final = "orchestration.sweep_agent_leases"
STUCK_CHECK: Final = "orchestration.stuck_check"
RECONCILE: Final = "orchestration.reconcile"
FIRE_DUE_WAITS: Final = "orchestration.fire_due_waits"
BULK: Final = "orchestration.bulk"
PRUNE: Final = "orchestration.prune"
