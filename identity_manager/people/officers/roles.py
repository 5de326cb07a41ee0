"""Verbs on roles: assign and withdraw, separation of duties."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import combinations

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import (
    OFFERED_ROLES,
    OFFICER_ROLES,
    Account,
    Person,
    PersonState,
    Role,
    RoleAssignment,
)
from identity_manager.models.people.role import today
from identity_manager.people.officers import deputy_policy, vouching_policy
from identity_manager.people.officers.role_conflicts import CONFLICT, CONFLICTS
from identity_manager.transactions import locking, retry_later
from identity_manager.transactions.refusals import NotAllowed, Reason, refuse, require

NOT_ALLOWED = Reason(
    "not-user-administrator", _("Only a User Administrator of this organisational unit can do this.")
)
NEVER_TO_ONESELF = Reason(
    "never-to-oneself",
    _("Nobody assigns or withdraws roles of their own. Another User Administrator does it."),
)
API_CLIENT = Reason(
    "role-of-api-client",
    _("This is a client of the API: what it may do is said by the two System Administrators who make it."),
)
NOT_ACTIVE = Reason("role-needs-an-active-person", _("Only an Active person can have a role."))
HAS_ROLE = Reason("has-role", _("This person has that role already."))
HAS_NOT_ROLE = Reason("has-not-role", _("This person does not have that role."))
ENDS_BEFORE_IT_BEGINS = Reason("ends-before-it-begins", _("The last day lies before the first one."))
ENDED_ALREADY = Reason("ended-already", _("The last day is over already."))
LAST_SYSTEM_ADMINISTRATOR = Reason(
    "last-system-administrator", _("This is the last System Administrator who can sign in.")
)

# Without these nobody could give roles, or recover keys.
KEPT_ROLES = frozenset({Role.SYSTEM_ADMINISTRATOR, Role.USER_ADMINISTRATOR, Role.RECOVERY_OFFICER})


@dataclass(frozen=True)
class RolePeriod:
    """First and last day of a role, inclusive; None: from now on, or without end.

    only_as_deputy: the person has it in the stead of somebody else (deputies).
    """

    valid_from: date | None = None
    valid_until: date | None = None
    only_as_deputy: bool = False


WITHOUT_END = RolePeriod()


def assign(
    *, actor: Person, person_id: uuid.UUID, role: Role, unit: str = "", period: RolePeriod = WITHOUT_END
) -> RoleAssignment:
    """Assign a role to a person, everywhere or for one organisational unit, limited in time or not.

    Raises NotAllowed, or NotPossible (not Active, has the role, conflict, empty period).
    """
    with transaction.atomic():
        person = locking.person(person_id)
        refuse(NEVER_TO_ONESELF if actor.pk == person.pk else None, kind=NotAllowed)
        refuse(API_CLIENT if person.is_api_client else None, kind=NotAllowed)
        require(may_assign(actor, person, role=role, unit=unit), else_=NOT_ALLOWED, kind=NotAllowed)
        refuse(vouching_policy.obstacle(actor, person), kind=NotAllowed)
        check_period(period)
        return _give(person, role, unit, period=period, actor=actor)


def establish(*, person_id: uuid.UUID, role: Role) -> RoleAssignment:
    """Assign a role by the operator of the machine, for the first officers."""
    with transaction.atomic():
        return _give(locking.person(person_id), role, "", period=WITHOUT_END, actor=None)


def give_to_api_client(person: Person, *, unit: str, until: datetime, actor: Person) -> RoleAssignment:
    """Assign Software Token Administrator to the locked person of a confirmed client of the API.

    It ends with the client; what the client may do of it is in its scopes. In the caller's transaction.
    """
    last = timezone.localtime(until, timezone.get_default_timezone()).date()
    period = RolePeriod(valid_until=last)
    return _give(person, Role.TOKEN_ADMINISTRATOR, unit, period=period, actor=actor, source="api")


def withdraw(*, actor: Person, person_id: uuid.UUID, role: Role, unit: str = "") -> None:
    """Withdraw a role. Raises NotAllowed, or NotPossible (does not have it, last System Administrator)."""
    with transaction.atomic():
        if role == Role.SYSTEM_ADMINISTRATOR:
            _lock_system_administrators()
        person = locking.person(person_id)
        refuse(withdraw_obstacle(actor=actor, person=person, unit=unit), kind=NotAllowed)
        held = RoleAssignment.objects.filter(person=person, role=role, organisational_unit=unit)
        require(held.exists(), else_=HAS_NOT_ROLE)
        refuse(LAST_SYSTEM_ADMINISTRATOR if _is_last(person, role) else None)

        held.delete()
        audit.record(audit.Event.ROLE_WITHDRAWN, actor=actor, subject=person, role=role.value, unit=unit)
        if role == Role.APPROVER:
            deputy_policy.end_with_role(person, unit, actor=actor)


def withdraw_all(person: Person, *, actor: Person | None, for_leave: bool = False) -> set[Role]:
    """Withdraw all roles of a locked person in the caller's transaction; return those in force.

    Deputies end with them; for_leave: but for those who decide in the stead of the person.
    """
    in_force = {Role(held.role) for held in person.roles_in_force()}
    held = list(person.roles.order_by("role", "organisational_unit"))
    person.roles.all().delete()
    for each in held:
        audit.record(
            audit.Event.ROLE_WITHDRAWN,
            actor=actor,
            subject=person,
            role=each.role,
            unit=each.organisational_unit,
        )
    if not for_leave or any(each.role == Role.APPROVER for each in held):
        deputy_policy.end_all_of(person, for_leave=for_leave, actor=actor)
    return in_force


def give_to_deputy(*, actor: Person, person: Person, unit: str, period: RolePeriod) -> RoleAssignment:
    """Have a locked person be an Approver as a deputy, in the caller's transaction. Raises NotPossible."""
    return _give(person, Role.APPROVER, unit, period=period, actor=actor)


def give_self_service_back(person: Person, *, actor: Person | None) -> None:
    """Assign Self-Service User to a locked person who is Active again, in the caller's transaction."""
    if not person.has_role(Role.SELF_SERVICE_USER):
        _give(person, Role.SELF_SERVICE_USER, "", period=WITHOUT_END, actor=actor)


def lock_with_system_administrators(person_id: uuid.UUID) -> Person:
    """Lock the person and, for a System Administrator, all others, so that one is left."""
    if RoleAssignment.objects.filter(person=person_id, role=Role.SYSTEM_ADMINISTRATOR).exists():
        _lock_system_administrators()
    return locking.person(person_id)


def lock_with_keepers(person_id: uuid.UUID, role: Role) -> Person:
    """Lock the person together with all holders of a role that somebody has to keep (other_keepers)."""
    if role in KEPT_ROLES:
        locking.persons(RoleAssignment.objects.filter(role=role).values_list("person_id", flat=True))
    return locking.person(person_id)


def last_system_administrator(person: Person) -> Reason | None:
    """Reason if this person is the last one who can make officers, else None."""
    if all(each.role != Role.SYSTEM_ADMINISTRATOR for each in person.roles.all()):
        return None
    if not Account.objects.filter(person=person, is_active=True).exists():
        return None
    return LAST_SYSTEM_ADMINISTRATOR if _is_last(person, Role.SYSTEM_ADMINISTRATOR) else None


def assign_by_group(*, person_id: uuid.UUID, role: Role, provider: str) -> None:
    """Assign a role because of a group at the SSO provider. Raises NotPossible."""
    with transaction.atomic():
        source = f"sso:{provider}"
        _give(locking.person(person_id), role, "", period=WITHOUT_END, actor=None, source=source)


def withdraw_by_group(*, person_id: uuid.UUID, role: Role, provider: str) -> None:
    """Withdraw a role because the person left the SSO group, except the last System Administrator's.

    Raises NotPossible.
    """
    with transaction.atomic():
        if role == Role.SYSTEM_ADMINISTRATOR:
            _lock_system_administrators()
        person = locking.person(person_id)
        held = RoleAssignment.objects.filter(person=person, role=role, organisational_unit="")
        require(held.exists(), else_=HAS_NOT_ROLE)
        refuse(LAST_SYSTEM_ADMINISTRATOR if _is_last(person, role) else None)

        held.delete()
        audit.record(
            audit.Event.ROLE_WITHDRAWN,
            actor=None,
            subject=person,
            role=role.value,
            unit="",
            source=f"sso:{provider}",
        )
        if role == Role.APPROVER:
            deputy_policy.end_with_role(person, "", actor=None)


def may_assign(actor: Person, person: Person, *, role: Role, unit: str = "") -> bool:
    """Whether the actor may assign the role: a User Administrator any, within what they administer; a
    Registration Officer Self-Service User."""
    if administers(actor=actor, person=person, unit=unit):
        return True
    registers = actor.has_role(Role.REGISTRATION_OFFICER, unit=person.organisational_unit)
    return actor.is_active and registers and role == Role.SELF_SERVICE_USER


def administers(*, actor: Person, person: Person, unit: str) -> bool:
    """Person and scope of the role must be within the User Administrator's own scope."""
    return actor.is_active and all(
        actor.has_role(Role.USER_ADMINISTRATOR, unit=reach) for reach in (person.organisational_unit, unit)
    )


def _lock_system_administrators() -> None:
    """Lock in a fixed order: of two who withdraw each other's role at once, the second is refused."""
    locking.persons(system_administrators())


def system_administrators() -> set[uuid.UUID]:
    """Holders of the role, also for a limited time."""
    holders = RoleAssignment.objects.filter(role=Role.SYSTEM_ADMINISTRATOR)
    return set(holders.values_list("person_id", flat=True))


def obstacles(*, actor: Person, person: Person) -> dict[Role, Reason | None]:
    """Per offered role: why the actor cannot assign it to the person in any scope; None if possible."""
    vouched = vouching_policy.obstacle(actor, person)
    return {role: _obstacle(actor, person, role) or vouched for role in OFFERED_ROLES}


def _obstacle(actor: Person, person: Person, role: Role) -> Reason | None:
    if actor.pk == person.pk:
        return NEVER_TO_ONESELF
    if person.is_api_client:
        return API_CLIENT
    if not any(may_assign(actor, person, role=role, unit=unit) for unit in _units(actor)):
        return NOT_ALLOWED
    if person.state != PersonState.ACTIVE:
        return NOT_ACTIVE
    return _conflict(role, not_ended(person))


def conflict(role: Role, others: Iterable[Role]) -> Reason | None:
    """Why a role cannot be combined with the held ones (separation of duties), or None."""
    return _conflict(role, (RoleAssignment(role=other) for other in others))


def in_conflict() -> dict[Person, list[tuple[RoleAssignment, RoleAssignment]]]:
    """Persons with conflicting roles, assigned before the rule or with the setting that allows it; which two.

    They keep the roles, as vouching_policy is checked at each act, but User Administrators see them.
    """
    day = today()
    offices = RoleAssignment.objects.not_ended(day).filter(role__in=OFFICER_ROLES)
    several = offices.values("person").annotate(number=Count("pk")).filter(number__gt=1).values("person")
    held: dict[Person, list[RoleAssignment]] = {}
    for each in offices.filter(person__in=several).select_related("person").order_by("person", "role"):
        held.setdefault(each.person, []).append(each)
    found = {person: [pair for pair in combinations(own, 2) if _clash(*pair)] for person, own in held.items()}
    return {person: pairs for person, pairs in found.items() if pairs}


def _clash(one: RoleAssignment, other: RoleAssignment) -> bool:
    return frozenset({Role(one.role), Role(other.role)}) in CONFLICTS


def withdraw_obstacle(*, actor: Person, person: Person, unit: str = "") -> Reason | None:
    """Why the actor cannot take roles from this person, or None."""
    if actor.pk == person.pk:
        return NEVER_TO_ONESELF
    return None if administers(actor=actor, person=person, unit=unit) else NOT_ALLOWED


def end_overdue() -> int:
    """Job: delete roles after their last day; return how many. They were without effect already."""
    return retry_later.for_each_isolated(
        RoleAssignment.objects.ended(today()).values_list("pk", flat=True), _end
    )


def _end(pk: uuid.UUID) -> int:
    with transaction.atomic():
        owner = RoleAssignment.objects.filter(pk=pk).values_list("person_id", flat=True).first()
        if owner is None:
            return 0
        person = locking.person(owner)
        held = RoleAssignment.objects.ended(today()).filter(pk=pk).first()
        if held is None:
            return 0
        held.delete()
        audit.record(
            audit.Event.ROLE_ENDED, actor=None, subject=person, role=held.role, unit=held.organisational_unit
        )
        return 1


def _units(actor: Person) -> set[str]:
    """Scopes in which the actor may assign the role; everywhere includes any unit."""
    return {held.organisational_unit for held in actor.roles_in_force()}


def check_period(period: RolePeriod) -> None:
    """Raise NotPossible, at its field, for a period that ends before it begins, or has ended."""
    begins, ends = period.valid_from, period.valid_until
    if ends is not None:
        refuse(ENDS_BEFORE_IT_BEGINS if begins and ends < begins else None, field="valid_until")
        refuse(ENDED_ALREADY if ends < today() else None, field="valid_until")


def _give(
    person: Person, role: Role, unit: str, *, period: RolePeriod, actor: Person | None, source: str = ""
) -> RoleAssignment:
    require(person.state == PersonState.ACTIVE, else_=NOT_ACTIVE)
    held = not_ended(person)
    has_it = any(each.role == role and each.organisational_unit == unit for each in held)
    refuse(HAS_ROLE if has_it else None, field="role")
    refuse(_conflict(role, held), field="role")

    given, _created = RoleAssignment.objects.update_or_create(  # replaces an ended one
        person=person,
        role=role,
        organisational_unit=unit,
        defaults={
            "assigned_by": actor,
            "assigned_at": timezone.now(),
            "valid_from": period.valid_from,
            "valid_until": period.valid_until,
            "only_as_deputy": period.only_as_deputy,
            "deputy_until": period.valid_until if period.only_as_deputy else None,
        },
    )
    audit.record(
        audit.Event.ROLE_ASSIGNED,
        actor=actor,
        subject=person,
        role=role.value,
        unit=unit,
        **_days(period),
        **({"source": source} if source else {}),
    )
    return given


def _days(period: RolePeriod) -> dict[str, str]:
    days = {"valid_from": period.valid_from, "valid_until": period.valid_until}
    return {name: day.isoformat() for name, day in days.items() if day is not None}


def not_ended(person: Person) -> list[RoleAssignment]:
    """Current and future roles: two with different first days conflict too."""
    day = today()
    return [each for each in person.roles.all() if each.has_not_ended(day)]


def _conflict(role: Role, held: Iterable[RoleAssignment]) -> Reason | None:
    if settings.ALLOW_CONFLICTING_ROLES:
        return None
    for other in held:
        why = CONFLICTS.get(frozenset({role, Role(other.role)}))
        if why is not None:
            return Reason("role-conflict", CONFLICT % {"role": other.get_role_display(), "why": why})
    return None


def _is_last(person: Person, role: Role) -> bool:
    """Whether no other System Administrator without an end date can sign in."""
    return role == Role.SYSTEM_ADMINISTRATOR and not other_keepers(person, role)


def other_keepers(person: Person, role: Role) -> int:
    """How many others have the role without an end date and can sign in.

    User Administrators and Recovery Officers count where they are not limited to a unit.
    """
    keepers = RoleAssignment.objects.filter(
        Q(valid_from=None) | Q(valid_from__lte=today()),
        role=role,
        valid_until=None,
        person__state=PersonState.ACTIVE,
        person__account__is_active=True,
    )
    if role != Role.SYSTEM_ADMINISTRATOR:
        keepers = keepers.filter(organisational_unit="")
    return keepers.exclude(person=person).values("person").distinct().count()
