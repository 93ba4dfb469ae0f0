"""Import: everything wrong is shown where it stands, and nothing of it is stored."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from procedures.models import Document, Procedure, ProcedureVersion
from tests import batches, html
from tests.documents import hello
from tests.published import draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(browser, house):
    return browser(house.operator)


def pretty(document):
    return json.dumps(document, indent=2)


def twice_wrong():
    """An unknown node, a default outside its bounds, and a field nobody knows."""
    document = batches.batch("1.5.0")
    nodes = document["workflow_graph"]["nodes"]
    nodes["limit"]["rules"][0]["next_node"] = "aprove_amount"
    nodes["post"]["steps"][0]["time_out_ms"] = 3
    document["variables_schema"]["approval_limit"] |= {"default": -1, "validation": {"min": 0}}
    return pretty(document)


def upload(client, content, name="batch.ckp.json", **more):
    return client.post("/import", {"file": SimpleUploadedFile(name, content), "do": "save", **more})


def pasted(answer):
    """What stands in the text field."""
    found = re.search(r"<textarea[^>]*>\n?(.*?)</textarea>", html.source(answer), flags=re.S)
    return found[1]


def nothing_stored():
    return not (ProcedureVersion.system.exists() or Procedure.system.exists() or Document.system.exists())


def test_a_pasted_document_becomes_a_draft(operator, house):
    answer = operator.post(
        "/import", {"text": pretty(hello()), "do": "save", "project": str(house.project.pk)}, follow=True
    )
    assert answer.redirect_chain == [("/procedures/hello/1.0.0", 302)]
    assert "hello 1.0.0 imported." in html.words(answer)
    version = ProcedureVersion.system.get()
    assert (version.status, version.project, version.source) == ("draft", house.project, pretty(hello()))


def test_the_same_again_changes_nothing(operator):
    for _ in range(2):
        answer = operator.post("/import", {"text": pretty(hello()), "do": "save"}, follow=True)
    assert "hello 1.0.0 was here already, unchanged." in html.words(answer)
    assert ProcedureVersion.system.count() == 1


def test_a_file_wins_over_the_text_and_may_begin_with_a_mark(operator):
    content = b"\xef\xbb\xbf" + pretty(hello("from-file")).encode()
    upload(operator, content, text=pretty(hello("from-text")))
    assert ProcedureVersion.system.get().procedure.procedure_id == "from-file"


def test_every_problem_stands_beside_its_line(operator):
    text = twice_wrong()
    answer = operator.post("/import", {"text": text, "do": "save"})
    assert answer.status_code == 422
    assert html.heading(answer) == "2 errors stop this import"
    words = html.words(answer)
    assert "would become batch 1.5.0. Nothing is stored." in words
    assert "There is no node 'aprove_amount'. Did you mean 'approve_amount'? CKP205" in words
    assert "/workflow_graph/nodes/limit/rules/0/next_node" in words
    assert "CKP122" in words
    assert "Did you mean 'timeout_ms'? CKP010" in words
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "aprove_amount" in line)
    row = re.search(rf'<tr class="p-bad" id="L{line}">.*?</tr>', html.source(answer), flags=re.S)
    assert row
    assert "CKP205" in row[0]
    assert nothing_stored()


def test_the_text_is_still_there_to_be_mended(operator):
    answer = operator.post("/import", {"text": twice_wrong(), "do": "save"})
    assert "aprove_amount" in pasted(answer)
    assert "Import: mend 2 errors first" in html.words(answer)


@pytest.mark.parametrize(("show", "there", "away"), [("error", "CKP205", "CKP010"), ("warning", "CKP010", "CKP205")])
def test_problems_are_narrowed_to_a_severity(operator, show, there, away):
    answer = operator.post("/import", {"text": twice_wrong(), "show": show})
    table = html.source(answer).split("<table")[1].split("</table>")[0]
    assert there in table
    assert away not in table


def test_lines_far_from_problems_are_folded_and_can_be_unfolded(operator):
    text = twice_wrong()
    folded = operator.post("/import", {"text": text, "do": "check"})
    assert 'id="L1"' not in html.source(folded)
    whole = operator.post("/import", {"text": text, "was": "error", "whole": "1"})
    assert 'id="L1"' in html.source(whole)
    assert "CKP010" not in html.source(whole).split("<table")[1].split("</table>")[0], "errors alone, as before"


def test_the_graph_can_be_seen_before_it_is_right(operator):
    answer = operator.post("/import", {"text": twice_wrong(), "show": "graph"})
    assert "Above the limit?" in html.source(answer)
    assert nothing_stored()


def test_checking_stores_nothing_and_offers_to_import(operator):
    answer = operator.post("/import", {"text": pretty(batches.batch()), "do": "check"})
    assert answer.status_code == 200
    assert html.heading(answer) == "Ready to import"
    assert "Import batch 1.0.0" in html.words(answer)
    assert nothing_stored()


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        ('{\n  "procedure_id": "x",\n  oops\n}', 3, "The text is not JSON"),
        ("[1, 2]", 1, "The root of a document must be an object."),
        ('{\n"version": "1",\n"version": "2"}', 3, "CKP"),
        ("<html>", 1, "The text is not JSON"),
    ],
)
def test_broken_texts_are_told_with_their_line(operator, text, line, sentence):
    answer = operator.post("/import", {"text": text, "do": "save"})
    assert answer.status_code == 422
    row = re.search(rf'<tr class="p-bad" id="L{line}">.*?</tr>', html.source(answer), flags=re.S)
    assert row, html.words(answer)
    assert sentence in html.text(row[0])
    assert nothing_stored()


@pytest.mark.parametrize("content", ['{"name": "Müller"}'.encode("latin-1"), "{}".encode("utf-16"), b"\xff\xfe\x00"])
def test_a_file_that_is_not_utf_8_is_refused_and_not_repaired(operator, content):
    answer = upload(operator, content, "latin.json")
    assert answer.status_code == 422
    words = html.words(answer)
    assert "The text is not UTF-8" in words
    assert "Save the file as UTF-8 and choose it again." in words
    assert "latin.json" in words
    assert pasted(answer) == ""
    assert nothing_stored()


def test_a_file_that_is_too_large_is_refused(operator, settings):
    answer = upload(operator, b" " * (settings.ENV.MAX_DOCUMENT_BYTES + 1) + b"{}")
    assert answer.status_code == 422
    answer = upload(operator, b"{" + b" " * (settings.ENV.MAX_DOCUMENT_BYTES + 1) + b"}")
    assert "CKP005" in html.words(answer)
    assert nothing_stored()


def test_nothing_given_is_said(operator):
    answer = operator.post("/import", {"text": "  ", "do": "save"})
    assert answer.status_code == 422
    assert "Nothing was given. Paste a document, or choose a file." in html.words(answer)


def test_a_version_that_exists_with_other_content_is_a_problem_at_its_line(operator, house):
    draft(house.operator, hello())
    text = pretty(hello(description="Other"))
    answer = operator.post("/import", {"text": text, "do": "save"})
    assert html.heading(answer) == "1 error stops this import"
    assert "Version 1.0.0 exists already with other content." in html.words(answer)
    assert ProcedureVersion.system.count() == 1


def test_a_procedure_of_another_project_is_not_taken(operator, house):
    draft(house.operator, hello(), house.project)
    other = {"text": pretty(hello(version="2.0.0")), "do": "save", "project": str(house.other_project.pk)}
    answer = operator.post("/import", other)
    assert answer.status_code == 422
    assert "Nothing was stored. hello belongs to another project." in html.words(answer)


def test_documents_are_checked_against_what_the_tenant_has(operator, house):
    nodes = {"call": {"type": "subflow", "procedure_id": "hello", "next_node": None}}
    text = pretty(hello("caller", workflow_graph={"start_node": "call", "nodes": nodes}, variables_schema={}))
    before = html.words(operator.post("/import", {"text": text, "do": "check"}))
    draft(house.operator, hello())
    after = html.words(operator.post("/import", {"text": text, "do": "check"}))
    assert before != after, "a child that is not there is remarked"


def test_only_projects_where_one_may_edit_are_offered(browser, house):
    mine = html.source(browser(house.clerk).get("/import"))
    assert "Finance" in mine
    assert "Warehouse" not in mine
    assert "a known procedure keeps its own" not in mine
    everything = html.source(browser(house.operator).get(f"/import?project={house.other_project.pk}"))
    assert re.search(r"selected>Warehouse<", everything)
    assert "a known procedure keeps its own" in everything


def test_a_clerk_imports_into_the_own_project(browser, house):
    browser(house.clerk).post("/import", {"text": pretty(hello()), "do": "save", "project": str(house.project.pk)})
    assert ProcedureVersion.system.get().project == house.project
    refused = browser(house.clerk).post("/import", {"text": pretty(hello("other")), "do": "save"})
    assert refused.status_code == 403
    assert ProcedureVersion.system.count() == 1


@pytest.mark.parametrize("who", ["viewer", "approver"])
def test_import_needs_its_permission(browser, house, who):
    for refused in (
        browser(getattr(house, who)).get("/import"),
        browser(getattr(house, who)).post("/import", {"text": pretty(hello()), "do": "save"}),
    ):
        assert refused.status_code == 403
        assert "procedures.edit" in html.words(refused)
    assert nothing_stored()


def test_a_pasted_script_stays_text(operator):
    answer = operator.post("/import", {"text": f'{{"procedure_id": "{batches.SCRIPT}"}}', "do": "save"})
    assert "<script>alert" not in html.source(answer)
    answer = upload(operator, b"{}", name=batches.SCRIPT)
    assert "<script>alert" not in html.source(answer)


def test_the_page_costs_few_queries(operator):
    assert len(html.queries(operator, "/import")) <= html.MOST_QUERIES
