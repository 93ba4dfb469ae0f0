from django.apps import AppConfig

from agents import ports as agents
from approvals import ports as approvals


class OrchestrationConfig(AppConfig):
    name = "orchestration"
    verbose_name = "Runs"

    def ready(self) -> None:
        from orchestration.approval_gate import Gate  # noqa: PLC0415  models must be loaded first
        from orchestration.capacity import Waiters  # noqa: PLC0415  models must be loaded first

        approvals.register(Gate())
        agents.register(Waiters())
