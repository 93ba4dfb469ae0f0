"""All checks in their order."""

from collections.abc import Iterator
from typing import Final

import structlog

from orchestration import gate
from orchestration.reconcile import doubts, jobs, orphans, parked
from orchestration.reconcile.finding import Check, Finding

log = structlog.get_logger(__name__)

CHECKS: Final[tuple[Check, ...]] = (
    jobs.pairs,
    jobs.leases,
    orphans.waits_of_ended,
    orphans.approvals_of_ended,
    orphans.decided,
    orphans.slots,
    orphans.children,
    orphans.ends,
    parked.overdue,
    parked.sleepers,
)


def reconcile(*, fix: bool, doubts_too: bool = True) -> Iterator[Finding]:
    """Everything that is wrong, one after the other, mended where that is safe if `fix`; and the steps in doubt.

    What is mended is logged, and told by an event of the run.
    """
    for check in CHECKS:
        for found in check(fix):
            if fix:
                log.warning(
                    "reconciled", check=found.check, run_id=str(found.run_id), mended=found.mended, why=found.sentence
                )
            yield found
    if fix:
        gate.sweep()
    if doubts_too:
        yield from doubts.in_doubt(fix)
