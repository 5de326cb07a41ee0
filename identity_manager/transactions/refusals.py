"""Refusals: the exceptions by which a verb rejects an action, each with a reason code and a sentence."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Reason:
    """Reason of a refusal: a code for programs and tests, a sentence for people.

    own: the sentence shown to the person concerned, where "this person" would be wrong (`to_its_person`).
    A code is defined once in the product (tests/architecture/test_reasons.py).
    """

    code: str
    sentence: str | Promise
    own: str | Promise = ""

    def __str__(self) -> str:
        return str(self.sentence)

    @property
    def to_its_person(self) -> str:
        """The sentence as shown to the person concerned."""
        return str(self.own or self.sentence)


NO_REASON = Reason("no-reason", _("Say why."))


class Refused(Exception):  # noqa: N818 an answer, not a fault
    """The verb changed nothing. field: name of the form field at fault, if any."""

    status = 409

    def __init__(self, reason: Reason, *, field: str | None = None) -> None:
        super().__init__(reason.code)
        self.reason = reason
        self.field = field

    def __str__(self) -> str:
        return str(self.reason)


class NotAllowed(Refused):
    """The actor lacks the permission (HTTP 403)."""

    status = 403


class NotPossible(Refused):
    """Invalid input, or a rule forbids it for every actor (HTTP 422)."""

    status = 422


class Stale(Refused):
    """The row's state changed after the page was rendered (HTTP 409)."""

    status = 409


def refuse(reason: Reason | None, *, kind: type[Refused] = NotPossible, field: str | None = None) -> None:
    """Raise a refusal of this kind if a reason is given."""
    if reason is not None:
        raise kind(reason, field=field)


def require(
    condition: object, *, else_: Reason, kind: type[Refused] = NotPossible, field: str | None = None
) -> None:
    """Raise a refusal of this kind with reason `else_` unless the condition is true."""
    if not condition:
        raise kind(else_, field=field)


@contextmanager
def refused_if_not_unique(
    reason: Reason, *, field: str | None = None, kind: type[Refused] = NotPossible
) -> Iterator[None]:
    """Raise a refusal of this kind where a unique constraint is violated: the database decides of two."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "unique" not in str(error).lower():  # as both databases say it; any other is a defect
            raise
        raise kind(reason, field=field) from error


def obstacle_of(check: Callable[[], object]) -> Reason | None:
    """Return the reason of the NotPossible that `check` raises; None if it raises none."""
    try:
        check()
    except NotPossible as refused:
        return refused.reason
    return None
