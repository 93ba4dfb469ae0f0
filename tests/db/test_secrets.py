"""Secrets: references in parameters, values at the moment of sending, masked ever after (runtime 20)."""

import base64
import json

import pytest

from langorch.lib.redaction import REDACTED, Redactor
from orchestration.models import Event, Run, StepRecord
from orchestration.runtime.outcomes import StepFailed
from orchestration.runtime.secrets import Secrets, is_private
from procedures.ckp.compile import compile_document
from procedures.ckp.document.config import SecretsConfig
from procedures.ckp.expressions import Scope, compile_value
from procedures.registry import TenantRegistry
from tenants.models import Project, Tenant
from tests import runs

pytestmark = pytest.mark.django_db(transaction=True)

PORTAL = {"username": "mia-of-sales", "password": "quiet lamp/7", "pin": 493820}
TLS = "https://agent.example.test/execute"


@pytest.fixture
def home() -> Tenant:
    """The default tenant, which the environment serves."""
    return Tenant.objects.create(slug="default", name="Home")


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LANGORCH_SECRET_ERP_KEY", "k-1234-abcd")
    monkeypatch.setenv("LANGORCH_SECRET_PORTAL_CREDS", json.dumps(PORTAL))
    file = tmp_path / "mounted"
    file.write_text("from a file\n")
    monkeypatch.setenv("LANGORCH_SECRET_MOUNTED_FILE", str(file))


def secrets_of(tenant: Tenant, project: Project | None = None, redactor: Redactor | None = None, **config) -> Secrets:
    listed = SecretsConfig(secret_references={"portal": "portal-creds", "erp": "erp_key"}, **config)
    return Secrets(listed, tenant.pk, project.pk if project else None, redactor or Redactor())


def rendered(secrets: Secrets, source, **variables):
    return compile_value(source).render(Scope(variables, {}), secrets.mark)


def refused(secrets: Secrets, source, url: str = TLS) -> str:
    with pytest.raises(StepFailed) as failure:
        secrets.resolve(rendered(secrets, source), url)
    return failure.value.error.error_class


def test_a_parameter_is_recorded_as_a_reference_and_sent_as_a_value(home):
    secrets = secrets_of(home)
    source = {"h": "Bearer {{secrets.erp}}", "pw": ["{{secrets.portal.password}}"], "pin": "{{secrets.portal.pin}}"}
    params = rendered(secrets, source)
    shown = secrets.shown(params)
    assert shown == {"h": "Bearer [secret:erp]", "pw": ["[secret:portal.password]"], "pin": "[secret:portal.pin]"}
    assert secrets.resolve(params, TLS) == {"h": "Bearer k-1234-abcd", "pw": ["quiet lamp/7"], "pin": 493820}


def test_an_alias_that_is_not_listed_is_its_own_name_and_a_file_may_hold_the_value(home):
    secrets = secrets_of(home)
    assert secrets.resolve(rendered(secrets, "{{secrets.mounted}}"), TLS) == "from a file"


def test_data_that_looks_like_a_reference_stays_data(home):
    secrets = secrets_of(home)
    params = rendered(secrets, "{{ text }}", text="[secret:erp]")
    assert not secrets.used_in(params)
    assert secrets.resolve(params, "http://far.example.test") == "[secret:erp]"


def test_what_was_resolved_is_masked_in_every_spelling(home):
    redactor = Redactor()
    secrets = secrets_of(home, redactor=redactor)
    secrets.resolve(rendered(secrets, ["{{secrets.erp}}", "{{secrets.portal.password}}"]), TLS)
    basic = base64.b64encode(b"mia:k-1234-abcd").decode()
    for text in ("at k-1234-abcd.", "pw=quiet%20lamp%2F7", f"Basic {basic}", json.dumps(PORTAL)):
        assert REDACTED in redactor.redact({"text": text})["text"], text
    assert "quiet" not in redactor.redact([json.dumps(PORTAL)])[0]
    echoed = {"password": "not one of ours", "said": "it is k-1234-abcd"}
    assert secrets.without(echoed) == {"password": "not one of ours", "said": f"it is {REDACTED}"}


@pytest.mark.parametrize(
    ("source", "error_class"),
    [
        ("{{secrets.nowhere}}", "secret_missing"),
        ("{{secrets.portal.nowhere}}", "secret_missing"),
        ("{{secrets.erp.field}}", "secret_missing"),
    ],
)
def test_a_secret_that_is_not_there(home, source, error_class):
    assert refused(secrets_of(home), source) == error_class


def test_no_other_tenant_reads_the_environment(home, tenant):
    assert refused(secrets_of(tenant), "{{secrets.erp}}") == "secret_unavailable"


def test_a_provider_that_is_not_there_is_unavailable_unless_the_project_puts_another_in_its_place(home):
    assert refused(secrets_of(home, provider="vault"), "{{secrets.erp}}") == "secret_unavailable"
    project = Project.system.create(tenant=home, name="Trial", settings={"secrets_provider": "env"})
    secrets = secrets_of(home, project, provider="vault")
    assert secrets.resolve(rendered(secrets, "{{secrets.erp}}"), TLS) == "k-1234-abcd"


def test_secrets_go_over_tls_or_stay_on_this_machine(home):
    secrets = secrets_of(home)
    assert refused(secrets, "{{secrets.erp}}", "http://agent.example.test") == "policy_denied"
    assert secrets.resolve(rendered(secrets, "{{secrets.erp}}"), "http://127.0.0.1:9000/x") == "k-1234-abcd"
    assert is_private("http://[::1]:1/")
    assert is_private("http://localhost/")
    assert not is_private("http://127.0.0.1.example.test/")


def test_keys_of_operations_are_secrets_too(home):
    nodes = {
        "p": {
            "type": "processing",
            "operations": [
                {"action": "encrypt", "source": "word", "key_reference": "erp", "output_variable": "sealed"},
                {"action": "decrypt", "source": "sealed", "key_reference": "erp", "output_variable": "opened"},
                {"action": "log", "message": "{{ leak }} and {{ opened }}"},
            ],
            "next_node": "end",
        },
        "end": {"type": "terminate", "outputs": {"opened": "opened"}},
    }
    config = {"secrets_config": {"secret_references": {"erp": "erp_key"}}}
    schema = {"word": {"type": "string", "required": True}, "leak": {"type": "string", "required": True}}
    source = runs.document(nodes, global_config=config, variables_schema=schema)
    run = runs.drive(runs.queue(home, source, word="open sesame", leak="k-1234-abcd"))
    assert run.status == "completed", run.error
    logged = Event.objects.get(run=run, event_type="log")
    assert logged.payload["message"] == f"{REDACTED} and {REDACTED}"
    assert run.output_vars == {"opened": "open sesame"}


def test_a_key_that_is_not_there_fails_the_node(home):
    operation = {"action": "encrypt", "source": "{{1}}", "key_reference": "gone", "output_variable": "x"}
    run = runs.drive(runs.queue(home, runs.document({"p": {"type": "processing", "operations": [operation]}})))
    assert (run.status, run.error_class) == ("failed", "secret_missing")
    assert StepRecord.objects.filter(run=run).count() == 0
    assert Run.system.get(pk=run.pk).error["message"].startswith("There is no secret 'gone'")


def test_the_compiler_knows_which_secrets_the_environment_has(home, tenant):
    steps = [{"step_id": "s", "action": "call", "params": {"a": "{{secrets.erp}}", "b": "{{secrets.gone}}"}}]
    config = {"secrets_config": {"secret_references": {"erp": "erp_key", "gone": "gone"}}}
    source = runs.document({"n": {"type": "sequence", "agent": "web", "steps": steps}}, global_config=config)
    found = compile_document(source, registry=TenantRegistry(home.pk))
    assert [problem.pointer for problem in found.problems if problem.code == "CKP312"] == [
        "/workflow_graph/nodes/n/steps/0/params/b"
    ]
    elsewhere = compile_document(source, registry=TenantRegistry(tenant.pk))
    assert not [problem for problem in elsewhere.problems if problem.code == "CKP312"]
