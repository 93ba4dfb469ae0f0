"""One sentence for everything that a run may wait for (runtime 2)."""

import pytest

from orchestration.waiting_words import Known, ordinal, sentence

KEY = "order-7"


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (Known("approval", "1", "ask", who="Finance"), "Waiting for a decision by Finance"),
        (Known("approval", "1", "ask"), "Waiting for a decision at ask"),
        (
            Known("callback", "d", "scan", until="noon"),
            "Waiting for the answer of an agent at scan, until noon at most",
        ),
        (Known("timer", "1", "nap", until="noon"), "Waiting at nap until noon"),
        (Known("timer", "1", "nap"), "Waiting at nap until it is answered"),
        (Known("retry", "a/b#2", "call", until="noon"), "Waiting to try call again at noon"),
        (Known("capacity", "worker"), "Waiting for a free worker"),
        (Known("capacity", "worker", line=3), "Waiting for a free worker, 3rd in line"),
        (Known("capacity", "worker", until="noon"), "Waiting to be taken up again at noon"),
        (
            Known("capacity", "tenant", in_use=4, most=4, line=2),
            "Waiting: the tenant has 4 of 4 runs at work, 2nd in line",
        ),
        (Known("capacity", "project", in_use=1, most=1), "Waiting: the project has 1 of 1 run at work"),
        (Known("capacity", "project"), "Waiting: the project has as many runs as it may have at work"),
        (
            Known("capacity", "procedure", in_use=2, most=2, line=1),
            "Waiting: the procedure has 2 of 2 runs under way, 1st in line",
        ),
        (
            Known("capacity", "pool:web/web_pool_1", in_use=3, most=3, line=2),
            "Waiting for a free agent in pool web_pool_1 (3 of 3 busy), 2nd in line",
        ),
        (Known("capacity", "pool:web/standalone"), "Waiting for a free agent on channel web"),
        (
            Known("capacity", "pool:web/main", who="none can be used now (2 offline)"),
            "Waiting for an agent in pool main: none can be used now (2 offline)",
        ),
        (
            Known("capacity", "agent:erp/post_invoice", until="noon"),
            "Waiting for an agent that offers post_invoice: nobody on erp does, until noon at most",
        ),
        (Known("capacity", "rate:p", who="of p (30 a minute)"), "Waiting for the rate limit of p (30 a minute)"),
        (Known("capacity", f"key:{KEY}"), f"Waiting for another step with the idempotency key {KEY}"),
        (
            Known("capacity", f"key:{KEY}", who="invoices@1.0.0"),
            f"Waiting for another step of invoices@1.0.0 with the idempotency key {KEY}",
        ),
        (Known("capacity", "something new"), "Waiting for something new"),
        (Known("budget", "month", who="of Acme"), "Waiting for money: the budget of Acme is used up"),
        (
            Known("subflow", "1", "child", who="sub@1.0.0 (paused)"),
            "Waiting for the run sub@1.0.0 (paused) that child started",
        ),
        (Known("operator", "1", who="Ana: month end"), "On hold by Ana: month end"),
        (Known("operator", "1"), "On hold by an operator"),
    ],
)
def test_what_a_run_waits_for(known: Known, said: str):
    assert sentence(known) == said


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (21, "21st"), (112, "112th")]
)
def test_ordinals(number: int, said: str):
    assert ordinal(number) == said
