"""What is said of variables that may be undefined: the path, the nearest name, what may have been meant."""

from tests.unit.ckp.compiling import compiled, doc, inputs, logic, only, seq
from tests.unit.ckp.test_validate_flow import SAID, N, put, say


def test_the_shortest_path_without_the_variable_is_named():
    source = doc(
        {
            "logic": logic(("n > 1", "b"), ("n > 2", "d"), default="c"),
            "b": seq(put(), to="c"),
            "d": seq(to="c"),
            "c": seq(say()),
        },
        **N,
    )
    problem = only("CKP302", source)
    assert problem.message == "'x' may be undefined on the path logic → c."
    assert (problem.pointer, problem.offset) == (SAID, 2)


def test_a_long_path_is_cut_in_the_middle():
    chain = {f"n{i}": seq(to=f"n{i + 1}") for i in range(9)}
    source = doc({**chain, "n9": logic(("n > 1", "b"), default="c"), "b": seq(put(), to="c"), "c": seq(say())}, **N)
    assert only("CKP302", source).message.endswith("path n0 → n1 → n2 → n3 → … → n8 → n9 → c.")


def test_a_bare_word_in_a_comparison_is_hinted_as_text():
    source = doc({"a": logic(("{{status}} == approved", "z"))}, variables_schema=inputs(status="string"))
    problem = only("CKP301", source)
    assert problem.offset == 14
    assert "'approved'" in problem.hint


def test_a_constant_in_capitals_is_hinted():
    assert only("CKP301", doc({"a": logic(("n == NULL", "z"))}, **N)).hint == "Write null."


def test_a_name_that_may_be_meant_as_text_is_hinted_so():
    nodes = {"a": logic(("n > 1", "b")), "b": seq(put()), "z": {"type": "terminate", "outputs": {"o": "x"}}}
    problem = only("CKP302", doc(nodes, **N))
    assert problem.hint == "Write {{x|default(…)}}, or {{ 'x' }} where the text is meant."


def test_the_nearest_variable_is_the_hint():
    source = doc({"c": seq(say("{{custmer}}"))}, variables_schema=inputs(customer="string"))
    assert only("CKP301", source).hint == "Did you mean 'customer'?"


def test_the_nearest_key_is_the_hint():
    source = doc({"c": seq(say("{{telemetry.step}}"))})
    assert only("CKP304", source).hint == "Did you mean 'steps'?"


def test_warnings_do_not_stop_an_import():
    assert compiled(doc({"c": seq(say())}, variables_schema={"x": {}})).ok


def test_paths_are_looked_for_a_limited_number_of_times():
    text = "".join(f"{{{{v{index}}}}}" for index in range(120))
    source = doc({"c": seq(say(text))}, variables_schema={f"v{index}": {} for index in range(120)})
    messages = [one.message for one in compiled(source).problems if one.code == "CKP302"]
    assert len(messages) == 120
    assert sum("on the path c" in message for message in messages) == 100
