"""What is chosen on the page of a run."""

from dataclasses import dataclass

from orchestration.run_page.selection import selection


@dataclass
class Thing:
    path: str
    node_id: str = ""
    step_id: str = ""


def test_a_place_holds_what_lies_inside_of_it():
    chosen = selection({"path": "each[2]"})
    inside = ["each[2]", "each[2]/read", "each[2]/fork:left/read", "each[2]/read!0"]
    assert all(chosen.holds(Thing(path)) for path in inside)
    assert not any(chosen.holds(Thing(path)) for path in ["each", "each[20]/read", "each[2]x"])
    assert chosen.node_id == "each"


def test_nodes_and_steps_narrow_each_other():
    chosen = selection({"node": "read", "step": "convert"})
    assert chosen.holds(Thing("each[1]/read", "read", "convert"))
    assert not chosen.holds(Thing("each[1]/read", "read", "other"))
    assert not chosen.holds(Thing("post", "post", "convert"))


def test_what_was_chosen_itself_is_marked():
    assert selection({"path": "a"}).marks(Thing("a"))
    assert not selection({"path": "a"}).marks(Thing("a", step_id="s"))
    assert selection({"node": "a"}).marks(Thing("each[1]/a", "a"))
    assert not selection({}).marks(Thing("a", "a"))


def test_names_in_paths_are_decoded():
    assert selection({"path": "each[2]/a%2Fb#2"}).node_id == "a/b"
    assert not selection({})
