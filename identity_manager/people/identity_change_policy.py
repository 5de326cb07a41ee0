"""Pure questions on changes of e-mail, UPN and SID, with reasons: who decides, and what waits meanwhile."""

from collections.abc import Collection

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.models import IdentityChange, IdentityChangeState, Person, Role, SignInCode
from identity_manager.models.people.identity_change import IdentityChangeQuerySet
from identity_manager.people import registration_policy, vouching_policy
from identity_manager.transactions.refusals import Reason

OWN_CHANGE = Reason("own-change", _("This is about yourself. Another Registration Officer decides."))
OWN_ASKING = Reason("own-asked-change", _("You asked for this change. Another Registration Officer decides."))
HOLDS_CODE = Reason(
    "code-and-identity",
    _("You made a sign-in code for this person. Another Registration Officer confirms their identity."),
)
FROZEN = Reason(
    "identity-change-waits",
    _(
        "A change of e-mail, user principal name or security identifier waits for a second officer."
        " Until it is decided nothing is delivered and no passphrase is shown."
    ),
)


def waiting_for(person: Person) -> IdentityChange | None:
    """The change of the person that waits for a decision, or None. Lists prefetch `identity_changes`."""
    changes = person.identity_changes.all()
    return next((change for change in changes if change.state == IdentityChangeState.WAITING), None)


def waiting_fields(person: Person) -> Collection[str]:
    """Which of e-mail, UPN and SID the person does not have yet, because they wait for a second officer."""
    waiting = waiting_for(person)
    return () if waiting is None else [name for name in waiting.new if not getattr(person, name)]


def confirmable_by(officer: Person) -> IdentityChangeQuerySet:
    """The changes on which this officer may decide, oldest first."""
    units = {
        held.organisational_unit
        for held in officer.roles_in_force()
        if held.role == Role.REGISTRATION_OFFICER
    }
    rows = IdentityChange.objects.waiting().select_related("person", "asked_by")
    if "" not in units:
        rows = rows.filter(person__organisational_unit__in=units)
    own = Q(person=officer) | Q(asked_by__isnull=False, asked_by=officer)
    own |= Q(is_entry=True, person__entered_by__isnull=False, person__entered_by=officer)
    coded = SignInCode.objects.opening(timezone.now()).filter(asked_by=officer)
    return rows.exclude(own).exclude(person__in=coded.values("person")).order_by("asked_at")


def deciding_obstacle(actor: Person, change: IdentityChange) -> Reason | None:
    """Why this actor cannot decide on the change, or None.

    Never who asked, nor the person themselves, nor who can sign in as the person by a code of theirs.
    """
    if not registration_policy.registers(actor, change.person):
        return registration_policy.NOT_REGISTRATION_OFFICER
    if actor.pk == change.person_id:
        return OWN_CHANGE
    if actor.pk == change.asked_by_id or (change.is_entry and actor.pk == change.person.entered_by_id):
        return OWN_ASKING
    return HOLDS_CODE if vouching_policy.persons_with_code_of(actor, [change.person_id]) else None


def second_officers(change: IdentityChange) -> QuerySet[Person]:
    """Who may decide on the change."""
    coded = SignInCode.objects.opening(timezone.now()).filter(person=change.person, asked_by__isnull=False)
    entered_by = change.person.entered_by_id if change.is_entry else None
    own = {pk for pk in (change.person_id, change.asked_by_id, entered_by) if pk is not None}
    return (
        Person.objects.holding(Role.REGISTRATION_OFFICER, unit=change.person.organisational_unit)
        .exclude(pk__in=own)
        .exclude(pk__in=coded.values("asked_by"))
        .order_by("display_name")
    )
