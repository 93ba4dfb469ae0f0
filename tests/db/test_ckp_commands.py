"""Documents from a command line: validate and explain a file, import it as somebody, export what is stored."""

import json
import os
import re
import subprocess
import sys
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from procedures.models import ProcedureVersion
from tenants.models import AuditEntry
from tests import published
from tests.documents import broken, hello

ROOT = Path(__file__).parents[2]


def run(name, *arguments):
    """What a command said, and whether it ended well."""
    said, complained = StringIO(), StringIO()
    try:
        call_command(name, *map(str, arguments), stdout=said, stderr=complained)
    except SystemExit as end:
        return said.getvalue(), complained.getvalue(), end.code
    return said.getvalue(), complained.getvalue(), 0


@pytest.fixture
def file(tmp_path):
    def write(document, name="one.json"):
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document, indent=2), encoding="utf-8")
        return path

    return write


def test_validate_ends_with_one_when_a_file_has_errors(file):
    good, bad = file(hello(), "good.json"), file(broken(), "bad.json")
    assert run("ckp_validate", good) == (f"{good}: fine, 0 remarks\n", "", 0)
    said, _, code = run("ckp_validate", good, bad)
    assert code == 1
    assert f"{bad}:14:17: error CKP203" in said


def test_validate_writes_sarif(file):
    said, _, code = run("ckp_validate", file(broken()), "--format", "sarif")
    assert code == 1
    assert json.loads(said)["runs"][0]["results"][0]["ruleId"] == "CKP203"


def test_validate_names_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CommandError, match=r"nothing\.json: No such file"):
        run("ckp_validate", tmp_path / "nothing.json")


def test_validate_and_explain_need_no_database(file, tmp_path):
    """In a process of its own, with the address of a database that nobody serves."""
    path = file(hello())
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1/0"}
    environment = {**os.environ, **nowhere, "ENVIRONMENT": "test", "VAR_DIR": str(tmp_path)}
    for command in ("ckp_validate", "ckp_explain"):
        line = [sys.executable, "manage.py", command, str(path)]
        ended = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert "hello" in ended.stdout or "fine" in ended.stdout


def test_explain_takes_inputs_and_gives_json(file):
    path = file(hello(variables_schema={"who": {"type": "string", "required": True}}))
    said, _, code = run("ckp_explain", path, "--inputs", '{"who": "Ada"}', "--format", "json")
    assert (code, json.loads(said)["variables"]["missing_inputs"]) == (0, [])
    said, _, _ = run("ckp_explain", path)
    assert "still missing:\n  who\n" in said


def test_explain_refuses_documents_with_errors(file):
    said, complained, code = run("ckp_explain", file(broken()))
    assert (said, code) == ("", 1)
    assert "CKP203" in complained


@pytest.mark.parametrize("given", ["{", "[]"])
def test_explain_refuses_inputs_that_are_no_object(file, given):
    with pytest.raises(CommandError, match="--inputs"):
        run("ckp_explain", file(hello()), "--inputs", given)


def test_import_stores_as_the_named_person(file, house):
    said, _, code = run("ckp_import", file(hello()), "--as", "operator", "--project", "Finance")
    assert code == 0
    assert "hello@1.0.0 imported" in said
    version = ProcedureVersion.system.get()
    assert (version.created_by, version.project) == ("operator", house.project)
    entry = AuditEntry.system.get(action="procedure.import")
    assert (entry.actor, entry.via) == ("operator", "command")
    said, _, code = run("ckp_import", file(hello()), "--as", "operator")
    assert (code, "was there already" in said) == (0, True)


def test_import_goes_on_after_a_refusal_and_ends_with_one(file, house):
    bad, good = file(broken("bad"), "bad.json"), file(hello(), "good.json")
    _, complained, code = run("ckp_import", bad, good, "--as", "operator")
    assert code == 1
    assert f"{bad}: refused, compile_failed" in complained
    assert re.search(rf"^{re.escape(str(bad))}:\d+:\d+: error CKP\d+ ", complained, re.M)
    assert ProcedureVersion.system.get().procedure.procedure_id == "hello"


def test_import_keeps_to_the_roles_of_the_person(file, house):
    _, complained, code = run("ckp_import", file(hello()), "--as", "viewer")
    assert code == 1
    assert "refused, " in complained
    assert not ProcedureVersion.system.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--as", "nobody"], "no active user nobody"),
        (["--as", "operator", "--tenant", "elsewhere"], "no active user operator in the tenant elsewhere"),
        (["--as", "guest", "--project", "Finance"], "guest sees no project Finance"),
    ],
)
def test_import_refuses_names_it_does_not_know(file, house, arguments, words):
    with pytest.raises(CommandError, match=words):
        run("ckp_import", file(hello()), *arguments)


def test_export_gives_back_what_was_imported(file, house):
    text = json.dumps(hello(), indent=7) + "\n\n"
    run("ckp_import", file(text), "--as", "operator")
    assert run("ckp_export", "hello", "--tenant", "acme") == (text, "", 0)


def test_export_takes_a_version_and_the_canonical_text_has_the_documents_hash(house):
    first = published.draft(house.operator, hello())
    published.draft(house.operator, hello(version="1.1.0"))
    said, _, _ = run("ckp_export", "hello@1.0.0", "--canonical", "--tenant", "acme")
    assert sha256(said.encode()).hexdigest() == first.document_hash
    said, _, _ = run("ckp_export", "hello", "--tenant", "acme")
    assert json.loads(said)["version"] == "1.1.0"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gone", "--tenant", "acme"], "no version latest of a procedure gone"),
        (["hello", "--tenant", "elsewhere"], "no version latest"),
        (["hello", "--tenant", "nowhere"], "no tenant nowhere"),
    ],
)
def test_export_says_what_is_not_there(house, arguments, words):
    published.draft(house.operator, hello())
    with pytest.raises(CommandError, match=words):
        run("ckp_export", *arguments)
