"""The tabs of a run's page: what each shows, and that nothing sensitive is among it."""

import pytest

from approvals import services as approvals
from approvals.models import Approval
from approvals.rules.answers import Answer
from orchestration import services
from orchestration.models import StepRecord, Visit
from tests import batches, html, people, runs
from tests.artifacts import stored_artifact
from tests.documents import hello
from tests.published import publish

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "4711-abc"


def page(run, **query):
    return f"/runs/{run.pk}" + ("?" + "&".join(f"{key}={value}" for key, value in query.items()) if query else "")


def part(answer, name="timeline"):
    """The words of a section of the page."""
    return html.text(html.source(answer).split(f'id="{name}"')[1].split("</section>")[0])


def keeper():
    """Keeps a secret in a sensitive variable and one under a telling name, changes both, and asks a person."""

    def keeping(name, value, next_node):
        step = {"step_id": f"keep_{name}", "action": "set_variable", "variable": name, "value": value}
        return {"type": "sequence", "steps": [step], "next_node": next_node}

    nodes = {
        "pin": keeping("pin", SECRET, "again"),
        "again": keeping("pin", f"{SECRET}-new", "inside"),
        "inside": keeping("account", {"user": "kim", "password": SECRET}, "loop"),
        "loop": {
            "type": "loop",
            "iterator": "accounts",
            "iterator_variable": "one",
            "body_node": "tokens",
            "next_node": "big",
        },
        "tokens": keeping("api_token", "{{ one.password }}", "loop"),
        "big": keeping("big", "{{ numbers }}", "ask"),
        "ask": {"type": "human_approval", "prompt": "Go on?", "on_approve": "done", "on_reject": "done"},
        "done": {"type": "terminate", "outputs": {"pin": "{{ pin }}"}},
    }
    schema = {
        "pin": {"type": "string", "sensitive": True},
        "account": {"type": "object"},
        "accounts": {"type": "array", "default": [{"user": "kim", "password": SECRET}]},
        "numbers": {"type": "array", "default": list(range(5_000, 5_900))},
        "big": {"type": "array"},
    }
    return hello("keeper", variables_schema=schema, workflow_graph={"start_node": "pin", "nodes": nodes})


@pytest.fixture
def waiting(house):
    """A run that asks about its third invoice."""
    batches.published(house.operator, house.project)
    return batches.driven(house.clerk, 5, 7, 900, 3, title="Batch of 20 November")


@pytest.fixture
def kept(house):
    """A run that holds secrets, and waits."""
    publish(house.operator, keeper(), house.project)
    wanted = services.StartRequest(procedure_id="keeper")
    return runs.drive(services.start_run(people.actor(house.clerk), wanted).run)


@pytest.fixture
def clerk(browser, house):
    return browser(house.clerk)


def test_variables_are_those_where_the_run_waits(waiting, clerk):
    text = part(clerk.get(page(waiting, tab="variables")))
    assert "At Each invoice 3 › Approve the amount" in text
    assert "amount changed 3 times 900 Each invoice 3 › Read the amount" in text
    assert "approval_limit 100 the start" in text
    assert '"id" : "INV-3"' in text.replace('":', '" :')


def test_each_visit_says_what_it_changed(waiting, clerk):
    text = part(clerk.get(page(waiting, tab="variables")))
    changes = text.split("What each visit changed")[1]
    assert "Each invoice 2 › Read the amount" in changes
    assert "amount 5 7" in changes
    assert "amount was not there 5" in changes


def test_a_chosen_visit_shows_the_variables_after_it(waiting, clerk):
    text = part(clerk.get(page(waiting, tab="variables", path="each[1]/read_amount")))
    assert "After Each invoice 2 › Read the amount" in text
    assert "amount changed 3 times 7 Each invoice 2 › Read the amount" in text
    assert "INV-2" in text
    changes = text.split("What each visit changed")[1]
    assert "amount 5 7" in changes
    assert "900" not in changes
    elsewhere = part(clerk.get(page(waiting, tab="variables", path="each[9]/nowhere")))
    assert "No visit changed a variable here." in elsewhere


def test_a_chosen_variable_has_its_own_history(waiting, clerk):
    text = part(clerk.get(page(waiting, tab="variables", name="amount")))
    assert "approval_limit" not in text
    assert "amount 7 900" in text
    assert "There is no nothing here." in part(clerk.get(page(waiting, tab="variables", name="nothing")))


def test_large_values_are_shown_alone(kept, clerk):
    answer = clerk.get(page(kept, tab="variables"))
    assert "900 items, 5,400 characters" in part(answer)
    assert "5899" not in part(answer)
    assert "5400" in part(clerk.get(page(kept, tab="variables", name="numbers")))
    alone = part(clerk.get(page(kept, tab="variables", path="big")))
    assert "5400" in alone.split("What each visit changed")[1]


def test_earlier_changes_come_in_pages(waiting, clerk):
    Visit.objects.bulk_create(
        Visit(
            run=waiting,
            path=f"each[{number}]/post",
            region=f"each[{number}]",
            pos=1,
            node_id="post",
            state="done",
            outcome="done",
            changes={"amount": number},
            started_at=waiting.created_at,
            ended_at=waiting.created_at,
        )
        for number in range(3, 83)
    )
    answer = clerk.get(page(waiting, tab="variables"))
    assert html.source(answer).count('class="diff"') == 50
    (earlier,) = (link for link in html.links(answer) if "visits=" in link)
    assert html.source(clerk.get(f"/runs/{waiting.pk}{earlier}")).count('class="diff"') == 33
    alone = clerk.get(f"/runs/{waiting.pk}{earlier.partition('#')[0]}&section=changes")
    assert html.source(alone).startswith("<ol>")


def flaky():
    """Fails twice, then a handler lets it be tried once more, and gives up."""
    step = {
        "step_id": "convert",
        "action": "convert_type",
        "source": "{{ amount }}",
        "target_type": "number",
        "output_variable": "number",
        "retry_config": {"retry_on": ["invalid_value"], "max_retries": 1, "base_delay_ms": 10, "strategy": "fixed"},
    }
    handler = {
        "error_types": ["invalid_value"],
        "action": "retry",
        "max_retries": 1,
        "delay_ms": 1,
        "recovery_strategy": "stop",
    }
    nodes = {
        "read": {
            "type": "sequence",
            "description": "Read it",
            "steps": [step],
            "error_handlers": [handler],
            "next_node": "done",
        },
        "done": {"type": "terminate"},
    }
    schema = {"amount": {"type": "string", "default": "12,0"}}
    return hello("flaky", variables_schema=schema, workflow_graph={"start_node": "read", "nodes": nodes})


@pytest.fixture
def troubled(house):
    """A run whose step failed three times."""
    publish(house.operator, flaky(), house.project)
    wanted = services.StartRequest(procedure_id="flaky")
    return runs.drive(services.start_run(people.actor(house.clerk), wanted).run)


def test_each_try_says_what_it_met_and_what_was_decided(troubled, clerk):
    text = part(clerk.get(page(troubled, tab="attempts")))
    assert "convert Read it convert_type" in text
    assert "Try 1 invalid_value “12,0” is not a number. tried again after < 0.1 s, fixed" in text
    assert "Try 2 invalid_value “12,0” is not a number. handler 1: tried again" in text
    assert "Try 3 invalid_value “12,0” is not a number. handler 1: gave up" in text
    assert "No step went wrong here." in part(clerk.get(page(troubled, tab="attempts", errors=1, node="done")))


def test_a_chosen_step_is_told_in_full(troubled, clerk):
    text = part(clerk.get(page(troubled, tab="attempts", path="read", step="convert")))
    assert "Tried again at most once more, fixed from 0.01 s" in text
    assert text.count("Nothing left the house.") == 3
    assert '"class" : "invalid_value"' in text.replace('":', '" :')


def test_earlier_steps_come_in_pages(waiting, clerk):
    StepRecord.objects.bulk_create(
        StepRecord(
            run=waiting,
            path=f"each[{number}]/post",
            step_id="note",
            node_id="post",
            action="log",
            state="completed",
            started_at=waiting.created_at,
            duration_ms=1,
        )
        for number in range(3, 153)
    )
    answer = clerk.get(page(waiting, tab="attempts"))
    assert html.source(answer).count('<tr class="two"') == 100
    (earlier,) = (link for link in html.links(answer) if "before=" in link)
    assert html.source(clerk.get(f"/runs/{waiting.pk}{earlier}")).count('<tr class="two"') == 56


PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def test_artifacts_show_what_can_be_shown(waiting, house, clerk, browser):
    assert "This run has produced no files yet." in part(clerk.get(page(waiting, tab="artifacts")))
    note = stored_artifact(waiting, "note.txt", b"a <b>note</b>", path="each[1]/post", node_id="post")
    picture = stored_artifact(waiting, "shot.png", PNG)
    markup = stored_artifact(waiting, "page.html", b"<html><script>alert(1)</script>")
    secret = stored_artifact(waiting, "secret.csv", b"a,b", classification="confidential")
    answer = clerk.get(page(waiting, tab="artifacts"))
    text = part(answer)
    assert "note.txt file · text/plain · 13 bytes · Each invoice 2 › Post it" in text.replace("\xa0", " ")
    assert f'<img class="shot" src="{picture.uri}"' in html.source(answer)
    assert {note.uri, picture.uri, markup.uri, secret.uri} <= set(html.links(answer))
    assert "a <b>note</b>" not in html.source(answer)
    opened = html.source(clerk.get(page(waiting, tab="artifacts", artifact=note.pk)))
    assert "a &lt;b&gt;note&lt;/b&gt;" in opened
    alone = html.source(clerk.get(page(waiting, tab="artifacts", section="artifact", artifact=markup.pk)))
    assert "Files of this kind are not shown here" in alone
    assert "<html" not in alone
    hidden = stored_artifact(waiting, "pay.csv", b"a,b", classification="restricted")
    alone = html.words(browser(house.admin).get(page(waiting, tab="artifacts", section="artifact", artifact=hidden.pk)))
    assert alone == "Restricted files are only downloaded, and each download is audited."
    assert "note.txt" not in part(clerk.get(page(waiting, tab="artifacts", node="limit")))


def test_who_may_not_download_an_artifact_is_told_why(waiting, house, browser):
    note = stored_artifact(waiting, "note.txt", b"a note")
    secret = stored_artifact(waiting, "secret.csv", b"a,b", classification="confidential")
    answer = browser(house.viewer).get(page(waiting, tab="artifacts"))
    assert note.uri in html.links(answer)
    assert secret.uri not in html.links(answer)
    assert "This artifact is confidential; you need the permission runs.operate to read it." in part(answer)
    assert "disabled>Download</button>" in html.source(answer)


def test_an_artifact_of_another_run_is_not_shown(waiting, kept, clerk):
    elsewhere = stored_artifact(kept, "note.txt", b"kept elsewhere")
    for wanted in (elsewhere.pk, "nonsense"):
        answer = clerk.get(page(waiting, tab="artifacts", section="artifact", artifact=wanted))
        assert "This artifact is no longer there." in html.source(answer)


def test_checkpoints_are_stepped_through_with_what_changed(waiting, clerk):
    answer = clerk.get(page(waiting, tab="checkpoints"))
    assert "9 of 9: after Each invoice 3 › Above the limit?" in part(answer)
    assert "Then Approve the amount" in part(answer)
    assert "What changed since Each invoice 3 › Read the amount Nothing" in part(answer)
    (previous,) = {link for link in html.links(answer) if "each%5B2%5D%2Fread_amount" in link and "tab=check" in link}
    before = clerk.get(f"/runs/{waiting.pk}{previous}")
    assert "8 of 9: after Each invoice 3 › Read the amount" in part(before)
    assert "What changed since the start amount 7 900" in part(before)
    assert "approval_limit 100" in part(before).split("All variables then")[1]
    first = part(clerk.get(page(waiting, tab="checkpoints", path="start_log")))
    assert "1 of 9: after Start and log" in first


def test_a_document_may_keep_no_history_or_only_what_matters(house, clerk):
    kinds = {"none": "This document keeps no history", "critical_nodes_only": "No visit has ended yet."}
    for number, (strategy, words) in enumerate(kinds.items()):
        document = batches.batch(f"1.{number + 1}.0", global_config={"checkpoint_strategy": strategy})
        publish(house.operator, document, house.project)
        run = batches.driven(house.clerk, 900)
        assert words in part(clerk.get(page(run, tab="checkpoints")))
        approvals.decide(people.actor(house.judge), Approval.system.get(run_id=run.pk).pk, Answer("approved"))
        runs.drive(run)
        shown = part(clerk.get(page(run, tab="checkpoints")))
        assert ("2 of 2: after Done" in shown) == (strategy != "none")


def test_diagnostics_say_what_stands_behind_a_run(waiting, clerk):
    StepRecord.objects.create(
        run=waiting,
        path="each[2]/post",
        step_id="pay",
        node_id="post",
        action="pay",
        state="started",
        key="a-key",
        started_at=waiting.created_at,
    )
    text = part(clerk.get(page(waiting, tab="diagnostics")))
    assert "Job Parked" in text
    assert "Waiting for a decision by an approver" in text
    assert "pay pay, try 1 Each invoice 3 › Post it. It was begun, and nobody knows whether it happened." in text
    assert "Leases of agents None." in text
    assert "a-key" in text


def test_the_audit_is_for_those_who_may_view_it(waiting, house, browser, clerk):
    clerk.post(f"/runs/{waiting.pk}/cancel", {"reason": "Wrong inbox"})
    admin = browser(house.admin)
    text = part(admin.get(page(waiting, tab="audit")))
    assert "Wrong inbox" in text
    assert "run.start" in text
    assert len(html.queries(admin, page(waiting, tab="audit"))) <= html.MOST_QUERIES
    assert "Audit" in html.words(admin.get(page(waiting)))
    hidden = html.words(clerk.get(page(waiting, tab="audit")))
    assert "run.start" not in hidden
    assert "tab=audit" not in html.source(clerk.get(page(waiting)))


TABS = ["timeline", "events", "variables", "attempts", "approvals", "artifacts", "checkpoints", "diagnostics"]


@pytest.mark.parametrize("tab", TABS)
def test_no_tab_shows_what_is_sensitive(kept, clerk, tab):
    for query in ({}, {"path": "again"}, {"name": "pin"}, {"node": "inside"}, {"path": "again", "step": "keep_pin"}):
        assert SECRET not in html.source(clerk.get(page(kept, tab=tab, **query))), query


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_is_closed_to_others(waiting, house, browser, tab):
    address = page(waiting, tab=tab)
    assert browser(house.viewer).get(address).status_code == 200
    for name in ("stranger", "guest"):
        assert browser(getattr(house, name)).get(address).status_code == 404, name
    assert browser(house.judge).get(address).status_code == 403


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_costs_few_queries(waiting, kept, troubled, clerk, tab):
    for name in ("a.txt", "b.json", "c.png"):
        stored_artifact(waiting, name, PNG if name == "c.png" else b"{}")
    for run in (waiting, kept, troubled):
        for query in ({}, {"path": "each[1]/read_amount"}, {"node": "again"}, {"errors": 1}, {"steps": 1}):
            found = html.queries(clerk, page(run, tab=tab, **query))
            assert len(found) <= html.MOST_QUERIES, "\n".join(found)
