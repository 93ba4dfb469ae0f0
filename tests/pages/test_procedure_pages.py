"""Procedures: the list, and the page of a version."""

import json
import re

import pytest

from procedures.models import CurrentVersion, ProcedureVersion
from tests import batches, html, people
from tests.documents import hello
from tests.published import draft, publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(browser, house):
    return browser(house.operator)


@pytest.fixture
def batch(house):
    batches.published(house.operator, house.project)


def shop(**root):
    """A document with a failure route, and the same remark in several places."""
    steps = [{"step_id": f"s{number}", "action": "shop.order", "agent": "shop"} for number in range(5)]
    nodes = {
        "order": {
            "type": "sequence",
            "description": "Order it",
            "steps": steps,
            "next_node": "done",
            "on_error": "mend",
        },
        "mend": {"type": "sequence", "steps": [{"action": "log", "message": "mended"}], "next_node": "done"},
        "done": {"type": "terminate"},
    }
    return hello("shop", workflow_graph={"start_node": "order", "nodes": nodes}, variables_schema={}, **root)


def names(answer):
    return re.findall(r'class="q cut rowlink"[^>]*title="([^"]*)"', html.source(answer))


def test_the_list_says_what_is_in_use(operator, house, batch):
    draft(house.operator, batches.batch("2.0.0", description="Now with bells"))
    answer = operator.get("/procedures")
    text = html.words(answer)
    assert "Invoice batch batch · Now with bells" in text
    assert "2.0.0 Draft" in text
    assert "dev 1.0.0" in text
    assert "Finance" in text
    assert "/procedures/batch" in html.links(answer)


def test_the_list_is_searched_and_narrowed(operator, house, batch):
    publish(house.operator, hello(name="Greeting"), house.other_project)
    assert names(operator.get("/procedures?q=GREET")) == ["Greeting"]
    assert names(operator.get(f"/procedures?project={house.project.pk}")) == ["Invoice batch"]
    assert "Nothing matches" in html.words(operator.get("/procedures?q=xyz"))


def test_the_list_goes_on(operator, house):
    for number in range(52):
        draft(house.operator, hello(f"p{number:02}"))
    first = operator.get("/procedures")
    assert len(names(first)) == 50
    (more,) = re.findall(r'href="([^"]*)" rel="next"', html.source(first))
    assert names(operator.get("/procedures" + more)) == ["p50", "p51"]


def test_an_empty_list_says_what_to_do(operator, browser, house):
    assert "/import" in html.links(operator.get("/procedures"))
    assert "An operator can import one." in html.words(browser(house.viewer).get("/procedures"))


def test_a_procedure_leads_to_its_current_version(operator, house, batch):
    draft(house.operator, batches.batch("2.0.0"))
    assert operator.get("/procedures/batch").url == "/procedures/batch/1.0.0"
    draft(house.operator, hello())
    assert operator.get("/procedures/hello").url == "/procedures/hello/1.0.0"
    assert operator.get("/procedures/nothing").status_code == 404


def test_a_version_shows_its_graph_variables_and_sisters(operator, house, batch):
    draft(house.operator, batches.batch("2.0.0"))
    answer = operator.get("/procedures/batch/1.0.0")
    assert html.heading(answer) == "Invoice batch 1.0.0"
    text = html.words(answer)
    assert "Active" in text
    assert "in dev" in text
    assert "7 nodes" in text
    assert "invoices array start, required" in text
    assert "approval_limit number start, 100" in text
    assert "token password start, masked" in text
    assert "2.0.0 Draft" in text
    assert "For each invoice" in html.source(answer)
    assert "reject → Post it" in text, "the graph in words"


def test_a_chosen_node_is_shown_as_the_document_has_it(operator, house, batch):
    answer = operator.get("/procedures/batch/1.0.0?node=limit")
    text = html.words(answer)
    assert "Above the limit? logic" in text
    assert '"condition" : "amount > approval_limit"' in text
    assert "?tab=document#L1" in html.links(answer), "the document of this test is one line"
    assert 'id="node"' not in html.source(operator.get("/procedures/batch/1.0.0?node=nobody"))


def test_edges_of_failure_are_shown_on_demand(operator, house):
    draft(house.operator, shop())
    plain = operator.get("/procedures/shop/1.0.0")
    assert "Show 1 error edge" in html.words(plain)
    assert 'class="e err"' not in html.source(plain)
    shown = operator.get("/procedures/shop/1.0.0?errors=1")
    assert "Hide error edges" in html.words(shown)
    assert 'class="e err"' in html.source(shown)


def test_the_document_has_its_problems_beside_the_lines(operator, house):
    draft(house.operator, shop())
    version = ProcedureVersion.system.get()
    answer = operator.get("/procedures/shop/1.0.0?tab=document")
    for number, line in enumerate(version.source.splitlines(), 1):
        assert f'id="L{number}"' in html.source(answer), line
    for problem in version.problems:
        assert problem["code"] in html.words(answer)
        assert problem["pointer"] in html.words(answer)


def test_problems_of_the_same_words_are_gathered(operator, house):
    draft(house.operator, shop())
    problems = ProcedureVersion.system.get().problems
    text = html.words(operator.get("/procedures/shop/1.0.0?tab=problems"))
    messages = {problem["message"] for problem in problems}
    assert len(problems) > len(messages) > 0
    for message in messages:
        assert text.count(message) == 1
    assert f"Problems {len(problems)}" in text


def test_a_document_of_one_long_line_and_no_problems(operator, house):
    document = json.dumps(hello(), separators=(",", ":"))
    operator.post("/import", {"text": document, "do": "save"})
    assert "None: the compiler has nothing to say" in html.words(operator.get("/procedures/hello/1.0.0?tab=problems"))
    assert 'id="L1"' in html.source(operator.get("/procedures/hello/1.0.0?tab=document"))


def test_versions_move_through_their_lives(operator, house):
    draft(house.operator, hello())
    address = "/procedures/hello/1.0.0"
    assert "Publish" in html.words(operator.get(address))
    done = operator.post(f"{address}/status", {"status": "active"}, follow=True)
    assert "hello 1.0.0 is active now." in html.words(done)
    assert CurrentVersion.system.filter(channel="dev").exists()
    operator.post(f"{address}/status", {"status": "deprecated"})
    answer = operator.get(address)
    assert "Deprecated" in html.words(answer)
    assert f"{address}/start" not in html.links(answer)


def test_a_move_that_is_not_possible_is_explained(operator, house):
    publish(house.operator, hello())
    operator.post("/procedures/hello/1.0.0/start", {})
    answer = operator.post("/procedures/hello/1.0.0/status", {"status": "draft"}, follow=True)
    assert "1.0.0 stays active." in html.words(answer)
    assert ProcedureVersion.system.get().status == "active"


def test_whoever_may_only_look_has_no_verbs(browser, house, batch):
    answer = browser(house.viewer).get("/procedures/batch/1.0.0")
    assert "Change status" not in html.words(answer)
    assert "/procedures/batch/1.0.0/start" not in html.links(answer)
    refused = browser(house.viewer).post("/procedures/batch/1.0.0/status", {"status": "draft"})
    assert refused.status_code == 403
    assert "procedures.edit" in html.words(refused)


@pytest.mark.parametrize("address", ["/procedures/batch", "/procedures/batch/1.0.0", "/procedures/batch/1.0.0/start"])
def test_what_may_not_be_seen_does_not_exist(browser, house, batch, address):
    assert browser(house.stranger).get(address).status_code == 404
    assert browser(house.guest).get(address).status_code in (403, 404)
    assert browser(house.approver).get(address).status_code == 403
    assert browser().get(address).status_code == 302


@pytest.mark.parametrize("who", ["clerk", "viewer", "admin"])
def test_procedures_cost_few_queries_whatever_their_number(browser, house, batch, who):
    client = browser(getattr(house, who))
    short = html.queries(client, "/procedures")
    for number in range(9):
        publish(house.operator, hello(f"p{number}"), house.project)
        draft(house.operator, batches.batch(f"1.{number}.1"))
    assert len(html.queries(client, "/procedures")) == len(short) <= html.MOST_QUERIES
    for tab in ("graph", "document", "variables", "problems"):
        found = html.queries(client, f"/procedures/batch/1.0.0?tab={tab}&node=limit")
        assert len(found) <= html.MOST_QUERIES, "\n".join(found)


def test_a_project_that_is_chosen_stays_in_the_links(operator, house, batch):
    answer = operator.get(f"/procedures?project={house.project.pk}")
    assert f"/import?project={house.project.pk}" in html.links(answer)


def test_nobody_of_another_tenant_is_mixed_in(house, browser, batch):
    publish(house.stranger, batches.batch(name="Theirs"))
    assert names(browser(house.operator).get("/procedures")) == ["Invoice batch"]
    assert names(browser(house.stranger).get("/procedures")) == ["Theirs"]
    assert people.actor(house.stranger).tenant_id == house.elsewhere.pk
