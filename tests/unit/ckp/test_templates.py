"""Values with placeholders and prompt templates (CKP 3.1)."""

from typing import Any

import pytest

from procedures.ckp.expressions import (
    EvaluationError,
    ExpressionProblem,
    Read,
    SecretRef,
    compile_condition,
    compile_text,
    compile_value,
)
from tests.unit.ckp.evaluating import scope_of

VALUES: list[tuple[Any, dict[str, Any], Any]] = [
    ("plain", {}, "plain"),
    ("", {}, ""),
    ("a }} b", {}, "a }} b"),
    ("{ {a} }", {}, "{ {a} }"),
    ("{{a}}", {"a": [1]}, [1]),
    ("{{ a }}", {"a": None}, None),
    ("{{a}}\n", {"a": 1}, "1\n"),
    ("{{a}}{{a}}", {"a": 1}, "11"),
    ("{{ {'k': {'n': a}} }}", {"a": 1}, {"k": {"n": 1}}),
    ("{{ '}}' }}", {}, "}}"),
    ("{{ '{' ~ '{' }}", {}, "{{"),
    ("x{{ a|default({'b': 2}) }}", {}, 'x{"b":2}'),
    ("{{ 1/4 }}", {}, 0.25),
    ("{{ 1/4 }}%", {}, "0.25%"),
    ("{{ a }} {{ b }}", {"a": True, "b": None}, "true "),
    ("{{ a }};{{ b }}", {"a": 1e-7, "b": 1e22}, "0.0000001;10000000000000000000000"),
    ("v {{ a }}", {"a": 'é\n"'}, 'v é\n"'),
    ("v {{ a }}", {"a": {"z": 'é\n"', "a": [1.0, False]}}, 'v {"z":"é\\n\\"","a":[1,false]}'),
    ("{% if a %}{{a}}{% endif %}", {"a": 1}, "{% if a %}1{% endif %}"),
    ("{# {{a}} #}", {"a": 1}, "{# 1 #}"),
    ({"k": ["{{a}}", {"{{a}}": "n={{a}}"}, 5, None, True]}, {"a": 1}, {"k": [1, {"{{a}}": "n=1"}, 5, None, True]}),
    (5, {}, 5),
    (None, {}, None),
    ([], {}, []),
]

TEXTS: list[tuple[str, dict[str, Any], str]] = [
    ("", {}, ""),
    ("plain", {}, "plain"),
    ("{{a}}", {"a": 5}, "5"),
    ("{{a}}{{b}}!", {"a": [1], "b": None}, "[1]!"),
    ("{{ 'x' }}", {}, "x"),
    ("{% if a %}yes{% endif %}", {"a": 1}, "yes"),
    ("{% if a %}yes{% else %}no{% endif %}", {"a": 0}, "no"),
    ("{% if a == 1 %}1{% elif a == 2 %}2{% elif a == 3 %}3{% else %}?{% endif %}", {"a": 2}, "2"),
    ("{% if a == 1 %}1{% elif a == 2 %}2{% else %}?{% endif %}", {"a": 9}, "?"),
    ("{% for x in l %}{{x}},{% endfor %}", {"l": [1, "a", None]}, "1,a,,"),
    ("{% for x in l %}{{x}}{% else %}none{% endfor %}", {"l": []}, "none"),
    ("{% for x in l if x > 1 %}{{loop.index}}:{{x}} {% endfor %}", {"l": [1, 2, 3]}, "1:2 2:3 "),
    ("{% for x in l if x > 9 %}{{x}}{% else %}none{% endfor %}", {"l": [1]}, "none"),
    (
        "{% for x in l %}{{loop.index0}}{{loop.first}}{{loop.last}}{{loop.length}} {% endfor %}",
        {"l": ["a", "b"]},
        "0truefalse2 1falsetrue2 ",
    ),
    (
        "{% for r in l %}{% for c in r.c %}{{c}}{{loop.index}}{% endfor %}/{{loop.index}} {% endfor %}",
        {"l": [{"c": [1, 2]}, {"c": []}]},
        "1122/1 /2 ",
    ),
    ("{% for x in l %}{% endfor %}{{x}}", {"l": [1], "x": "outer"}, "outer"),
    ("{% for x in l %}{{x.a}}{% if not loop.last %}, {% endif %}{% endfor %}", {"l": [{"a": 1}, {"a": 2}]}, "1, 2"),
    ("{% raw %}{{a}} {% if %} {# x #}{% endraw %}{{a}}", {"a": 1}, "{{a}} {% if %} {# x #}1"),
    ("{%raw%}{%endraw%}", {}, ""),
    ("a{# {{ broken #}b", {}, "ab"),
    ("a {#- c -#} b", {}, "ab"),
    ("a {{- x -}} b", {"x": 1}, "a1b"),
    ("a {{-x}} b", {"x": 1}, "a1 b"),
    ("a {%- if x -%} b {%- endif -%} c", {"x": 1}, "abc"),
    ("a {%- raw -%} b {%- endraw -%} c", {}, "abc"),
    ("a {{- x|n/a -}} b", {}, "an/ab"),
    ("{{x|n/a}} {{x|upper}}", {"x": None}, "n/a "),
    ("{{ {'a': {'b': 1}} }}", {}, '{"a":{"b":1}}'),
    ("}} %} #} { {", {}, "}} %} #} { {"),
    ("{% if 'a' in '%}' %}x{% else %}y{% endif %}", {}, "y"),
]

BROKEN: list[tuple[str, str, int]] = [
    ("a {{b", "CKP401", 2),
    ("a {{", "CKP401", 2),
    ("a {{ }} b", "CKP401", 2),
    ("a {{b c}}", "CKP402", 6),
    ("a {{b", "CKP401", 2),
    ("a {{'x}}", "CKP402", 4),
    ("a {{ (b }}", "CKP402", 8),
    ("{{a.__class__}}", "CKP406", 4),
    ("a {{b, c}}", "CKP405", 5),
]
BROKEN_VALUES = [("a {{b, c}}", "CKP402", 5)]
BROKEN_TEXTS: list[tuple[str, str, int]] = [
    ("{% set x = 1 %}", "CKP412", 0),
    ("a{% include 'x' %}", "CKP412", 1),
    ("{% %}", "CKP412", 0),
    ("{% esle %}", "CKP412", 0),
    ("{% if a %}", "CKP402", 10),
    ("{% endif %}", "CKP402", 3),
    ("{% if a %}{% endfor %}", "CKP402", 13),
    ("{% if %}x{% endif %}", "CKP402", 6),
    ("{% for x %}{% endfor %}", "CKP402", 9),
    ("{% for x, y in l %}{% endfor %}", "CKP405", 8),
    ("{% for 5 in l %}{% endfor %}", "CKP402", 7),
    ("{% for today in l %}{% endfor %}", "CKP405", 7),
    ("{% for loop in l %}{% endfor %}", "CKP405", 7),
    ("{% for x in l recursive %}{% endfor %}", "CKP412", 3),
    ("{% if a", "CKP401", 0),
    ("{# a", "CKP401", 0),
    ("{% raw %} {{a}}", "CKP401", 0),
    ("{% if a %}" * 33 + "{% endif %}" * 33, "CKP404", 320),
    ("{% if a, b %}x{% endif %}", "CKP405", 7),
]


@pytest.mark.parametrize(("source", "variables", "expected"), VALUES)
def test_value(source: Any, variables: dict[str, Any], expected: Any) -> None:
    scope = scope_of(variables)
    result = compile_value(source).render(scope)
    assert (type(result), result) == (type(expected), expected)
    assert scope.recorded == []


@pytest.mark.parametrize(("source", "variables", "expected"), TEXTS)
def test_text(source: str, variables: dict[str, Any], expected: str) -> None:
    scope = scope_of(variables)
    assert compile_text(source).render(scope) == expected
    assert scope.recorded == []


@pytest.mark.parametrize(("source", "code", "offset"), [*BROKEN[:-1], *BROKEN_VALUES])
def test_value_that_is_refused(source: str, code: str, offset: int) -> None:
    with pytest.raises(ExpressionProblem) as refused:
        compile_value(source)
    assert (refused.value.code, refused.value.offset, refused.value.pointer) == (code, offset, "")


@pytest.mark.parametrize(("source", "code", "offset"), [*BROKEN, *BROKEN_TEXTS], ids=lambda value: str(value)[:40])
def test_text_that_is_refused(source: str, code: str, offset: int) -> None:
    with pytest.raises(ExpressionProblem) as refused:
        compile_text(source)
    assert (refused.value.code, refused.value.offset) == (code, offset)


def test_tag_gets_the_nearest_as_hint() -> None:
    with pytest.raises(ExpressionProblem) as refused:
        compile_text("{% endfr %}")
    assert refused.value.hint == "endfor"


def test_condition_of_a_loop_stands_before_no_choice() -> None:
    with pytest.raises(ExpressionProblem):
        compile_text("{% for x in a if a else b %}{% endfor %}")


def test_problem_of_a_nested_value_has_its_pointer() -> None:
    with pytest.raises(ExpressionProblem) as refused:
        compile_value({"a/b": ["x", {"~": "{{1 +}}"}]})
    assert (refused.value.code, refused.value.pointer, refused.value.offset) == ("CKP402", "/a~1b/1/~0", 5)


def test_reads_and_notes_of_a_nested_value_have_pointers() -> None:
    value = compile_value({"a": ["{{x.y[0]}}", "{{z|n/a}}"], "{{k}}": "{% x %}"})
    assert value.reads == (Read(("x", "y", 0), 2, False, "/a/0"), Read(("z",), 2, True, "/a/1"))
    assert [(note.code, note.pointer, note.offset) for note in value.notes] == [
        ("CKP414", "/a/1", 4),
        ("CKP413", "/{{k}}", None),
        ("CKP411", "/{{k}}", 0),
    ]
    assert not value.constant
    assert compile_value(["a", {"b": 5}]).constant
    assert not compile_value(["{{today()}}"]).constant


def test_records_carry_the_place_of_the_text() -> None:
    scope = scope_of({}, pointer="/steps/0/params")
    compile_value({"a": ["x", "{{gone}}"]}).render(scope)
    compile_text("ab {{gone}}").render(scope)
    assert [(one.name, one.pointer, one.offset) for one in scope.recorded] == [
        ("gone", "/steps/0/params/a/1", 2),
        ("gone", "/steps/0/params", 5),
    ]


def test_a_place_is_recorded_once_though_a_loop_passes_it_often() -> None:
    scope = scope_of({"l": [{}, {}, {}]})
    compile_text("{% for x in l %}{{x.a}}{% endfor %}").render(scope)
    assert [one.name for one in scope.recorded] == ["x.a"]


def test_undefined_list_of_a_loop_is_recorded_and_empty() -> None:
    scope = scope_of({})
    assert compile_text("{% for x in gone %}x{% else %}none{% endfor %}").render(scope) == "none"
    assert [one.name for one in scope.recorded] == ["gone"]


def test_loop_variables_are_no_reads() -> None:
    text = compile_text("{% for x in l if x.ok and y %}{{x.a}}{{loop.index}}{{z|default(1)}}{% endfor %}{{x}}{{loop}}")
    reads = [(read.path, read.guarded) for read in text.reads]
    assert reads == [(("l",), False), (("y",), False), (("z",), True), (("x",), False), (("loop",), False)]


def test_guards_reach_through_choices() -> None:
    reads = compile_condition("(a or b)|default(1) and (c if d else e) is defined and f.g == null").reads
    assert [(read.path[0], read.guarded) for read in reads] == [
        ("a", False),
        ("b", True),
        ("e", True),
        ("c", True),
        ("d", False),
        ("f", True),
    ]


def test_guards_reach_through_keys_but_not_through_slices() -> None:
    reads = compile_condition("a[i].b|default(1) and c[1:]|default(2)").reads
    assert [(read.path[0], read.guarded) for read in reads] == [("a", True), ("i", False), ("c", False)]
    scope = scope_of({"i": 0})
    assert compile_value("{{ gone[i].b|default(1) }}").render(scope) == 1
    assert scope.recorded == []


def test_variable_behind_vars_is_no_loop_variable() -> None:
    text = compile_text("{% for x in l %}{{x}}{{vars.x}}{% endfor %}")
    assert [read.path for read in text.reads] == [("l",), ("x",)]
    assert text.render(scope_of({"l": [1, 2], "x": "v"})) == "1v2v"


def test_strict_scope_fails_at_the_first_use() -> None:
    for source in ("{{gone.x}}", "a {{gone.x}}"):
        with pytest.raises(EvaluationError) as failed:
            compile_value(source).render(scope_of({}, strict=True))
        assert (failed.value.error_class, failed.value.kind, failed.value.name) == (
            "undefined_value",
            "undefined",
            "gone.x",
        )
    assert compile_value("{{gone|default(1)}}").render(scope_of({}, strict=True)) == 1


def test_render_gives_new_containers_each_time() -> None:
    value = compile_value({"a": {"b": []}})
    first: Any = value.render(scope_of({}))
    first["a"]["b"].append(1)
    assert value.render(scope_of({})) == {"a": {"b": []}}


def test_secret_is_masked_or_resolved() -> None:
    value = compile_value({"h": "Bearer {{secrets.k}}", "p": "{{ secrets.db.password }}", "q": "{{secrets['a-b']}}"})
    assert value.secrets == (
        SecretRef("k", None, 9, "/h"),
        SecretRef("db", "password", 3, "/p"),
        SecretRef("a-b", None, 2, "/q"),
    )
    assert value.render(scope_of({})) == {"h": "Bearer [secret:k]", "p": "[secret:db.password]", "q": "[secret:a-b]"}
    known = {"k": "s3cr3t", "db": {"password": "p"}, "a-b": {"user": "u"}}

    def resolve(reference: SecretRef) -> Any:
        found: Any = known[reference.alias]
        return found if reference.key is None else found[reference.key]

    assert value.render(scope_of({}), resolve) == {"h": "Bearer s3cr3t", "p": "p", "q": {"user": "u"}}
    assert not value.reads
    assert not value.constant


def test_secret_elsewhere_is_listed_and_never_evaluated() -> None:
    text = compile_text("{{secrets.k}}")
    assert [secret.alias for secret in text.secrets] == ["k"]
    with pytest.raises(EvaluationError):
        text.render(scope_of({}))
    condition = compile_condition("secrets.k")
    assert condition.secrets
    with pytest.raises(EvaluationError):
        condition.test(scope_of({"secrets": {"k": "x"}}))


@pytest.mark.parametrize(
    "source", ["{{secrets}}", "{{secrets.k|upper}}", "{{'a' ~ secrets.k}}", "{{secrets.k|none given}}"]
)
def test_secret_with_operator_is_refused(source: str) -> None:
    with pytest.raises(ExpressionProblem) as refused:
        compile_value(source)
    assert refused.value.code == "CKP313"


def test_text_of_a_loop_over_no_list_fails() -> None:
    for value in ("abc", {"a": 1}, 5):
        with pytest.raises(EvaluationError) as failed:
            compile_text("ab{% for x in l %}{% endfor %}").render(scope_of({"l": value}))
        assert (failed.value.kind, failed.value.offset) == ("type", 5)


def test_error_inside_a_loop_has_its_place() -> None:
    with pytest.raises(EvaluationError) as failed:
        compile_text("{% for x in l %}{{x / 0}}{% endfor %}").render(scope_of({"l": [1]}))
    assert (failed.value.kind, failed.value.offset) == ("division", 22)


def test_builtins_win_over_variables_and_columns_over_both() -> None:
    scope = scope_of({"today": "v", "a": "v", "b": "v"}, builtins={"today": "b", "a": "b"}, columns={"a": "c"})
    assert compile_value("{{a}}{{vars.a}}{{b}}{{today}}").render(scope) == "cbvb"


@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ("{% for x in l %}{% for y in l %}{% endfor %}{% endfor %}", {"l": [0] * 101}),
        ("{% for x in l %}{{t}}{% endfor %}", {"l": [0] * 200, "t": "x" * 10_000}),
        ("{{t}}{{t}}", {"t": "x" * 600_000}),
        ("{% for x in l %}" + "{{x + 1}}" * 50 + "{% endfor %}", {"l": [1] * 2_000}),
    ],
    ids=["passes", "text", "text of two", "steps"],
)
def test_limits_of_a_text(source: str, variables: dict[str, Any]) -> None:
    with pytest.raises(EvaluationError) as failed:
        compile_text(source).render(scope_of(variables))
    assert failed.value.kind == "limit"


def test_limits_when_compiled() -> None:
    for source in ("x" * 262_145, "{{a}}" * 1_001):
        for compiler in (compile_text, compile_value):
            with pytest.raises(ExpressionProblem) as refused:
                compiler(source)
            assert refused.value.code == "CKP404"
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    with pytest.raises(ExpressionProblem) as refused:
        compile_value(deep)
    assert refused.value.code == "CKP404"


def test_long_texts_are_compiled_though_not_kept() -> None:
    filler = "x" * 2_000
    assert compile_value(filler + "{{a}}").render(scope_of({"a": 1})) == filler + "1"
    assert compile_text(filler + "{{a}}").render(scope_of({"a": 1})) == filler + "1"
    assert compile_condition("a == '" + filler + "'").test(scope_of({"a": filler}))
