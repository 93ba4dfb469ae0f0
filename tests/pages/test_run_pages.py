"""The page of a run: its state in words, what it did by names, its verbs, and who sees it."""

import re

import pytest

from approvals import services as approvals
from approvals.models import Approval
from approvals.rules.answers import Answer
from orchestration import services
from orchestration.events import NewEvent, append
from orchestration.models import Run, Visit
from tenants.models import AuditEntry
from tests import batches, html, people, runs
from tests.batches import SCRIPT
from tests.documents import hello
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)


def page(run, **query):
    return f"/runs/{run.pk}" + ("?" + "&".join(f"{key}={value}" for key, value in query.items()) if query else "")


def part(answer, name):
    """The words of a section of the page."""
    return html.text(html.source(answer).split(f'id="{name}"')[1].split("</section>")[0])


@pytest.fixture
def published(house):
    batches.published(house.operator, house.project)


@pytest.fixture
def waiting(house, published):
    """A run that asks about its third invoice."""
    return batches.driven(house.clerk, 5, 7, 900, 3, title="Batch of 20 November")


@pytest.fixture
def failed(house, published):
    """A run that failed at its second invoice."""
    return batches.driven(house.clerk, 5, "12,0", 7)


@pytest.fixture
def completed(house, published):
    return batches.driven(house.clerk, 5, 7)


@pytest.fixture
def clerk(browser, house):
    return browser(house.clerk)


def test_a_waiting_run_says_for_whom_and_until_when(waiting, clerk):
    answer = clerk.get(page(waiting))
    assert re.fullmatch(r"Waiting .* for a decision by an approver, due in (2 h|1 h 59 min)", html.heading(answer))
    text = html.words(answer)
    assert "Batch of 20 November" in text
    assert "Needs approval" in text
    assert "No worker held" in text
    assert "2 of 4 done Each invoice" in text
    assert "Retry: the run has not ended; cancel it first." in text
    assert f"/approvals/{Approval.system.get().pk}" in html.links(answer)
    assert f"/runs/{waiting.pk}/cancel" in html.links(answer)


def test_people_read_names_of_nodes_instead_of_ids(waiting, clerk):
    answer = clerk.get(page(waiting))
    text = re.sub(r"<details.*?<summary>(.*?)</summary>.*?</details>", r" \1 ", html.source(answer), flags=re.S)
    text = html.text(text)
    assert "Branch taken amount > approval_limit → Approve the amount" in text
    assert "Entered Approve the amount" in text
    assert "Iteration 3 of 4: INV-3" in text
    assert "approve_amount" not in text
    assert 'aria-label="Each invoice 2 of 4 done' in html.source(answer)


def test_an_open_run_is_live_and_an_ended_one_is_not(waiting, completed, clerk):
    live = html.source(clerk.get(page(waiting)))
    assert 'data-live="/ws/live/"' in live
    for part in ("head", "outcome", "graph", "timeline", "events"):
        assert f'data-section="run:{waiting.pk}:{part}" data-version="{waiting.last_seq}"' in live
    assert "data-live=" not in html.source(clerk.get(page(completed)))


def test_a_queued_run_says_its_place_in_line(house, published, clerk):
    first, second = batches.start(house.clerk, 1), batches.start(house.clerk, 2)
    assert html.heading(clerk.get(page(first))).endswith("waiting for a free worker, 1st in line")
    answer = clerk.get(page(second))
    assert html.heading(answer).endswith("waiting for a free worker, 2nd in line")
    assert "No node was entered yet." in html.words(answer)


def test_a_failed_run_says_what_where_and_what_can_be_done(failed, clerk):
    answer = clerk.get(page(failed))
    assert re.fullmatch(r"Failed after .* at Read the amount", html.heading(answer))
    text = html.words(answer)
    assert "“12,0” is not a number." in text
    assert "Each invoice 2 › Read the amount, step convert" in text
    assert "Class invalid_value" in text
    assert "1 of 3 done Each invoice" in text
    assert "Seen before Not in the last 7 days." in text
    assert "No run of this procedure has completed before this one." in text
    assert f"/procedures/batch/1.0.0/start?retry_of={failed.pk}" in html.links(answer)


def test_a_failure_leads_to_the_same_failures_and_the_last_good_run(house, completed, failed, clerk):
    again = batches.driven(house.clerk, "x")
    answer = clerk.get(page(again))
    assert "1 other run of this procedure failed with this class in 7 days." in html.words(answer)
    (same,) = (link for link in html.links(answer) if "invalid_value" in link)
    assert str(failed.pk) in html.source(clerk.get(same))
    assert f"/runs/{completed.pk}" in html.links(answer)
    assert "same version" in html.words(answer)


def test_a_completed_run_shows_its_outputs_without_secrets(completed, clerk):
    answer = clerk.get(page(completed))
    assert html.heading(answer).startswith("Completed in ")
    text = html.words(answer)
    assert '"posted" : 2' in text
    assert batches.TOKEN not in text
    assert "redacted" in text
    assert "Cancel: the run has ended." in text


def test_variables_say_who_wrote_them(waiting, clerk):
    text = html.words(clerk.get(page(waiting, tab="variables")))
    assert "approval_limit 100 the start" in text
    assert "token redacted the start" in text


def test_steps_and_approvals_have_tabs(waiting, clerk):
    steps = html.words(clerk.get(page(waiting, tab="attempts")))
    assert "convert Each invoice 3 › Read the amount" in steps
    asked = html.words(clerk.get(page(waiting, tab="approvals")))
    assert "Pay INV-3?" in asked


def test_a_chosen_node_shows_its_events_alone(waiting, clerk):
    answer = clerk.get(page(waiting, node="post"))
    events = html.source(answer).split('id="events"')[1]
    assert "Posted INV-1" in events
    assert "Batch begins" not in events
    assert 'aria-current="true"' in html.source(answer).split('id="graph"')[1].split("</section>")[0]
    assert "Nothing has happened here." in html.words(clerk.get(page(waiting, node="nobody")))


def test_events_come_in_pages_and_go_back_in_time(waiting, clerk):
    append(waiting.pk, [NewEvent("log", {"message": f"line {number}"}) for number in range(250)])
    newest = clerk.get(page(waiting))
    assert html.source(newest).count('class="ev"') == 200
    (earlier,) = (link for link in html.links(newest) if "before=" in link)
    older = clerk.get(f"/runs/{waiting.pk}" + earlier)
    assert "Batch begins" in html.words(older)
    assert "line 249" not in html.words(older)
    assert "before=" not in " ".join(html.links(older))


def test_the_timeline_can_be_narrowed_to_errors(failed, completed, clerk):
    answer = clerk.get(page(failed, errors=1))
    timeline = part(answer, "timeline")
    assert "Each invoice" in timeline
    assert "Start and log" not in timeline
    assert "try 1, invalid_value" in timeline
    assert "Run failed" in part(answer, "events")
    assert "Entered" not in part(answer, "events")
    assert "Nothing went wrong." in part(clerk.get(page(completed, errors=1)), "timeline")


def test_steps_have_rows_when_asked_for(waiting, clerk):
    assert "convert" not in part(clerk.get(page(waiting)), "timeline")
    assert part(clerk.get(page(waiting, steps=1)), "timeline").count("convert") == 3
    assert part(clerk.get(page(waiting, path="each[1]/read_amount")), "timeline").count("convert") == 3


def test_one_selection_is_for_all(waiting, clerk):
    answer = clerk.get(page(waiting, path="each[1]"))
    assert re.search(r'aria-selected="true"><th scope="row"><a [^>]*title="2 · INV-2', html.source(answer))
    assert "Posted INV-2" in part(answer, "events")
    assert "Posted INV-1" not in part(answer, "events")
    assert "Events Each invoice 2" in part(answer, "events")
    steps = part(clerk.get(page(waiting, tab="attempts", path="each[1]")), "timeline")
    assert steps.count("Each invoice 2") == 3
    assert "Each invoice 1 " not in steps
    (nothing,) = {link for link in html.links(answer) if link == "?"}
    assert nothing


def test_the_rows_before_come_alone(waiting, clerk):
    Visit.objects.bulk_create(
        Visit(
            run=waiting,
            path=f"each[{number}]/post",
            region=f"each[{number}]",
            pos=1,
            node_id="post",
            state="done",
            outcome="done",
            started_at=waiting.created_at,
            ended_at=waiting.created_at,
        )
        for number in range(3, 303)
    )
    answer = clerk.get(page(waiting))
    assert html.source(answer).count('<th scope="row">') == 200
    (earlier,) = (link for link in html.links(answer) if "rows=" in link)
    assert html.source(clerk.get(f"/runs/{waiting.pk}{earlier}")).count('<th scope="row">') == 105
    alone = clerk.get(f"/runs/{waiting.pk}{earlier.partition('#')[0]}&section=timeline")
    assert html.source(alone).startswith("<table>")
    assert html.source(alone).count('<th scope="row">') == 105


def test_large_payloads_are_a_click_away(waiting, clerk):
    append(waiting.pk, [NewEvent("log", {"message": f"{number}" + "x" * 6_000}) for number in range(20)])
    answer = clerk.get(page(waiting, tab="events"))
    shown = re.findall(r'href="(\?[^"]*event=\d+#e\d+)"', html.source(answer))
    assert len(shown) > 9
    assert len(html.source(answer)) < 300_000
    chosen = shown[5].replace("&amp;", "&")
    number = chosen.rpartition("#e")[2]
    opened = html.source(clerk.get(f"/runs/{waiting.pk}{chosen}"))
    assert f'id="e{number}" open' in opened
    assert "x" * 6_000 in opened
    alone = html.source(clerk.get(page(waiting, event=number, section="event")))
    assert "x" * 6_000 in alone
    assert "<html" not in alone


def test_a_document_cannot_bring_its_own_markup(house, browser):
    nodes = {
        "a": {
            "type": "sequence",
            "description": SCRIPT,
            "steps": [{"action": "log", "message": SCRIPT}],
            "next_node": "b",
        },
        "b": {"type": "terminate", "status": "failed", "message": SCRIPT, "description": SCRIPT},
    }
    document = hello("evil", name=SCRIPT, description=SCRIPT)
    document["workflow_graph"] = {"start_node": "a", "nodes": nodes}
    document["variables_schema"] = {"who": {"type": "string", "label": SCRIPT, "description": SCRIPT}}
    publish(house.operator, document)
    wanted = services.StartRequest(procedure_id="evil", title=SCRIPT, input_vars={"who": SCRIPT})
    run = runs.drive(services.start_run(people.actor(house.operator), wanted).run)
    client = browser(house.operator)
    addresses = [page(run, tab=tab) for tab in ("timeline", "events", "variables", "attempts")]
    addresses += [f"/runs/{run.pk}/retry", "/runs", "/", "/procedures", "/procedures/evil/1.0.0"]
    addresses += [f"/procedures/evil/1.0.0?tab={tab}" for tab in ("document", "variables", "problems")]
    addresses += ["/procedures/evil/1.0.0?node=a", "/procedures/evil/1.0.0/start", f"/runs?f={SCRIPT}"]
    for address in addresses:
        found = html.source(client.get(address))
        assert "<script>alert" not in found, address
        assert "&lt;script&gt;alert" in found, address


def test_cancel_asks_for_a_reason_and_keeps_it(house, waiting, clerk):
    address = f"/runs/{waiting.pk}/cancel"
    assert html.heading(clerk.get(address)) == "Cancel this run?"
    refused = clerk.post(address, {"reason": " "})
    assert refused.status_code == 422
    assert Run.system.get(pk=waiting.pk).status == "waiting_approval"
    done = clerk.post(address, {"reason": "Wrong inbox"}, follow=True)
    assert html.heading(done) == "Canceled by clerk: Wrong inbox"
    assert AuditEntry.objects.filter(action="run.cancel").exists()
    late = clerk.post(address, {"reason": "Again"}, follow=True)
    assert late.status_code == 200


def test_a_run_goes_on_from_where_it_stopped(failed, clerk):
    assert "From where it stopped." in html.words(clerk.get(f"/runs/{failed.pk}/retry"))
    answer = clerk.post(f"/runs/{failed.pk}/retry", {"mode": "failed_step", "reason": "Try"}, follow=True)
    assert answer.redirect_chain[-1][0] == f"/runs/{failed.pk}"
    assert html.heading(answer).startswith("Queued again for")


def test_a_run_starts_anew(completed, clerk):
    shown = html.source(clerk.get(f"/runs/{completed.pk}/retry"))
    assert re.search(r'value="failed_step" disabled', shown)
    answer = clerk.post(f"/runs/{completed.pk}/retry", {"mode": "start"}, follow=True)
    again = Run.system.exclude(pk=completed.pk).get()
    assert answer.redirect_chain[-1][0] == f"/runs/{again.pk}"
    assert f"/runs/{completed.pk}" in html.links(answer)
    assert f"/runs/{again.pk}" in html.links(clerk.get(page(completed)))


def test_an_open_run_is_not_retried(waiting, clerk):
    assert "The run has not ended; cancel it first." in html.words(clerk.get(f"/runs/{waiting.pk}/retry"))
    answer = clerk.post(f"/runs/{waiting.pk}/retry", {"mode": "start"}, follow=True)
    assert "The run has not ended; cancel it first." in html.words(answer)
    assert Run.system.count() == 1


def test_a_run_is_held_and_goes_on(waiting, clerk):
    held = clerk.post(f"/runs/{waiting.pk}/pause", follow=True)
    assert f"/runs/{waiting.pk}/resume" in html.source(held)
    back = clerk.post(f"/runs/{waiting.pk}/resume", follow=True)
    assert f"/runs/{waiting.pk}/pause" in html.source(back)


def test_a_decision_moves_the_page_on(house, waiting, clerk):
    approvals.decide(people.actor(house.judge), Approval.system.get().pk, Answer("approved"))
    runs.drive(waiting)
    answer = clerk.get(page(waiting))
    assert html.heading(answer).startswith("Completed in ")
    assert "Decided approved by judge" in html.words(answer)


def test_who_sees_a_run_and_its_verbs(house, waiting, browser):
    for name in ("stranger", "guest"):
        assert browser(getattr(house, name)).get(page(waiting)).status_code == 404, name
    assert browser().get(page(waiting)).url == f"/login?next=/runs/{waiting.pk}"
    refused = browser(house.judge).get(page(waiting))
    assert refused.status_code == 403
    assert "view" in html.words(refused)
    shown = browser(house.viewer).get(page(waiting))
    assert f"/runs/{waiting.pk}/cancel" not in html.links(shown)


@pytest.mark.parametrize("verb", ["cancel", "retry", "pause", "resume"])
def test_verbs_need_their_permission(house, waiting, browser, verb):
    refused = browser(house.viewer).post(f"/runs/{waiting.pk}/{verb}", {"reason": "x"})
    assert refused.status_code == 403
    assert "runs.operate" in html.words(refused)
    assert "an administrator of your tenant" in html.words(refused)
    assert browser(house.stranger).post(f"/runs/{waiting.pk}/{verb}", {"reason": "x"}).status_code == 404
    assert Run.system.get(pk=waiting.pk).status == "waiting_approval"


@pytest.mark.parametrize("who", ["clerk", "viewer", "admin"])
def test_the_page_costs_few_queries_whatever_the_run_did(house, waiting, failed, browser, who):
    client = browser(getattr(house, who))
    for run in (waiting, failed):
        for tab in ("timeline", "events", "variables", "attempts", "approvals"):
            found = html.queries(client, page(run, tab=tab))
            assert len(found) <= html.MOST_QUERIES, "\n".join(found)
    before = len(html.queries(client, page(waiting)))
    append(waiting.pk, [NewEvent("log", {"message": "more"}) for _ in range(300)])
    last = Visit.objects.filter(run=waiting).latest("id")
    for number in range(40):
        Visit.objects.create(
            run=waiting,
            path=f"more{number}",
            pos=99,
            node_id="post",
            state="done",
            outcome="next",
            started_at=last.started_at,
        )
    assert len(html.queries(client, page(waiting))) == before
