"""Every status of every model has a look, and no two of a kind look alike."""

import pytest

from approvals.choices import Status
from langorch.pages import icons
from langorch.pages.looks import LOOKS, look
from orchestration.choices import RunStatus, StepState
from procedures.choices import VersionStatus


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [("run", RunStatus), ("step", StepState), ("approval", Status), ("version", VersionStatus)],
)
def test_every_status_of_a_model_has_a_look(kind, statuses):
    assert all(look(kind, status.value).word for status in statuses)


@pytest.mark.parametrize("kind", LOOKS)
def test_words_of_a_kind_are_unique_and_icons_exist(kind):
    words = [found.word for found in LOOKS[kind].values()]
    assert len(words) == len(set(words))
    assert {found.icon for found in LOOKS[kind].values()} <= icons.names()


@pytest.mark.parametrize("kind", LOOKS)
def test_statuses_of_a_kind_differ_in_more_than_their_colour(kind):
    assert len({(found.icon, found.word) for found in LOOKS[kind].values()}) == len(LOOKS[kind])


@pytest.mark.parametrize(("kind", "status"), [("run", "exploded"), ("teapot", "running")])
def test_an_unknown_status_is_refused(kind, status):
    with pytest.raises(LookupError, match=status):
        look(kind, status)
