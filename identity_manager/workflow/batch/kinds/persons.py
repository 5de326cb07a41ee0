"""Activate, deactivate, and sign-in letters: what Registration Officers do to persons."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import BatchKind, Leave, Person, PersonState, Role
from identity_manager.people import registration_policy
from identity_manager.people.officers import roles
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.batch.kinds.by_verb import ByVerb, for_each_row
from identity_manager.workflow.batch.kinds.kind import (
    Breaker,
    GivenOrder,
    KindWords,
    OrderKind,
    Subject,
)
from identity_manager.workflow.people import leave_and_return, sign_in_code_policy, sign_in_codes


def left_lately() -> int:
    """How many leaves began in the last 24 hours: singly, by an import, or by an order."""
    return Leave.objects.filter(began_at__gte=timezone.now() - timedelta(hours=24)).count()


BREAKER = Breaker(
    lately=left_lately,
    standing=lambda: Person.objects.filter(state=PersonState.ACTIVE).count(),
    kinds=frozenset({BatchKind.DEACTIVATE}),
    code="too-many-deactivated",
    sentence=_(
        "With those of the last 24 hours, this would deactivate %(number)s of %(all)s persons, more than"
        " %(percent)s %%. A second officer has to confirm that."
    ),
)


def _activation_obstacle(given: GivenOrder, person: Person) -> Reason | None:
    obstacle = registration_policy.officer_obstacle(given.actor, person)
    return obstacle or leave_and_return.activation_obstacle(person)


def _activate(given: GivenOrder, person: Person) -> None:
    leave_and_return.activate(actor=given.actor, person_id=person.pk)


def _deactivation_obstacle(given: GivenOrder, person: Person) -> Reason | None:
    obstacle = registration_policy.officer_obstacle(given.actor, person)
    return obstacle or leave_and_return.deactivation_obstacle(person)


def _deactivate(given: GivenOrder, person: Person) -> None:
    leave_and_return.deactivate(actor=given.actor, person_id=person.pk, reason=given.order.note)


def _letter_obstacle(given: GivenOrder, person: Person) -> Reason | None:
    return sign_in_code_policy.obstacle(given.actor, person)


def _ask_for_code(given: GivenOrder, person: Person) -> None:
    """The code itself is made when the letters are printed, and stands in the letter alone."""
    sign_in_codes.ask(actor=given.actor, person_id=person.pk)


ACTIVATE = OrderKind(
    BatchKind.ACTIVATE,
    Subject.PERSON,
    KindWords(
        title=_("Activate persons"),
        lead=_("Persons work here, or work here again; what their leave put on hold comes back."),
        done=_("Activated"),
    ),
    way=ByVerb(_activation_obstacle, for_each_row(_activate), also_locked=roles.system_administrators),
    office=Role.REGISTRATION_OFFICER,
)
DEACTIVATE = OrderKind(
    BatchKind.DEACTIVATE,
    Subject.PERSON,
    KindWords(
        title=_("Deactivate persons"),
        lead=_("Persons go on leave: their roles end, their software tokens are put on hold."),
        done=_("Deactivated"),
    ),
    way=ByVerb(_deactivation_obstacle, for_each_row(_deactivate), also_locked=roles.system_administrators),
    office=Role.REGISTRATION_OFFICER,
    breaker=BREAKER,
)
LETTERS = OrderKind(
    BatchKind.LETTERS,
    Subject.PERSON,
    KindWords(
        title=_("Sign-in letters"),
        lead=_("Asks for a sign-in code for each person. The letters are printed on the order's page."),
        done=_("Asked for"),
    ),
    way=ByVerb(_letter_obstacle, for_each_row(_ask_for_code)),
    office=Role.REGISTRATION_OFFICER,
    wants_note=False,
)
