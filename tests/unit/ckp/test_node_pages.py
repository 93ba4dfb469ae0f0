"""Pages of node types say what the code does, and their examples compile."""

from pathlib import Path

import pytest

from procedures.ckp.compile import compile_document
from procedures.ckp.document import NODE_MODELS
from procedures.ckp.node_pages import pages

FOLDER = Path(__file__).parents[3] / "docs" / "reference" / "ckp"
EXAMPLES = {name: (FOLDER / "examples" / f"{name}.json").read_text(encoding="utf-8") for name in NODE_MODELS}


@pytest.mark.parametrize("name", NODE_MODELS)
def test_examples_compile_without_a_remark_and_show_their_type(name):
    compiled = compile_document(EXAMPLES[name])
    assert compiled.problems == ()
    assert name in {node.type for node in compiled.document.nodes.values()}


def test_pages_and_code_are_equal():
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.md")} == pages(EXAMPLES)


def test_pages_tell_types_defaults_templates_and_edges():
    made = pages(EXAMPLES)
    loop = made["loop.md"].splitlines()
    assert "| `body_node`* | node id |  |" in loop
    assert "| `continue_on_error` | true or false | `false` |" in loop
    assert "`next_node`, `sla.escalation_handler`, `body_node`." in loop
    approval = made["human_approval.md"].splitlines()
    assert '| `decision_type` | approve_reject, select_option, provide_input | `"approve_reject"` |' in approval
    assert "`error_handlers[].fallback_node`" in made["sequence.md"]
    assert "`branches[]`, `branches[].node`, `default_branch`" in made["llm_action.md"]
    assert "Without effect here: `dispatch_mode`, `idempotency_key`" in made["loop.md"]


def test_functions_come_with_signature_and_meaning():
    lines = pages(EXAMPLES)["functions.md"].splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert len(rows) > 40
    assert all(line.count("|") >= 3 and line.rstrip(" |").rpartition("| ")[2] for line in rows)
