"""What a verb may raise for a person to read. Every refusal has a named reason and one sentence."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Reason:
    """Why something is not possible: a code for programs and tests, a sentence for people.

    own: the sentence for the person whom it is about, where "this person" would be wrong; see to_its_person.
    Each code stands in one place of the product (tests/architecture/test_reasons.py).
    """

    code: str
    sentence: str | Promise
    own: str | Promise = ""

    def __str__(self) -> str:
        return str(self.sentence)

    @property
    def to_its_person(self) -> str:
        """The sentence as the person whom it is about reads it."""
        return str(self.own or self.sentence)


NO_REASON = Reason("no-reason", _("Say why."))


class Refused(Exception):  # noqa: N818 an answer, not a fault
    """A verb changed nothing, and says why. field names the form field it is about, where there is one."""

    status = 409

    def __init__(self, reason: Reason, *, field: str | None = None) -> None:
        super().__init__(reason.code)
        self.reason = reason
        self.field = field

    def __str__(self) -> str:
        return str(self.reason)


class NotAllowed(Refused):
    """This actor may not do it."""

    status = 403


class NotPossible(Refused):
    """Nobody can do it with these inputs."""

    status = 422


class Stale(Refused):
    """The state has moved on since the page was made."""

    status = 409


def refuse(reason: Reason | None, *, kind: type[Refused] = NotPossible, field: str | None = None) -> None:
    """Raise the refusal where there is a reason for one."""
    if reason is not None:
        raise kind(reason, field=field)


def require(
    condition: object, *, else_: Reason, kind: type[Refused] = NotPossible, field: str | None = None
) -> None:
    """Raise the refusal where the condition does not hold."""
    if not condition:
        raise kind(else_, field=field)


def obstacle_of(check: Callable[[], object]) -> Reason | None:
    """Why nobody can do what the check is about, or None where it refuses nothing."""
    try:
        check()
    except NotPossible as refused:
        return refused.reason
    return None
