"""One entry of ROAD, the index of the seven steps (workflow/__init__.py), or of AFTER_DELIVERY."""

from dataclasses import dataclass


@dataclass(frozen=True)
class RoadStep:
    """One way through one of the seven steps, or something that happens to a token after them.

    number: 1 to 7; 8 after the delivery.
    page: URL name where it starts; empty where the system starts it.
    verbs: dotted paths below this package. request, token: states before and after; None if unchanged.
    task: name of the Celery task. mails: functions of mail/*_messages.py. tests: files that prove it.
    survives: possible failures, each with the test that proves recovery.
    """

    number: int
    name: str
    page: str
    verbs: tuple[str, ...]
    request: tuple[str, str] | None
    token: tuple[str, str] | None
    task: str
    mails: tuple[str, ...]
    tests: tuple[str, ...]
    original: str = ""
    survives: tuple[tuple[str, str], ...] = ()

    @property
    def is_on_every_road(self) -> bool:
        """Whether every kind of request passes here: not step 1, and it changes the request's state."""
        return self.number > 1 and self.request is not None
