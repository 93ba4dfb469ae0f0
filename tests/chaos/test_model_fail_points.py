"""A worker dies around each commit of a run that asks models: nothing answered is asked again, nothing counts twice."""

from collections.abc import Iterator

import pytest
from django.conf import settings as django_settings
from django.db.models import IntegerField, Sum
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.test import override_settings

from langorch.lib import http
from langorch.lib.egress import LOOPBACK, Egress
from orchestration.models import Event, Run, StepRecord
from tenants.models import Tenant
from tests import runs
from tests.chaos.failpoints import Commits
from tests.fake_model import FakeModel, Question, completion, failing, fake_model
from tests.servers import Reply

pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENT = runs.document(
    {
        "each": {
            "type": "loop",
            "iterator": "[1, 2]",
            "iterator_variable": "n",
            "body_node": "ask",
            "collect_variable": "all",
            "collect": "got",
            "next_node": "end",
        },
        "ask": {
            "type": "llm_action",
            "prompt": "{{ n }}",
            "output_schema": {"type": "object", "required": ["n"]},
            "outputs": {"got": "json:n"},
            "fallback_model": "small",
            "retry": {"max_retries": 3, "base_delay_ms": 1},
            "next_node": "each",
        },
        "end": {"type": "terminate", "outputs": {"all": "all"}},
    }
)


def reply(question: Question) -> Reply:
    """By what is asked: the first model is busy for 2, and the first answer for 1 is of no use."""
    asked = question["messages"][1]["content"]
    if asked == "2" and question["model"] != "small":
        return failing(503)
    if asked == "1" and len(question["messages"]) == 2:
        return completion("no JSON", prompt=10, answer=1)
    return completion(f'{{"n": {asked}}}', prompt=10, answer=1)


def disturbed(tenant: Tenant, commits: Commits, fatal: int) -> tuple[Run, bool]:
    commits.count = 0
    run = runs.queue(tenant, DOCUMENT)
    died = commits.drive(fatal)
    if died:
        commits.drive()
    run.refresh_from_db()
    return run, died


def recorded_tokens(run: Run) -> int:
    usages = Event.objects.filter(run=run, event_type="llm_usage")
    return usages.aggregate(all=Sum(Cast(KT("payload__prompt_tokens"), IntegerField())))["all"]


@pytest.fixture
def model() -> Iterator[FakeModel]:
    with fake_model(reply) as served:
        values = {"LLM_BASE_URL": served.url, "DEFAULT_TENANT": "acme"}
        env = django_settings.ENV.model_copy(update=values)
        with override_settings(ENV=env, EGRESS=Egress.parse(LOOPBACK)):
            yield served
    http.forget()


def test_wherever_the_worker_dies_answers_and_totals_are_right(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, model: FakeModel
):
    commits = Commits(monkeypatch)
    fatal, died, doubts = 1, True, 0
    while died:
        model.headers.clear()
        run, died = disturbed(tenant, commits, fatal)
        assert (run.status, run.output_vars) == ("completed", {"all": [1, 2]}), f"the worker died at point {fatal}"
        told = runs.told(run.pk)
        keys = [headers["idempotency-key"] for headers in model.headers]
        again = len(keys) - len(set(keys))
        assert again <= 2 * told.count("step_in_doubt") <= 2
        assert told.count("llm_usage") == 3
        assert (run.prompt_tokens, run.completion_tokens, recorded_tokens(run)) == (30, 3, 30)
        assert not StepRecord.objects.filter(run=run).exclude(state="completed").exists()
        doubts += told.count("step_in_doubt")
        fatal += 1
    assert doubts >= 6
    assert fatal > 12
