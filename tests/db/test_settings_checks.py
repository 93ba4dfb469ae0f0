"""What `doctor`, the start of a process and Django's deployment check say about an installation."""

import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from langorch import checks, demo
from langorch.lib.egress import Egress
from langorch.settings import stores
from langorch.settings.env import ConfigurationFault
from tenants.choices import Role
from tenants.models import Tenant, User
from tests.processes import manage
from tests.unit.test_env import SAFE

pytestmark = pytest.mark.django_db
STRONG_KEY = "Zk8vQ1mXw4Lr7Tn2Bs5Yd9Hc3Fg6Jp0RaUeWkNqVtGbXsPfDhJmCzLyEoTiUr"


@pytest.fixture
def var(tmp_path: Path, settings) -> Path:
    """A folder that is not there yet."""
    settings.VAR_DIR = tmp_path / "var"
    return tmp_path / "var"


def test_a_healthy_installation_has_no_fault(var: Path) -> None:
    said = StringIO()
    call_command("doctor", stdout=said)
    assert said.getvalue() == f"{len(checks.CHECKS)} checks, no fault\n"


def test_a_key_that_others_can_read_is_a_fault(var: Path) -> None:
    var.mkdir()
    (var / "secret-key").write_text("k")
    (var / "secret-key").chmod(0o644)
    said = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stderr=said)
    assert ended.value.code == 1
    assert "chmod 600" in said.getvalue()
    with pytest.raises(ConfigurationFault, match="chmod 600"):
        checks.require("keys")


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        (
            "http://127.0.0.1:9/v1",
            ["LLM_BASE_URL: 127.0.0.1 is not public, and EGRESS_ALLOW does not list it for llm calls"],
        ),
        ("http://169.254.169.254/v1", ["LLM_BASE_URL: 169.254.169.254 is never called"]),
        ("https://key@models.example/v1", ["LLM_BASE_URL: the URL must not carry user info"]),
        ("https://models.example/v1", []),
    ],
)
def test_an_endpoint_of_models_that_may_not_be_called_is_a_fault(
    settings: Settings, url: str, fault: list[str]
) -> None:
    settings.EGRESS = Egress()
    settings.ENV = settings.ENV.model_copy(update={"LLM_BASE_URL": url})
    assert checks.faults(["models"]) == fault


def test_a_place_where_no_files_can_be_kept_is_a_fault(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("not a folder")
    settings.STORAGES = {**settings.STORAGES, "default": stores.backend("", tmp_path / "taken")}
    (fault,) = checks.faults(["storage"])
    assert fault.startswith("VAR_DIR: files cannot be kept: ")
    assert str(tmp_path / "taken") in fault
    settings.STORAGES = {**settings.STORAGES, "default": stores.backend("", tmp_path / "kept")}
    assert checks.faults(["storage"]) == []
    assert list((tmp_path / "kept").iterdir()) == []


def test_doctor_knows_its_checks() -> None:
    with pytest.raises(CommandError, match="palm-reading"):
        call_command("doctor", "--only", "database,palm-reading")


def test_production_settings_pass_the_deployment_check(tmp_path: Path) -> None:
    given = SAFE | {"SECRET_KEY": STRONG_KEY, "EMAIL_URL": "smtp://mail:25", "VAR_DIR": str(tmp_path)}
    ended = manage("check", "--deploy", "--fail-level", "WARNING", **given)
    assert ended.returncode == 0, ended.stderr


def test_production_without_mail_is_warned_about(tmp_path: Path) -> None:
    given = SAFE | {"SECRET_KEY": STRONG_KEY, "VAR_DIR": str(tmp_path)}
    ended = manage("check", "--deploy", "--fail-level", "WARNING", **given)
    assert ended.returncode == 1
    assert "EMAIL_URL is not set" in ended.stderr


def test_production_settings_are_for_production_only(tmp_path: Path) -> None:
    ended = manage("check", DJANGO_SETTINGS_MODULE="langorch.settings.prod", VAR_DIR=str(tmp_path))
    assert ended.returncode != 0
    assert ended.stderr.startswith("configuration: production settings need ENVIRONMENT=prod")


def test_the_first_administrator_has_a_password_of_their_own(var: Path) -> None:
    call_command("bootstrap_admin", stdout=StringIO())
    (login,) = demo.first_logins().values()
    user = User.objects.get(username=login["username"])
    assert user.check_password(login["password"])
    assert user.is_superuser
    assert sorted(user.memberships.values_list("role", flat=True)) == [Role.ADMIN, Role.APPROVER]
    assert os.stat(demo.first_login_file()).st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="users already"):
        call_command("bootstrap_admin")


def test_samples_are_loaded_into_an_empty_database_only(var: Path) -> None:
    call_command("demo", stdout=StringIO())
    assert set(demo.first_logins()) == {"admin", "operator", "approver", "viewer", "stranger"}
    with pytest.raises(CommandError, match="not empty"):
        call_command("demo")


@pytest.mark.django_db(transaction=True)
def test_samples_can_be_loaded_anew(var: Path) -> None:
    call_command("demo", stdout=StringIO())
    before = demo.first_logins()
    Tenant.objects.create(slug="mine", name="Mine")
    call_command("demo", "--reset", stdout=StringIO())
    assert not Tenant.objects.filter(slug="mine").exists()
    assert demo.first_logins()["admin"]["password"] != before["admin"]["password"]
