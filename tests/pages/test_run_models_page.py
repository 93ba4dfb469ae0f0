"""The tab LLM of a run's page: what models were asked, what it cost, and nothing sensitive."""

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.test import override_settings

from langorch.lib import http
from langorch.lib.egress import LOOPBACK, Egress
from langorch.lib.redaction import REDACTED
from orchestration.models import Run
from tests import html, runs
from tests.fake_model import completion, failing, fake_model
from tests.people import House

pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENT = runs.document(
    {
        "ask": {
            "type": "llm_action",
            "description": "Read the letter",
            "prompt": "Card {{ card }} <script>",
            "output_schema": {"type": "object", "required": ["n"]},
            "fallback_model": "small",
            "retry": {"max_retries": 0},
            "next_node": "tell",
        },
        "tell": {
            "type": "llm_action",
            "prompt": "Say it",
            "retry": {"max_retries": 1, "base_delay_ms": 1},
            "next_node": "end",
        },
        "end": {"type": "terminate", "outputs": {"n": "{{ llm_output }}"}},
    },
    variables_schema={"card": {"type": "string", "sensitive": True}},
)


@pytest.fixture
def asked(house: House) -> Iterator[Run]:
    """A run that asked twice because of its schema, then of another model, then one that was cut off."""
    answers = [
        completion("no"),
        failing(503),
        completion('{"n": "abcd-1234"}', "small"),
        completion("ha", finish="length"),
    ]
    with fake_model(*answers) as model:
        env = django_settings.ENV.model_copy(update={"LLM_BASE_URL": model.url, "DEFAULT_TENANT": "acme"})
        with override_settings(ENV=env, EGRESS=Egress.parse(LOOPBACK)):
            yield runs.drive(runs.queue(house.tenant, DOCUMENT, card="abcd-1234"))
    http.forget()


def test_the_tab_tells_each_question(asked, house, browser, django_assert_max_num_queries):
    viewer = browser(house.viewer)
    viewer.get("/")
    with django_assert_max_num_queries(14):
        answer = viewer.get(f"/runs/{asked.pk}?tab=llm")
    words = html.text(html.source(answer).split('id="timeline"')[1].split("</section>")[0])
    assert asked.error_class == "llm_truncated"
    assert "300 tokens asked, 60 answered" in words
    assert "Read the letter" in words
    assert "llm_call_2" in words
    assert "small, fallback · 100 + 20 tokens · no price" in words
    assert "$0.0005" in words
    assert "The answer was cut off at the limit of tokens." in words


def test_nothing_sensitive_is_shown(asked, house, browser, api):
    page = html.source(browser(house.viewer).get(f"/runs/{asked.pk}?tab=llm"))
    assert "abcd-1234" not in page
    assert f"Card {REDACTED} &lt;script&gt;" in page
    steps = api(house.viewer).get(f"/api/runs/{asked.pk}/steps").json()
    second = next(step for step in steps if step["step_id"] == "llm_call_2")
    assert second["result"]["text"] == f'{{"n": "{REDACTED}"}}'
    assert "abcd-1234" not in str(steps)


def test_what_is_selected_narrows_it(asked, house, browser):
    source = html.source(browser(house.viewer).get(f"/runs/{asked.pk}?tab=llm&node=tell"))
    assert source.count("<pre>") == 1
    assert "llm_call_2" not in source


def test_runs_that_ask_no_model_have_no_such_tab(house, browser):
    run = runs.drive(runs.queue(house.tenant, runs.document({"end": {"type": "terminate"}})))
    source = html.source(browser(house.viewer).get(f"/runs/{run.pk}"))
    assert "tab=llm" not in source
    assert "Time of each node" in html.source(browser(house.viewer).get(f"/runs/{run.pk}?tab=llm"))
