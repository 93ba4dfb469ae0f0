"""R2: PostgreSQL is restarted again and again under runs and decisions."""

import os
import threading
import time
from pathlib import Path
from uuid import UUID

from django.db import Error as DatabaseError
from django.db import connection

from approvals import services as approvals
from approvals.models import Approval
from approvals.rules.answers import Answer
from langorch.lib.errors import Refusal
from orchestration.models import Run
from tenants.actor import Actor
from tests import people, runs
from tests.chaos.crew import crew
from tests.chaos.places import Cluster
from tests.chaos.reports import Report
from tests.chaos.scenarios import work

STEPS, RATE = 3, 20


def restarted(scale: int) -> Report:
    """5,000 runs of three steps, 1,000 of them with a decision; the database goes every 5 to 40 s for up to 2 s."""
    number, asked = 5000 // scale, 1000 // scale
    report = Report("R2", f"PostgreSQL restarted under {number} runs and {asked} decisions")
    house = people.build()
    documents = [work.counting(STEPS, 20), asking()]
    first = [runs.queue(house.tenant, document) for document in documents]
    everybody = Everybody(report, people.actor(house.approver), first, number, asked)
    cluster = Cluster(Path(os.environ["CHAOS_CLUSTER"]), int(os.environ["CHAOS_CLUSTER_PORT"]))
    with crew(3, threads=2, **({} if scale == 1 else work.HURRIED)), everybody:
        pause, most = ((5.0, 40.0), 1000) if scale == 1 else ((1.0, 4.0), 4)
        restart_until(everybody.done, cluster, report, pause, most)
    work.patiently(Run.system.exists, 30)
    plain = [run_id for run_id in everybody.accepted if run_id not in everybody.asking]
    work.audit(report, everybody.accepted, work.counted(STEPS), steps=STEPS)
    decided = Approval.system.filter(run_id__in=everybody.asking, status="approved").count()
    report.figures |= {"runs without a question": len(plain), "decisions": decided}
    report.require(decided == len(everybody.asking), f"{decided} decisions instead of {len(everybody.asking)}")
    return report.ended()


def asking() -> dict[str, object]:
    """The same with a question in the middle."""
    document = work.counting(STEPS, 20)
    nodes = document["workflow_graph"]["nodes"]
    nodes["n0"]["next_node"] = "ask"
    nodes["ask"] = {"type": "human_approval", "prompt": "Go on?", "on_approve": "n1"}
    return document


def restart_until(
    done: threading.Event, cluster: Cluster, report: Report, pause: tuple[float, float], most: int
) -> None:
    """Stop and start the database at random moments, at most so often, until everything is done."""
    count = 0
    while count < most and not done.wait(work.chance.uniform(*pause)):
        cluster.stop(work.chance.choice(["fast", "immediate"]))
        time.sleep(work.chance.uniform(0, 2))
        cluster.start()
        count += 1
    report.figures["restarts"] = count
    report.require(count > 0, "the database was never restarted")
    done.wait()


class Everybody:
    """A thread that starts runs and one that decides, whatever the database does, inside a block."""

    def __init__(self, report: Report, approver: Actor, first: list[Run], number: int, asked: int) -> None:
        self.done = threading.Event()
        self.accepted: list[UUID] = [run.pk for run in first]
        self.asking: list[UUID] = [first[1].pk]
        self._report = report
        self._approver = approver
        self._plain, self._asked = first
        self._order = [True] * (asked - 1) + [False] * (number - asked - 1)
        work.chance.shuffle(self._order)
        self._started = threading.Event()
        self._threads = [threading.Thread(target=target) for target in (self._start, self._decide)]
        self._refusals = 0

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join()
        self._report.figures["starts that the database refused"] = self._refusals

    def _start(self) -> None:
        for asks in self._order:
            time.sleep(1 / RATE)
            while not self._one(asks):
                time.sleep(0.1)
        connection.close()
        self._started.set()

    def _one(self, asks: bool) -> bool:
        try:
            run = runs.again(self._asked if asks else self._plain)
        except DatabaseError:
            self._refusals += 1
            connection.close()
            return False
        self.accepted.append(run.pk)
        if asks:
            self.asking.append(run.pk)
        return True

    def _decide(self) -> None:
        deadline = time.monotonic() + 3600
        while time.monotonic() < deadline:
            try:
                if self._decide_all() and self._started.is_set() and not work.open_runs(self.accepted):
                    break
            except DatabaseError:
                connection.close()
            time.sleep(0.1)
        connection.close()
        self.done.set()

    def _decide_all(self) -> bool:
        pending = list(Approval.system.filter(status="pending").values_list("pk", flat=True))
        for approval_id in pending:
            try:
                approvals.decide(self._approver, approval_id, Answer("approved"))
            except Refusal as refusal:
                self._report.require(refusal.code in ("already_decided", "not_waiting"), f"refused: {refusal}")
        return not pending
