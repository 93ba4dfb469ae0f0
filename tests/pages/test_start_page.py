"""The start form: the same rules in the browser and on the server, and what was typed stays."""

import json
import re

import pytest

from orchestration import services
from orchestration.models import Run
from procedures import services as procedures
from tests import html, people
from tests.documents import hello
from tests.published import draft, publish

pytestmark = pytest.mark.django_db

SCHEMA = {
    "item": {
        "type": "string",
        "required": True,
        "label": "What to buy",
        "description": "A thing",
        "group": "Order",
        "examples": ["Lamp"],
        "validation": {"min_length": 2, "max_length": 40},
    },
    "code": {"type": "string", "group": "Order", "validation": {"regex": "[A-Z]{2}-[0-9]+"}},
    "amount": {"type": "number", "required": True, "examples": [20], "validation": {"min": 1, "max": 5000}},
    "pieces": {"type": "integer", "default": 1, "validation": {"min": 1}},
    "size": {"type": "string", "default": "M", "validation": {"allowed_values": ["S", "M", "L"]}},
    "urgent": {"type": "boolean", "default": True},
    "day": {"type": "date", "default": "{{ today }}"},
    "moment": {"type": "datetime"},
    "lines": {"type": "array", "default": [{"text": "Paper"}], "validation": {"min_length": 1, "max_length": 3}},
    "more": {"type": "object"},
    "token": {"type": "password"},
    "note": {"type": "string", "origin": "user_lazy", "validation": {"max_length": 500}},
    "made": {"type": "string", "origin": "system_captured"},
}
GOOD = {"input.item": "A lamp", "input.amount": "20"}
URL = "/procedures/shop/1.0.0/start"


NODES = {"start_node": "done", "nodes": {"done": {"type": "terminate"}}}


def shop(version="1.0.0", **root):
    return hello("shop", version, **{"variables_schema": SCHEMA, "workflow_graph": NODES, "name": "Shop", **root})


@pytest.fixture
def client(browser, house):
    publish(house.operator, shop(), house.project)
    return browser(house.clerk)


def control(answer, name):
    """The tag of a field."""
    found = re.search(rf'<(?:input|textarea|select)\b[^>]*name="input.{name}"[^>]*>', html.source(answer), flags=re.S)
    assert found, f"there is no field {name}"
    return found[0]


def value(answer, name):
    """What stands in a field."""
    tag = control(answer, name)
    if tag.startswith("<input"):
        found = re.search(r'value="([^"]*)"', tag)
        return found[1] if found else ""
    rest = html.source(answer).split(tag)[1]
    if tag.startswith("<textarea"):
        return rest.split("</textarea>")[0].lstrip("\n").replace("&quot;", '"')
    chosen = re.search(r'value="([^"]*)" selected', rest.split("</select>")[0])
    return chosen[1] if chosen else ""


def error(answer, name):
    found = re.search(rf'id="e-{name}">(.*?)</p>', html.source(answer), flags=re.S)
    return html.text(found[1]) if found else ""


def test_the_browser_knows_the_rules(client):
    answer = client.get(URL)
    assert 'minlength="2"' in control(answer, "item")
    assert 'maxlength="40"' in control(answer, "item")
    assert " required" in control(answer, "item")
    assert 'placeholder="Lamp"' in control(answer, "item")
    assert 'pattern="[A-Z]{2}-[0-9]+"' in control(answer, "code")
    assert 'type="number" step="any" min="1" max="5000"' in control(answer, "amount")
    assert 'step="1"' in control(answer, "pieces")
    assert 'type="date"' in control(answer, "day")
    assert 'type="datetime-local"' in control(answer, "moment")
    assert 'type="password"' in control(answer, "token")
    assert control(answer, "lines").startswith("<textarea")
    assert 'name="input.made"' not in html.source(answer)


def test_people_read_labels_groups_and_hints(client):
    answer = client.get(URL)
    text = html.words(answer)
    assert "Order What to buy" in text
    assert "A thing. From 2 to 40 characters." in text
    assert "From 1 to 5,000." in text
    assert "A JSON list. From 1 to 3 elements." in text
    assert "A JSON object." in text
    assert "Left blank: today." in text
    assert 'for="i-item"' in html.source(answer)
    assert 'aria-describedby="h-item"' in control(answer, "item")


def test_defaults_stand_in_the_fields(client):
    answer = client.get(URL)
    assert value(answer, "pieces") == "1"
    assert value(answer, "size") == "M"
    assert " checked" in control(answer, "urgent")
    assert json.loads(value(answer, "lines")) == [{"text": "Paper"}]
    assert value(answer, "day") == ""


def test_examples_are_filled_in_on_demand(client):
    assert "?fill=examples" in html.links(client.get(URL))
    answer = client.get(f"{URL}?fill=examples")
    assert (value(answer, "item"), value(answer, "amount"), value(answer, "size")) == ("Lamp", "20", "M")


def test_a_start_takes_the_values_of_their_types(client):
    given = GOOD | {
        "input.pieces": "3",
        "input.size": "L",
        "input.moment": "2026-02-09T10:30",
        "input.lines": '[{"text": "Pens"}]',
        "input.more": '{"a": [1, true]}',
        "input.token": "secret",
        "title": "Monday's order",
        "priority": "10",
    }
    answer = client.post(URL, given)
    run = Run.system.get()
    assert answer.url == f"/runs/{run.pk}"
    assert (run.title, run.priority, run.triggered_by) == ("Monday's order", 10, "clerk")
    wanted = {"item": "A lamp", "amount": 20, "pieces": 3, "size": "L", "urgent": False, "lines": [{"text": "Pens"}]}
    assert run.input_vars.items() >= (wanted | {"more": {"a": [1, True]}, "moment": "2026-02-09T10:30"}).items()
    assert "note" not in run.input_vars


def test_blank_fields_take_their_defaults(client):
    client.post(URL, GOOD | {"input.pieces": "", "input.day": " ", "input.urgent": "on"})
    run = Run.system.get()
    assert (run.input_vars["pieces"], run.input_vars["urgent"]) == (1, True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", run.input_vars["day"])


@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        ("item", "", "What to buy is required."),
        ("item", "x" * 41, "What to buy must have at most 40 characters."),
        ("amount", "9000", "amount must be at most 5000."),
        ("amount", "many", "amount must be a number."),
        ("code", "nope", "code must match the pattern [A-Z]{2}-[0-9]+."),
        ("pieces", "1.5", "pieces must be a whole number."),
        ("size", "XXL", "size must be one of: S, M, L."),
        ("day", "tomorrow", "day must be a date such as 2026-02-09."),
        ("lines", "[1,", "lines must be a list."),
        ("lines", "[]", "lines must have at least 1 element."),
        ("more", "[]", "more must be an object."),
        ("note", "x" * 501, "note must have at most 500 characters."),
    ],
)
def test_what_does_not_fit_comes_back_beside_its_field(client, name, typed, sentence):
    answer = client.post(URL, GOOD | {"title": "Kept", f"input.{name}": typed})
    assert answer.status_code == 422
    assert error(answer, name) == sentence
    assert f"#i-{name}" in html.links(answer)
    assert 'aria-invalid="true"' in control(answer, name)
    assert value(answer, name) == ("" if name == "size" else typed), "a choice that is none cannot stay"
    assert 'value="Kept"' in html.source(answer)
    assert "Nothing was started. 1 field needs a change." in html.words(answer)
    assert not Run.system.exists()


def test_several_faults_are_told_at_once(client):
    answer = client.post(URL, {"input.item": "", "input.amount": "0", "input.more": "{"})
    assert "Nothing was started. 3 fields need a change." in html.words(answer)
    assert re.search(r'<details class="more">', html.source(answer))


def test_an_error_among_the_further_fields_opens_them(client):
    answer = client.post(URL, GOOD | {"input.note": "x" * 501})
    assert re.search(r'<details class="more" open>', html.source(answer))


def test_inputs_that_are_too_large_come_back(client):
    typed = "x" * (1 << 20)
    answer = client.post(URL, GOOD | {"input.code": "AB-1", "input.more": f'{{"a": "{typed}"}}'})
    assert answer.status_code == 413
    assert "Nothing was started. The inputs have more than 1048576 bytes." in html.words(answer)
    assert value(answer, "code") == "AB-1"
    assert typed in html.source(answer)


def test_what_a_key_lacks_is_asked_for_at_its_field(browser, house):
    config = {"concurrency": {"max_runs": 1, "key": "{{ code }}"}}
    publish(house.operator, shop(global_config=config), house.project)
    answer = browser(house.clerk).post(URL, GOOD)
    assert answer.status_code == 422
    assert error(answer, "code") == "code is needed: runs are told apart by it."


def test_faults_of_what_the_form_does_not_show_are_told_above_it(browser, house):
    made = {"type": "string", "origin": "system_captured", "default": "{{ triggered_by }}"}
    schema = SCHEMA | {"made": made | {"validation": {"max_length": 2}}}
    publish(house.operator, shop(variables_schema=schema), house.project)
    answer = browser(house.clerk).post(URL, GOOD | {"input.amount": "0"})
    assert error(answer, "amount") == "amount must be at least 1."
    assert "made must have at most 2 characters." in html.words(answer)


def test_who_starts_the_same_again_is_told_that_nothing_is_new(browser, house):
    config = {"dedupe": {"key": "{{ item }}", "window_seconds": 60}}
    publish(house.operator, shop(global_config=config), house.project)
    client = browser(house.clerk)
    assert "The run is queued." in html.words(client.post(URL, GOOD, follow=True))
    again = client.post(URL, GOOD, follow=True)
    assert "Nothing new was started" in html.words(again)
    assert "The run is queued." not in html.words(again)
    assert Run.system.count() == 1


def test_an_unticked_box_stays_unticked_after_a_refusal(client):
    answer = client.post(URL, {"input.item": "", "input.amount": "1"})
    assert " checked" not in control(answer, "urgent")


def test_secrets_are_never_shown_again(client):
    answer = client.post(URL, {"input.item": "", "input.token": "very-secret"})
    assert "very-secret" not in html.source(answer)


def test_a_retry_begins_with_the_earlier_inputs(client, house):
    client.post(URL, GOOD | {"input.lines": '[{"text": "Pens"}]', "input.token": "very-secret"})
    earlier = Run.system.get()
    services.cancel_run(people.actor(house.operator), earlier, "to be changed")
    answer = client.get(f"{URL}?retry_of={earlier.pk}")
    assert html.heading(answer) == "Retry with changed inputs"
    assert (value(answer, "item"), json.loads(value(answer, "lines"))) == ("A lamp", [{"text": "Pens"}])
    assert " checked" not in control(answer, "urgent")
    assert "very-secret" not in html.source(answer)
    refused = client.post(URL, {"input.item": "", "input.amount": "2", "retry_of": str(earlier.pk)})
    assert html.heading(refused) == "Retry with changed inputs"
    done = client.post(URL, GOOD | {"input.item": "Two lamps", "retry_of": str(earlier.pk)})
    again = Run.system.exclude(pk=earlier.pk).get()
    assert done.url == f"/runs/{again.pk}"
    assert (again.retry_of, again.input_vars["item"]) == (earlier, "Two lamps")


def test_a_run_that_has_not_ended_is_not_retried(client):
    client.post(URL, GOOD)
    run = Run.system.get()
    answer = client.post(URL, GOOD | {"retry_of": str(run.pk)})
    assert answer.status_code == 409
    assert "The run has not ended; cancel it first." in html.words(answer)
    assert Run.system.count() == 1


def test_only_runs_that_are_seen_are_repeated(client, house, browser):
    client.post(URL, GOOD)
    publish(house.stranger, shop())
    for wanted in (Run.system.get().pk, "nonsense"):
        assert browser(house.stranger).get(f"{URL}?retry_of={wanted}").status_code == 404


def test_the_form_says_what_a_start_does(browser, house):
    nodes = {
        "call": {"type": "sequence", "agent": "ERP", "steps": [{"action": "erp.post"}], "next_node": "ask"},
        "ask": {"type": "human_approval", "prompt": "Go?", "on_approve": "done", "on_reject": "done"},
        "done": {"type": "terminate"},
    }
    draft(house.operator, shop(workflow_graph={"start_node": "call", "nodes": nodes}))
    text = html.words(browser(house.operator).get(URL))
    assert "3 nodes, 1 step" in text
    assert "Calls ERP" in text
    assert "May ask a person at 1 node" in text
    assert "This version is a draft; the run counts as a test run." in text


def test_a_procedure_without_inputs_asks_for_nothing(browser, house):
    publish(house.operator, hello(variables_schema={}, workflow_graph=NODES))
    client = browser(house.operator)
    assert "This procedure asks for nothing." in html.words(client.get("/procedures/hello/1.0.0/start"))
    assert client.post("/procedures/hello/1.0.0/start", {"priority": "--"}).status_code == 302


def test_a_version_that_starts_nothing_more_says_so(client, house):
    actor = people.actor(house.operator)
    version = procedures.change_status(
        actor, publish(house.operator, shop(version="2.0.0"), house.project), "deprecated"
    )
    answer = client.post(f"/procedures/shop/{version.version}/start", GOOD)
    assert answer.status_code == 409
    assert "Nothing was started. Version 2.0.0 is deprecated; no new runs start from it." in html.words(answer)


def test_starting_needs_its_permission(client, browser, house):
    for name in ("viewer", "approver"):
        for refused in (browser(getattr(house, name)).get(URL), browser(getattr(house, name)).post(URL, GOOD)):
            assert refused.status_code == 403
            assert "runs.start" in html.words(refused)
    assert browser(house.stranger).get(URL).status_code == 404
    assert not Run.system.exists()


def test_an_operator_elsewhere_sees_but_does_not_start(browser, house):
    publish(house.operator, shop(), house.other_project)
    assert browser(house.clerk).get(URL).status_code == 404


def test_typed_markup_stays_text(client):
    answer = client.post(URL, {"input.item": '"><script>alert(1)</script>', "input.lines": "</textarea><script>"})
    assert "<script>alert" not in html.source(answer)
    assert "</textarea><script>" not in html.source(answer)


def test_the_form_costs_few_queries(client):
    assert len(html.queries(client, URL)) <= html.MOST_QUERIES
