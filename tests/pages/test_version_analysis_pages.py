"""Pages that analyse a version: Explain, Versions with their difference, Callers with what is open."""

import re
from html import unescape

import pytest

from orchestration import services as runs
from orchestration.services import StartRequest
from tests import people, published
from tests.documents import hello
from tests.published import purchase
from tests.unit.ckp.compiling import approval, call, doc, inputs, seq

pytestmark = pytest.mark.django_db

BUDGET = 12


def text_of(answer):
    """What a reader sees of the page, blanks folded."""
    html = re.sub(r"<(script|style).*?</\1>", " ", answer.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def gated(version="1.0.0", *, gate=True):
    post = seq(call("post_invoice", "go", side_effect="write", token="{{ secrets.erp }}"))
    nodes = {"ask": approval("post"), "post": post} if gate else {"post": post}
    config = {"secrets_config": {"secret_references": {"erp": "erp/token"}}, "retry_policy": {"max_retries": 2}}
    root = {"variables_schema": inputs(amount="number"), "global_config": config, "version": version}
    return doc(nodes, **root) | {"procedure_id": "post_invoice"}


def caller(name, pin):
    document = hello(name)
    nodes = document["workflow_graph"]["nodes"]
    nodes["call"] = {"type": "subflow", "procedure_id": "child", "version": pin, "next_node": "done"}
    nodes["greet"]["next_node"] = "call"
    return document


def test_explain_says_needs_calls_gates_secrets_and_ways(house, browser):
    published.draft(house.operator, gated())
    answer = browser(house.viewer).get("/procedures/post_invoice/1.0.0/explain")
    assert answer.status_code == 200
    text = text_of(answer)
    assert "Every start must give amount" in text
    assert "post_invoice post/go web, nobody yet write once, 1 s ask" in text
    assert "erp key erp/token" in text
    assert "ask → approved → post → z" in text
    assert "2 where a step asks for them" in text


def test_explain_says_what_starts_it_and_what_a_start_is_asked_for(house, browser):
    schema = {"who": {"type": "string"}, "report": {"type": "object", "origin": "system_captured"}}
    triggers = [{"type": "scheduled", "schedule": "0 9 1 1 *", "timezone": "Europe/Berlin"}, {"type": "manual"}]
    published.draft(house.operator, hello(variables_schema=schema, triggers=triggers))
    text = text_of(browser(house.viewer).get("/procedures/hello/1.0.0/explain"))
    assert "A start may give who string May be undefined who greet Never used report" in text
    assert re.search(r"What starts it 2 scheduled t1 · next 1 Jan[^,]*(, 1 Jan[^,]*){4} manual t2 ", text)


def test_explain_tells_who_it_calls_and_what_they_take(house, browser):
    published.publish(house.operator, hello("child", "1.2.0"))
    published.draft(house.operator, caller("parent", "^1.0"))
    text = text_of(browser(house.viewer).get("/procedures/parent/1.0.0/explain"))
    assert "child call · pinned to ^1.0, takes 1.2.0 now" in text


def test_a_version_that_has_errors_now_says_which(house, browser):
    published.publish(house.operator, hello("child", "1.2.0"))
    published.draft(house.operator, caller("parent", "^1.0"))
    needy = hello("child", "1.3.0", variables_schema={"who": {"type": "string", "required": True}})
    published.publish(house.operator, needy)
    answer = browser(house.viewer).get("/procedures/parent/1.0.0/explain")
    assert answer.status_code == 422
    assert "It has errors now" in text_of(answer)
    assert "CKP323" in text_of(answer)


def test_versions_are_compared_in_words_and_line_by_line(house, browser):
    published.draft(house.operator, gated())
    published.draft(house.operator, gated("2.0.0", gate=False))
    answer = browser(house.viewer).get("/procedures/post_invoice/diff")
    text = text_of(answer)
    assert "What changed from 1.0.0 to 2.0.0" in text
    assert "Breaking The call 'post/go' lost its gate 'ask'." in text
    assert "The approval 'ask' was removed." in text
    assert "a new major version" in text
    gone = r'<tr class="bad"><td class="ln">\d+</td><td>- .*start_node'
    assert re.search(gone, answer.content.decode())
    turned = text_of(browser(house.viewer).get("/procedures/post_invoice/diff?from=2.0.0&to=1.0.0"))
    assert "The approval 'ask' was added." in turned
    assert "Breaking" not in turned


def test_equal_versions_and_a_first_version_say_so(house, browser):
    published.draft(house.operator, hello())
    assert "Nothing to compare with" in text_of(browser(house.viewer).get("/procedures/hello/diff"))
    published.draft(house.operator, hello(version="1.0.1"))
    assert "both mean the same" in text_of(browser(house.viewer).get("/procedures/hello/diff"))


def test_callers_show_pins_and_what_would_break(house, browser):
    published.publish(house.operator, hello("child", "1.2.0"))
    published.draft(house.operator, caller("parent", "^1.0"))
    needy = hello("child", "1.3.0", variables_schema={"who": {"type": "string", "required": True}})
    published.draft(house.operator, needy)
    text = text_of(browser(house.viewer).get("/procedures/child/1.3.0/callers"))
    assert "parent 1.0.0 call · pinned to ^1.0, takes this version once it is published" in text
    assert "CKP323" in text
    text = text_of(browser(house.viewer).get("/procedures/parent/1.0.0/callers"))
    assert "No procedure that you may see" in text


def test_open_runs_are_counted_by_status(house, browser):
    published.publish(house.operator, purchase())
    start = StartRequest(procedure_id="purchase", input_vars={"item": "lamp", "amount": 5})
    runs.start_run(people.actor(house.operator), start)
    text = text_of(browser(house.viewer).get("/procedures/purchase/1.0.0/callers"))
    assert "Open runs of 1.0.0 1 Queued 1" in text
    assert "Current in dev" in text


@pytest.mark.parametrize("address", ["/1.0.0/explain", "/1.0.0/callers", "/diff"])
def test_what_one_may_not_see_is_not_there(house, browser, address):
    published.draft(house.operator, hello(), house.project)
    assert browser(house.clerk).get(f"/procedures/hello{address}").status_code == 200
    assert browser(house.guest).get(f"/procedures/hello{address}").status_code == 404
    assert browser(house.stranger).get(f"/procedures/hello{address}").status_code == 404
    assert browser(house.viewer).get("/procedures/hello/diff?to=9").status_code == 404


@pytest.mark.parametrize("address", ["/1.5.0/explain", "/1.5.0/callers", "/diff"])
def test_the_pages_cost_few_queries(house, browser, django_assert_max_num_queries, address):
    for minor in range(6):
        published.draft(house.operator, hello(version=f"1.{minor}.0"))
    client = browser(house.viewer)
    with django_assert_max_num_queries(BUDGET):
        assert client.get(f"/procedures/hello{address}").status_code == 200


def test_the_tabs_lead_to_all_pages_of_the_version(house, browser):
    published.draft(house.operator, hello())
    html = browser(house.viewer).get("/procedures/hello/1.0.0/explain").content.decode()
    for address in ("?tab=graph", "/callers", "/explain", "/procedures/hello/diff?to=1.0.0"):
        assert address in html
