"""The environment: read strictly, from variables, files and older names; a wrong value says what is wrong."""

import sys
from pathlib import Path

import pytest

from langorch.lib.egress import LOOPBACK, Egress
from langorch.settings.env import ConfigurationFault, read

SAFE = {
    "ENVIRONMENT": "prod",
    "DATABASE_URL": "postgres://langorch@db/langorch",
    "REDIS_URL": "redis://broker/0",
    "SECRET_KEY": "Zk8vQ1mXw4Lr7Tn2Bs5Yd9Hc3Fg6Jp0Ra-Ue",
    "SELF_BASE_URL": "https://langorch.example",
    "ALLOWED_HOSTS": "langorch.example",
}


def faults(**given: str) -> list[str]:
    with pytest.raises(ConfigurationFault) as caught:
        read(given)
    return caught.value.faults


def test_nothing_given_is_one_process_on_loopback() -> None:
    environment = read({})
    assert environment.embedded
    assert environment.base_url == "http://127.0.0.1:8000"
    assert environment.ALLOWED_HOSTS == ["localhost", "127.0.0.1", "[::1]"]


@pytest.mark.parametrize("text", ['["a.example", "b.example"]', "a.example, b.example", "a.example,b.example,"])
def test_lists_are_json_or_separated_by_commas(text: str) -> None:
    assert read({"ALLOWED_HOSTS": text}).ALLOWED_HOSTS == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", "0"),
        ("DEBUG", "perhaps"),
        ("ENVIRONMENT", "production"),
        ("RUN_LEASE_SECONDS", "0"),
        ("WORKER_CONCURRENCY", "-1"),
        ("LOG_FORMAT", "xml"),
        ("ALLOWED_HOSTS", "[unclosed"),
        ("EGRESS_ALLOW", "agent=10.0.0.0/33"),
        ("MAX_RESPONSE_BYTES", "12"),
    ],
)
def test_a_value_that_does_not_parse_is_named(name: str, value: str) -> None:
    (fault,) = faults(**{name: value})
    assert fault.startswith(f"{name}=")
    assert value in fault


def test_only_the_one_process_portal_may_call_its_own_machine_unless_told() -> None:
    assert read({}).egress == Egress.parse(LOOPBACK)
    assert read(SAFE).egress == Egress()
    told = read({**SAFE, "EGRESS_ALLOW": "agent=10.0.0.0/8, llm=models.internal"})
    assert told.egress == Egress.parse(["agent=10.0.0.0/8", "llm=models.internal"])


def test_artifacts_are_kept_in_a_folder_or_in_a_bucket() -> None:
    assert read({"ARTIFACTS_URL": "s3://my.files-1/kept/by_us/"}).ARTIFACTS_URL == "s3://my.files-1/kept/by_us/"
    assert faults(ARTIFACTS_URL="s3://files", ARTIFACTS_DIR="files") == [
        "ARTIFACTS_DIR and ARTIFACTS_URL name two places for the same files; set one of them"
    ]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("gs://files", "s3://bucket"),
        ("files", "s3://bucket"),
        ("s3://", "the name of a bucket"),
        ("s3://Files", "the name of a bucket"),
        ("s3://files:9000", "the name of a bucket"),
        ("s3://me:loud-drums@files", "AWS_SECRET_ACCESS_KEY"),
        ("s3://files?secret=loud-drums", "a prefix"),
        ("s3://files/a/../b", "a prefix"),
        ("s3://files//b", "a prefix"),
    ],
)
def test_an_address_of_files_that_is_none_is_named_without_its_keys(url: str, said: str) -> None:
    (fault,) = faults(ARTIFACTS_URL=url)
    assert fault.startswith("ARTIFACTS_URL is not valid: ")
    assert said in fault
    assert "loud-drums" not in fault


def test_the_library_of_a_store_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    (fault,) = faults(ARTIFACTS_URL="s3://files")
    assert fault.endswith("boto3 must be installed for s3: pip install -r requirements/s3.txt")


def test_all_faults_are_said_at_once() -> None:
    assert len(faults(PORT="many", DEBUG="perhaps", LOG_LEVEL="LOUD")) == 3


def test_a_value_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("x" * 40 + "\n")
    assert read({"SECRET_KEY_FILE": str(secret)}).SECRET_KEY == "x" * 40


def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults(SECRET_KEY_FILE=str(tmp_path / "missing"))
    assert fault.startswith("SECRET_KEY_FILE cannot be read: No such file")


def test_older_names_work() -> None:
    environment = read({"ORCH_DB_URL": "postgres://db/x", "REDIS_URL": "redis://r/0", "AUTH_SECRET_KEY": "k" * 32})
    assert environment.DATABASE_URL == "postgres://db/x"
    assert environment.SECRET_KEY == "k" * 32


def test_two_names_of_one_setting_must_agree() -> None:
    assert read({"DB_POOL_SIZE": "7", "ORCH_DB_POOL_SIZE": "7"}).DB_POOL_SIZE == 7
    (fault,) = faults(DB_POOL_SIZE="7", ORCH_DB_POOL_SIZE="8")
    assert fault == "DB_POOL_SIZE and ORCH_DB_POOL_SIZE name the same setting and disagree"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"DATABASE_URL": "postgres://db/x"}, "REDIS_URL (or CELERY_BROKER_URL) is required beside DATABASE_URL"),
        ({"REDIS_URL": "redis://r/0"}, "DATABASE_URL is required beside REDIS_URL or CELERY_BROKER_URL"),
        (
            {"DATABASE_URL": "postgres://db/x", "CELERY_BROKER_URL": "sqla+postgresql://db/x"},
            "CELERY_BROKER_URL: a database is no broker",
        ),
        ({"RUN_HEARTBEAT_SECONDS": "5"}, "RUN_HEARTBEAT_SECONDS must be at most a third of RUN_LEASE_SECONDS"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY must have at least 32 bytes"),
    ],
)
def test_values_that_do_not_go_together_are_refused(given: dict[str, str], sentence: str) -> None:
    assert sentence in faults(**given)


def test_production_takes_safe_values() -> None:
    assert read(SAFE).ENVIRONMENT == "prod"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"DEBUG": "true"}, "DEBUG must be off in production"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name hosts in production, not *"),
        ({"SELF_BASE_URL": "http://langorch.example"}, "SELF_BASE_URL must be an https address in production"),
        ({"SECRET_KEY": ""}, "SECRET_KEY is required in production"),
        ({"SECRET_KEY": "change-me-" * 4}, "SECRET_KEY is weak or a placeholder"),
        ({"SECRET_KEY": "a" * 40}, "SECRET_KEY is weak or a placeholder"),
    ],
)
def test_production_refuses_what_is_unsafe(given: dict[str, str], sentence: str) -> None:
    assert sentence in faults(**SAFE | given)
