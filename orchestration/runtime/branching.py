"""Driving branches at once, each in a thread on its own copy of the variables (runtime 7)."""

import contextvars
import threading
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Final

from django.db import connection

from orchestration.runtime import branch_retries, closing
from orchestration.runtime.boundary import RegionStopped
from orchestration.runtime.context import Again, BranchStart, Strategy
from orchestration.runtime.outcomes import Json, RegionEnd, Suspended
from orchestration.runtime.ports import Region
from orchestration.runtime.visiting import Visit

LOOK_SECONDS: Final = 0.25


class Branches:
    """The branches of one visit of a parallel."""

    def __init__(self, owner: Visit, region: Region, starts: Sequence[BranchStart], strategy: Strategy) -> None:
        self._owner = owner
        self._region = region
        self._starts = {start.branch_id: start for start in starts}
        self._strategy = strategy
        self._crowd = owner.drive.crowd
        self._ends: dict[str, RegionEnd] = {}
        self._failure: BaseException | None = None
        self._threads: dict[str, threading.Thread] = {}
        self._over = False
        self._regions = {start.branch_id: self._open(start.branch_id) for start in starts}

    def run(self) -> Mapping[str, RegionEnd]:
        """Drive them until they decide, or all have ended or wait. The ends by branch."""
        for branch_id, region in self._regions.items():
            if (end := region.recorded_end) is not None and self._again(branch_id, end) is None:
                self._ends[branch_id] = end
        waiting = [branch_id for branch_id in self._starts if branch_id not in self._ends]
        with self._crowd.away(self._region.counted):
            try:
                self._drive(waiting)
            finally:
                self._stop()
        if self._failure is not None:
            raise self._failure
        return self._ends

    def _drive(self, waiting: list[str]) -> None:
        while not self._settled(waiting):
            with self._crowd.changed:
                while waiting and self._crowd.take():
                    self._start(waiting.pop(0))
                if not self._settled(waiting):
                    self._crowd.changed.wait(LOOK_SECONDS)
            self._owner.look()

    def _settled(self, waiting: list[str]) -> bool:
        if self._failure is not None or self._decided():
            return True
        return not waiting and len(self._ends) == len(self._starts)

    def _decided(self) -> bool:
        return self._strategy.decided({name: end for name, end in self._ends.items() if end.kind != "parked"})

    def _open(self, branch_id: str) -> Region:
        def tell(end: RegionEnd) -> None:
            if self._again(branch_id, end) is not None:
                return
            error_class = end.error.error_class if end.error else None
            status = "failed" if end.kind == "failed" else "completed"
            payload = {"branch_id": branch_id, "status": status, "error_class": error_class}
            self._owner.emit("branch_completed", payload)

        return self._region.branch(self._owner, branch_id, tell)

    def _start(self, branch_id: str) -> None:
        if not self._regions[branch_id].recorded:
            self._owner.emit("branch_started", {"branch_id": branch_id})
        context = contextvars.copy_context()
        thread = threading.Thread(target=context.run, args=(self._branch, branch_id), name=f"branch {branch_id}")
        self._threads[branch_id] = thread
        thread.start()

    def _branch(self, branch_id: str) -> None:
        end = RegionEnd("stopped")
        try:
            variables = deepcopy(self._owner.shared)
            with self._crowd.baton:
                end = self._until_it_stands(branch_id, variables)
        except RegionStopped:
            pass
        except Suspended:
            end = RegionEnd("parked")
        except BaseException as failure:  # noqa: BLE001 - it is raised again by the owner, in the drive's own thread
            self._failure = self._failure or failure
        finally:
            connection.close()
            self._ends[branch_id] = end
            self._crowd.give_back()

    def _until_it_stands(self, branch_id: str, variables: Mapping[str, Json]) -> RegionEnd:
        """Drive a branch, and drive it again while it fails and may be tried again."""
        entry = self._starts[branch_id].entry
        end = self._regions[branch_id].run(variables, entry)
        while end.error is not None and (again := self._again(branch_id, end)) is not None:
            branch_retries.try_again(self._owner, self._regions[branch_id], branch_id, end.error, again)
            self._regions[branch_id] = self._open(branch_id)
            if self._over:
                raise RegionStopped
            end = self._regions[branch_id].run(variables, entry)
        return end

    def _again(self, branch_id: str, end: RegionEnd) -> Again | None:
        if end.kind != "failed" or end.error is None:
            return None
        return self._strategy.again(branch_id, end.error, branch_retries.tried(self._owner, branch_id))

    def _stop(self) -> None:
        """Stop what still executes and close what still waits, once the parallel is decided or broken."""
        decided = self._failure is None and self._decided()
        self._over = True
        for region in self._regions.values():
            region.stopped = True
        for thread in self._threads.values():
            thread.join()
        if not decided:
            return
        for branch_id, region in self._regions.items():
            if branch_id not in self._ends or self._ends[branch_id].kind in ("parked", "stopped"):
                closing.close(self._owner.drive, region.path, "branch_stopped")
