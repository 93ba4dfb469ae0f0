"""The tab Events: what happened, newest first."""

from orchestration.run_page.events import Events
from orchestration.run_page.subject import Subject


class EventsTab:
    """The list alone."""

    def __init__(self, subject: Subject) -> None:
        self.events = Events(subject)
