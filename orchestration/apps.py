from django.apps import AppConfig

from approvals import ports


class OrchestrationConfig(AppConfig):
    name = "orchestration"
    verbose_name = "Runs"

    def ready(self) -> None:
        from orchestration.approval_gate import Gate  # noqa: PLC0415  models must be loaded first

        ports.register(Gate())
