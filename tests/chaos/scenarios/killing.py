"""R1: workers are killed at random while they work. R4: how long until another goes on. R5: frozen workers wake."""

import time
from datetime import datetime
from typing import Any
from uuid import UUID

from agents.models import AgentLease
from langorch.lib import clock
from orchestration.models import Event, Run, RunJob
from tests import agents
from tests.agents import SmallAgent
from tests.chaos.crew import Crew, crew
from tests.chaos.reports import Report, spread
from tests.chaos.scenarios import work

STEPS = 10
SHORT_KILLS = 10


def killed(scale: int) -> Report:
    """2,000 runs of 10 effects at an agent; a random worker is killed every 2 to 10 s."""
    number = 2000 // scale
    report = Report("R1", f"{number} runs of {STEPS} effects, a worker killed every few seconds")
    owner, effect_seconds = work.tenant(), 0.1 if scale == 1 else 0.025
    pauses = work.moments(2, 10) if scale == 1 else work.moments(0.5, 1.5)

    def count(params: dict[str, Any]) -> Any:
        time.sleep(effect_seconds)
        return params["number"]

    kills = 0
    with agents.agent(owner, keeps_keys=True, concurrency_limit=1000, count=count) as sink:
        wanted = work.several(owner, work.effecting(STEPS), number)
        with crew(4, threads=2, **work.settings_for(scale)) as workers:
            deadline = time.monotonic() + 3600 / scale + 120
            while work.open_runs(wanted) and time.monotonic() < deadline:
                time.sleep(next(pauses))
                if work.open_runs(wanted) and (scale == 1 or kills < SHORT_KILLS):
                    workers.kill(work.chance.choice(workers.names()))
                    kills += 1
    work.audit(report, wanted, work.counted(STEPS), steps=STEPS)
    report.figures |= {"workers killed": kills, "leases lost": lost_leases(wanted)}
    report.require(kills > 0, "nobody was killed")
    effects(report, sink, number * STEPS)
    held = AgentLease.objects.filter(run_id__in=wanted, released_at=None).count()
    report.figures["agent slots still held"] = held
    report.require(not held, f"{held} slots of agents are held by ended runs")
    return report.ended()


def effects(report: Report, sink: SmallAgent, wanted: int) -> None:
    """Note effects that did not happen, or twice."""
    keys = [call["idempotency_key"] for call in sink.calls]
    places = {(call["run_id"], call["path"], call["step_id"]) for call in sink.calls}
    twice = len(sink.effects) - len(set(sink.effects))
    report.figures |= {
        "effects": len(sink.effects),
        "calls sent again under the same key": len(keys) - len(set(keys)),
        "effects that happened twice": twice,
    }
    report.require(len(set(keys)) == len(places) == wanted, f"{len(set(keys))} keys, {len(places)} steps, not {wanted}")
    report.require(twice == 0 and len(sink.effects) == wanted, f"{len(sink.effects)} effects, {twice} of them twice")


def lost_leases(wanted: list[UUID]) -> int:
    """How often a run lost its worker."""
    return Event.objects.filter(run_id__in=wanted, event_type="worker_lease_expired").count()


LANES, WORKERS = 4, 6
MOST_P95, MOST = 15.0, 30.0


def taken_over(scale: int) -> Report:
    """A worker is killed during a step, 200 times; leases are those of production."""
    number = 200 // scale
    report = Report("R4", f"{number} workers killed during a step: seconds until another goes on")
    lanes = LANES if scale == 1 else WORKERS - 1
    hold_ms, steps = 1000, 10
    owner, pauses = work.tenant(), work.moments(1, 4) if scale == 1 else work.moments(0.2, 0.6)
    wanted = work.several(owner, work.counting(steps, hold_ms), lanes)
    struck: list[tuple[UUID, datetime]] = []
    with crew(WORKERS) as workers:
        while len(struck) < number:
            if work.open_runs(wanted) < lanes:
                wanted += work.several(owner, work.counting(steps, hold_ms), 1)
            strike(workers, struck)
            time.sleep(next(pauses))
        ended = work.patiently(lambda: not work.open_runs(wanted), 120)
    report.require(ended, "not every run ended")
    waited = [seconds for run_id, at in struck if (seconds := until_resumed(run_id, at)) is not None]
    report.figures["seconds until taken over"] = figures = spread(waited)
    report.require(len(waited) == len(struck), f"{len(struck) - len(waited)} runs were not taken over")
    if scale == 1:
        report.require(figures.get("p95", 0) <= MOST_P95, f"p95 {figures.get('p95')} s is over {MOST_P95} s")
    report.require(figures.get("max", 0) <= MOST, f"the longest took {figures.get('max')} s, over {MOST} s")
    work.audit(report, wanted, work.counted(steps), steps=steps)
    return report.ended()


def strike(workers: Crew, struck: list[tuple[UUID, datetime]]) -> None:
    """Kill a worker that is inside a step, if there is one whose run got further since it lost its last worker.

    The others are given a growing delay on purpose, so that a run that kills its workers does not kill them all.
    """
    holding = {name: run_id for name, run_id in work.holders(workers.names()).items() if gets_further(run_id)}
    if not holding:
        return
    name = work.chance.choice(sorted(holding))
    workers.kill(name)
    struck.append((holding[name], clock.now()))


def gets_further(run_id: UUID) -> bool:
    """Whether the run has recorded a step, and since it lost a worker another one."""
    recorded = Event.objects.filter(run_id=run_id, event_type="step_completed").exists()
    return recorded and RunJob.objects.filter(pk=run_id, losses=0).exists()


def until_resumed(run_id: UUID, at: datetime) -> float | None:
    """Seconds from a moment until another worker went on with the run; none when nobody had to or did."""
    resumed = Event.objects.filter(run_id=run_id, event_type="execution_resumed", created_at__gt=at)
    first = resumed.order_by("seq").values_list("created_at", flat=True).first()
    return None if first is None else round((first - at).total_seconds(), 2)


FROZEN = 3


def frozen(scale: int) -> Report:
    """Workers are stopped past their lease, others finish, then the stopped ones go on; 20 rounds."""
    rounds = max(1, 20 // scale)
    report = Report("R5", f"{FROZEN * rounds} workers frozen past their lease, then back")
    steps, owner = 6, work.tenant()
    wanted: list[UUID] = []
    for _ in range(rounds):
        wanted += freeze(report, work.several(owner, work.counting(steps, 300), FROZEN), scale)
    work.audit(report, wanted, work.counted(steps), steps=steps)
    fenced = Event.objects.filter(run_id__in=wanted, event_type="worker_fenced").count()
    report.figures |= {"leases lost": lost_leases(wanted), "late workers refused": fenced}
    return report.ended()


def freeze(report: Report, wanted: list[UUID], scale: int) -> list[UUID]:
    """One round; the runs."""
    with crew(FROZEN, **work.settings_for(scale)) as workers:
        started = work.patiently(lambda: len(work.holders(workers.names())) == FROZEN, 30)
        report.require(started, "not every worker took a run")
        for worker in workers.workers.values():
            worker.freeze()
        with crew(FROZEN, **work.settings_for(scale)):
            report.require(work.patiently(lambda: not work.open_runs(wanted), 90), "others did not finish the runs")
            last = dict(Run.system.filter(pk__in=wanted).values_list("pk", "last_seq"))
            for worker in workers.workers.values():
                worker.thaw()
            told = Event.objects.filter(run_id__in=wanted, event_type="worker_fenced")
            report.require(work.patiently(lambda: told.count() >= FROZEN, 30), "a late worker was not refused")
        late = Event.objects.filter(run_id__in=wanted).exclude(event_type="worker_fenced")
        written = [run_id for run_id, seq in late.values_list("run_id", "seq") if seq > last[run_id]]
        report.require(not written, f"a late worker wrote into {written[:3]}")
    return wanted
