"""The acceptance examples of the language, and what compiling promises as a whole."""

import json
import time

import pytest

from procedures.ckp.compile import compile_document, document_hash, load_document
from tests.unit.ckp.compiling import (
    ADVICE,
    approval,
    at,
    call,
    compiled,
    doc,
    found,
    inputs,
    logic,
    loop,
    model,
    only,
    seq,
    step,
)
from tests.unit.ckp.registries import Registered

HELLO = (
    '{"procedure_id":"hello","version":"1.0.0","variables_schema":{"who":{"type":"string"}},'
    '"workflow_graph":{"start_node":"a","nodes":{"a":{"type":"sequence","steps":'
    '[{"action":"log","message":"Hi {{who|you}}"}],"next_node":"z"},"z":{"type":"terminate"}}}}'
)


def test_a_generated_step_id_and_an_older_default():
    assert found(HELLO) == [("CKP211", at("a", "steps", 0)), ("CKP414", at("a", "steps", 0, "message"))]
    assert compiled(HELLO).document.nodes["a"].steps[0].step_id == "log_1"


def test_a_misspelt_type_and_a_lost_target():
    nodes = {
        "a": {"type": "sequnce", "steps": [{}]},
        "b": logic(("n > 1", "zz"), ("n < 0", "a")),
    }
    source = doc(nodes, start="b", variables_schema=inputs(n="number"))
    assert found(source) == [("CKP203", at("a", "type")), ("CKP205", at("b", "rules", 0, "next_node"))]
    assert (only("CKP203", source).hint, only("CKP205", source).hint) == ("sequence", "z")
    assert compiled(source).document_hash is None


def test_a_word_that_should_be_a_text():
    source = doc({"b": logic(("{{status}} == approved", "z"))}, variables_schema=inputs(status="string"))
    problem = only("CKP301", source)
    assert (problem.offset, "'approved'" in problem.hint) == (14, True)


def test_a_variable_of_one_branch():
    def joined(text):
        nodes = {
            "logic": logic(("m == 'x'", "b"), default="c"),
            "b": seq(step("set_variable", variable="x", value=1), to="c"),
            "c": seq(step(message=text)),
        }
        return doc(nodes, variables_schema=inputs(m="string"))

    assert found(joined("{{x}}")) == [("CKP302", at("c", "steps", 0, "message"))]
    assert "logic → c" in only("CKP302", joined("{{x}}")).message
    assert found(joined("{{x|default('-')}}")) == []


def test_a_body_that_leaves_its_loop():
    source = doc({"l": loop("p", to="s"), "p": seq(to="t"), "s": seq(to="t"), "t": seq()})
    assert found(source) == [("CKP218", at("p", "next_node"))]
    assert only("CKP218", source).hint == "Go to 'l' (next item) or 's' (leave the loop)."


def test_a_secret_belongs_to_calls():
    nodes = {
        "a": seq(
            step("set_variable", variable="h", value="Bearer {{secrets.k}}"),
            call("submit", headers={"Authorization": "Bearer {{secrets.k}}"}),
        )
    }
    source = doc(nodes, global_config={"secrets_config": {"secret_references": {"k": "key"}}})
    assert found(source) == [("CKP310", at("a", "steps", 0, "value"))]


def test_a_model_that_decides_and_writes():
    def flow(**between):
        first = next(iter([*between, "b"]))
        nodes = {
            "x": model("Read {{mail}}", to=first, outputs={"amount": "json:amount"}),
            **between,
            "b": logic(("amount > 1000", "c")),
            "c": seq(call("post_invoice", agent="ERP", amount="{{amount}}")),
        }
        return doc(nodes, variables_schema=inputs(mail="string"))

    def check(**fields):
        one = {"id": "k", "condition": "amount is number and amount >= 0", **fields}
        return {"type": "verification", "checks": [one], "next_node": "b"}

    def codes(source):
        return [code for code, _ in found(source)]

    assert codes(flow()) == ["CKP-L01", "CKP-L02", "CKP-L03", "CKP-L13"]
    assert codes(flow(v=check())) == ["CKP-L01", "CKP-L13"]
    assert codes(flow(v=check(on_fail="warn"))) == ["CKP-L01", "CKP-L02", "CKP-L03", "CKP-L13"]


def test_an_option_without_route_and_a_quorum_that_nobody_meets():
    node = approval(
        to=None,
        decision_type="select_option",
        options=["a", {"value": "b", "next_node": "n"}],
        approvers={"users": ["u1", "u2"]},
        min_approvers=3,
    )
    source = doc({"a": node, "n": {"type": "terminate"}})
    assert found(source) == [("CKP214", at("a", "options", 0)), ("CKP513", at("a", "min_approvers"))]


def test_the_older_list_form():
    first = {
        "node_id": "s",
        "node_type": "step",
        "agent": "WEB",
        "steps": [
            {
                "step_id": "o",
                "action": "navigate",
                "params": {"url": "https://x.example"},
                "retry_config": {"max_attempts": 3, "backoff_ms": 500},
            }
        ],
        "transitions": [{"condition": "always", "target_node_id": "e"}],
    }
    last = {"node_id": "e", "node_type": "end", "terminal_status": "failure"}
    source = {"procedure_id": "p", "procedure_version": 2, "start_node_id": "s", "nodes": [first, last]}
    assert [code for code, _ in found(source)] == ["CKP105", "CKP601"] + ["CKP602"] * 7
    canonical = compiled(source).canonical
    assert canonical["version"] == "2"
    assert canonical["workflow_graph"]["nodes"] == {
        "s": {
            "type": "sequence",
            "agent": "WEB",
            "steps": [
                {
                    "step_id": "o",
                    "action": "navigate",
                    "url": "https://x.example",
                    "retry_config": {"max_retries": 2, "base_delay_ms": 500},
                }
            ],
            "next_node": "e",
        },
        "e": {"type": "terminate", "status": "failed"},
    }


def test_a_child_that_calls_its_parent():
    def sub(to, **fields):
        return {"type": "subflow", "procedure_id": to, "next_node": "z", **fields}

    def child(version):
        root = doc({"a": sub("parent", version="1.0.0")}, variables_schema=inputs(invoice="object", currency="string"))
        return {**root, "procedure_id": "child", "version": version}

    registry = Registered().add(child("1.1.0")).add(child("1.4.2")).add(child("2.0.0"))
    node = sub("child", version="^1.1", input_mapping={"invoice": "inv"})
    source = {**doc({"a": node}, variables_schema=inputs(inv="object")), "procedure_id": "parent"}
    assert found(source, registry) == [("CKP322", at("a", "procedure_id")), ("CKP323", at("a", "input_mapping"))]
    assert "parent → child → parent" in only("CKP322", source, registry).message
    assert "'currency'" in only("CKP323", source, registry).message


def test_nodes_that_only_failures_reach():
    handler = {
        "error_type": "TimeoutException",
        "action": "retry",
        "max_retries": 5,
        "retry_policy": {"strategy": "fibonacci", "base_delay_ms": 1000, "max_delay_ms": 4000},
        "fallback_node": "f",
    }
    nodes = {"a": seq(call(), error_handlers=[handler]), "f": {"type": "terminate"}, "g": {"type": "terminate"}}
    assert found(doc(nodes, global_config={"on_failure": "g", "max_retries": 99})) == [
        ("CKP014", "/global_config/max_retries")
    ]


def test_a_dict_is_read_as_the_text_it_makes():
    source = doc({"a": seq(step())})
    assert (
        compiled(source).document_hash
        == compiled(json.dumps(source)).document_hash
        == compiled(json.dumps(source, indent=3)).document_hash
    )


def test_hashes_are_of_what_counts():
    plain = compiled(doc({"a": seq(step())}))
    same = compiled(doc({"a": seq(step())}, status="active", tests=[{"x": 1}], release={"channel": "dev"}))
    other = compiled(doc({"a": seq(step(message="other"))}))
    assert plain.document_hash == same.document_hash != other.document_hash
    assert document_hash(plain.canonical) == plain.document_hash


def test_a_stored_form_gives_the_same_models():
    source = compiled(doc({"a": seq(step(), **{"x-position": {"x": 1, "y": 2}}), "_note": 1}, start="a"))
    assert load_document(source.canonical) == source.document


def test_what_could_be_read_is_kept_for_drawing():
    source = compiled(doc({"a": seq(to="nowhere"), "b": {"type": "strange"}}))
    assert (source.ok, source.document) == (False, None)
    assert list(source.draft.nodes) == ["a", "z"]
    assert compiled("[]").draft is None


def test_the_list_of_problems_is_cut_and_errors_stay():
    fields = {f"field{i}": 1 for i in range(600)}
    source = compiled(doc({"a": seq(**fields, to="nowhere")}))
    assert len(source.problems) == 501
    assert source.problems[-1].code == "CKP009"
    assert [one.code for one in source.errors] == ["CKP205"]
    many = compiled(doc({f"n{i}": seq(to="nowhere") for i in range(600)}))
    assert (len(many.errors), many.problems[-1].severity) == (501, "error")


def chain(count, width=1):
    """A document with many nodes of several types, sound as a whole."""
    nodes = {}
    for i in range(count):
        to = f"n{i + 1}" if i < count - 1 else "z"
        sets = step("set_variable", step_id="put", variable=f"v{i}", value={"x": f"{{{{n}}}} and {{{{ n + {i} }}}}"})
        kinds = (
            seq(sets, call("get_it", step_id="get", url=f"https://x.example/{{{{v{i}}}}}"), to=to),
            logic((f"n > {i}", to), default=to),
            approval(to=to),
            {
                "type": "processing",
                "operations": [{"action": "calculate", "expression": f"n * {i}", "output_variable": f"c{i}"}],
                "next_node": to,
            },
            loop(f"b{i}", to=to, iterator="rows", iterator_variable="row"),
        )
        nodes[f"n{i}"] = kinds[i % 5]
        if i % 5 == 4:
            nodes[f"b{i}"] = seq(step(message="{{row}} {{n}}"), to=f"n{i}")
    return json.dumps(doc(nodes, variables_schema=inputs(n="number", rows="array")))


def seconds(source):
    """Processor time of compiling."""
    begin = time.process_time()
    compile_document(source)
    return time.process_time() - begin


def test_large_documents_compile_in_time():
    small, large = chain(416), chain(4160)
    seconds(chain(10))
    times = [min(seconds(small) for _ in range(3)), seconds(large)]
    assert times[0] < 0.5
    assert times[1] < 6


def hostile(kind):
    """A megabyte that is costly to look at."""
    if kind == "unknown fields":
        return json.dumps(doc({"a": seq(**{f"colour{i}": 1 for i in range(60_000)})}))
    if kind == "lost targets":
        return json.dumps(doc({f"node{i}": logic(("true", f"nod{i}x"), ("true", f"nde{i}y")) for i in range(4_000)}))
    if kind == "bad expressions":
        return json.dumps(doc({"a": logic(*[("((((((" * 30, "z")] * 500)}))
    if kind == "shared bodies":
        body = {f"s{i}": seq(to=f"s{i + 1}") for i in range(2_000)} | {"s2000": seq(to=None)}
        return json.dumps(doc({f"l{i}": loop("s0", to=f"l{i + 1}") for i in range(2_000)} | {"l2000": seq()} | body))
    return json.dumps(
        doc(variables_schema={f"v{i}": {"validation": {"regex": "(a{1,100}){1,100}" + str(i)}} for i in range(900)})
    )


@pytest.mark.parametrize("kind", ["unknown fields", "lost targets", "bad expressions", "shared bodies", "patterns"])
def test_hostile_documents_are_refused_or_read_in_time(kind):
    assert seconds(hostile(kind)) < 5


def test_common_advice_is_known():
    assert {"CKP-L11", "CKP-L12"} == ADVICE
