"""What a decision must contain."""

import pytest

from approvals.rules.answers import Answer, Question, automatic, completed, evidence_hash, faults

PLAIN = Question("approve_reject")
CHOICE = Question("select_option", options=("north", "south"))
FORM = Question(
    "provide_input",
    form={
        "type": "object",
        "required": ["amount", "vendor"],
        "properties": {
            "amount": {"type": "number", "minimum": 5},
            "vendor": {"type": "string", "pattern": "^A"},
            "currency": {"type": "string", "default": "EUR"},
            "due": {"type": "string", "format": "date"},
        },
    },
)
EDITABLE = Question("approve_reject", editable={"total": {"type": "number", "maximum": 10}})


def places(question: Question, answer: Answer) -> list[tuple[str | None, str]]:
    return [(place.field, place.code) for place in faults(question, completed(question, answer))]


def test_an_approval_needs_nothing_more():
    assert places(PLAIN, Answer("approved")) == []


def test_a_verdict_is_one_of_two():
    assert places(PLAIN, Answer("maybe")) == [("decision", "unknown_decision")]


@pytest.mark.parametrize("comment", ["", "   \n"])
def test_a_rejection_says_why(comment):
    assert places(PLAIN, Answer("rejected", comment)) == [("comment", "comment_required")]
    assert places(PLAIN, Answer("rejected", "too dear")) == []


def test_the_document_says_whether_a_comment_is_needed():
    assert places(Question("approve_reject", comment_required="never"), Answer("rejected")) == []
    always = Question("approve_reject", comment_required="always")
    assert places(always, Answer("approved")) == [("comment", "comment_required")]


def test_a_comment_has_a_limit():
    assert places(PLAIN, Answer("approved", "x" * 10_001)) == [("comment", "too_long")]


def test_a_choice_is_one_of_the_options():
    assert places(CHOICE, Answer("approved", selected_option="north")) == []
    assert places(CHOICE, Answer("approved")) == [("selected_option", "option")]
    assert places(CHOICE, Answer("approved", selected_option="east")) == [("selected_option", "option")]
    assert places(PLAIN, Answer("approved", selected_option="north")) == [("selected_option", "unexpected")]


def test_a_rejection_carries_nothing_but_its_comment():
    answer = completed(FORM, Answer("rejected", " no ", "north", {"amount": 1}, {"total": 3}))
    assert answer == Answer("rejected", "no")


def test_input_is_checked_against_the_form_all_faults_together():
    found = places(FORM, Answer("approved", payload={"amount": 3, "due": "soon"}))
    assert set(found) == {("amount", "minimum"), ("vendor", "required"), ("due", "format")}


def test_a_fault_says_where_it_is():
    (fault,) = faults(FORM, Answer("approved", payload={"amount": 9, "vendor": "Bolt"}))
    assert (fault.pointer, fault.message) == ("/payload/vendor", "This does not have the expected form.")


def test_defaults_of_the_form_fill_what_is_missing():
    answer = completed(FORM, Answer("approved", payload={"amount": 9, "vendor": "Acme"}))
    assert answer.payload == {"amount": 9, "vendor": "Acme", "currency": "EUR"}
    assert faults(FORM, answer) == []


def test_input_that_was_not_asked_for_is_refused():
    assert places(PLAIN, Answer("approved", payload={"amount": 9})) == [("payload", "unexpected")]


def test_a_hostile_pattern_takes_linear_time():
    hostile = Question("provide_input", form={"properties": {"text": {"type": "string", "pattern": "^(a+)+$"}}})
    assert places(hostile, Answer("approved", payload={"text": "a" * 5000 + "!"})) == [("text", "pattern")]


def test_only_named_variables_can_be_corrected():
    assert places(EDITABLE, Answer("approved", edits={"total": 7})) == []
    assert places(EDITABLE, Answer("approved", edits={"total": 11})) == [("total", "maximum")]
    assert places(EDITABLE, Answer("approved", edits={"vendor": "x"})) == [("vendor", "not_editable")]


def test_the_system_takes_the_first_option_and_the_defaults():
    assert automatic(CHOICE, "approved").selected_option == "north"
    assert automatic(FORM, "approved").payload == {"currency": "EUR"}
    assert automatic(CHOICE, "rejected").selected_option is None


@pytest.mark.parametrize("question", [CHOICE, FORM])
def test_nothing_is_chosen_or_filled_in_when_nobody_answers(question):
    assert automatic(question, "timeout") == Answer("timeout")


def test_faults_name_kinds_and_values_as_people_do():
    form = {"properties": {"a": {"type": "string"}, "b": {"const": True}, "c": {"type": ["array", "null"]}}}
    answer = Answer("approved", payload={"a": 1, "b": False, "c": "x"})
    said = [place.message for place in faults(Question("provide_input", form=form), answer)]
    assert said == ["This must be a text.", "This must be true.", "This must be a list or empty."]


def test_a_mask_is_no_correction():
    assert places(EDITABLE, Answer("approved", edits={"total": "***REDACTED***"})) == [("total", "masked")]


def test_the_hash_covers_values_not_their_order():
    one = evidence_hash({"title": "Pay?", "context_data": {"a": 1, "b": [2]}})
    assert one == evidence_hash({"context_data": {"b": [2], "a": 1}, "title": "Pay?"})
    assert one != evidence_hash({"title": "Pay?", "context_data": {"a": 1, "b": [3]}})
