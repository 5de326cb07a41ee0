"""Verbs on roles: who may do what, and who may say so (SPEC.md 2)."""

import uuid

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import OFFICER_ROLES, Person, PersonState, Role, RoleAssignment
from identity_manager.workflow import locking
from identity_manager.workflow.errors import NotAllowed, NotPossible, Reason, refuse

NOT_ALLOWED = Reason(
    "not-user-administrator", _("Only a User Administrator of this organisational unit can do this.")
)
NEVER_TO_ONESELF = Reason("never-to-oneself", _("Nobody assigns or withdraws roles of their own."))
NOT_ACTIVE = Reason("person-not-active", _("Only an Active person can have a role."))
HAS_ROLE = Reason("has-role", _("This person has that role already."))
HAS_NOT_ROLE = Reason("has-not-role", _("This person does not have that role."))
CONFLICT = Reason("role-conflict", _("This role does not go together with another one that this person has."))
LAST_SYSTEM_ADMINISTRATOR = Reason(
    "last-system-administrator", _("This is the last System Administrator who can sign in.")
)
# Who starts a request does not decide on it, and who watches does not act.
_CONFLICTS = (
    frozenset({Role.TOKEN_ADMINISTRATOR, Role.APPROVER}),
    *(frozenset({Role.AUDITOR, other}) for other in OFFICER_ROLES - {Role.AUDITOR}),
)


def assign(*, actor: Person, person_id: uuid.UUID, role: Role, unit: str = "") -> RoleAssignment:
    """Give the role to the person, everywhere or for one organisational unit.

    Raises NotAllowed, or NotPossible (not Active, has it, conflict).
    """
    with transaction.atomic():
        person = locking.person(person_id)
        refuse(NEVER_TO_ONESELF if actor.pk == person.pk else None, kind=NotAllowed)
        refuse(None if may_assign(actor, person, role=role, unit=unit) else NOT_ALLOWED, kind=NotAllowed)
        return _give(person, role, unit, actor=actor)


def establish(*, person_id: uuid.UUID, role: Role) -> RoleAssignment:
    """Give the role on the word of who operates the machine: the first officers come from nowhere else."""
    with transaction.atomic():
        return _give(locking.person(person_id), role, "", actor=None)


def withdraw(*, actor: Person, person_id: uuid.UUID, role: Role, unit: str = "") -> None:
    """Take the role from the person. Raises NotAllowed, or NotPossible (has it not, is the last one)."""
    with transaction.atomic():
        if role == Role.SYSTEM_ADMINISTRATOR:
            _lock_system_administrators()
        person = locking.person(person_id)
        refuse(NEVER_TO_ONESELF if actor.pk == person.pk else None, kind=NotAllowed)
        refuse(None if _administers(actor, person, unit) else NOT_ALLOWED, kind=NotAllowed)
        held = RoleAssignment.objects.filter(person=person, role=role, organisational_unit=unit)
        refuse(None if held.exists() else HAS_NOT_ROLE)
        refuse(LAST_SYSTEM_ADMINISTRATOR if _is_last(person, role) else None)

        held.delete()
        audit.record(audit.Event.ROLE_WITHDRAWN, actor=actor, subject=person, role=role.value, unit=unit)


def may_assign(actor: Person, person: Person, *, role: Role, unit: str = "") -> bool:
    """Whether the actor may assign the role: a User Administrator any, within what they administer; a
    Registration Officer Self-Service User."""
    if _administers(actor, person, unit):
        return True
    registers = actor.has_role(Role.REGISTRATION_OFFICER, unit=person.organisational_unit)
    return actor.is_active and registers and role == Role.SELF_SERVICE_USER


def _administers(actor: Person, person: Person, unit: str) -> bool:
    """Both the person and the reach of the role must lie within the User Administrator's own."""
    return actor.is_active and all(
        actor.has_role(Role.USER_ADMINISTRATOR, unit=reach) for reach in (person.organisational_unit, unit)
    )


def _lock_system_administrators() -> None:
    """In one order: of two who withdraw each other's role at the same time, the second is refused."""
    holders = RoleAssignment.objects.filter(role=Role.SYSTEM_ADMINISTRATOR)
    for pk in sorted(set(holders.values_list("person_id", flat=True))):
        locking.person(pk)


def _give(person: Person, role: Role, unit: str, *, actor: Person | None) -> RoleAssignment:
    refuse(None if person.state == PersonState.ACTIVE else NOT_ACTIVE)
    held = set(person.roles.values_list("role", "organisational_unit"))
    refuse(HAS_ROLE if (role.value, unit) in held else None)
    if not settings.ALLOW_CONFLICTING_ROLES and _conflicts(role, {name for name, _unit in held}):
        raise NotPossible(CONFLICT, field="role")

    given = RoleAssignment.objects.create(
        person=person, role=role, organisational_unit=unit, assigned_by=actor
    )
    audit.record(audit.Event.ROLE_ASSIGNED, actor=actor, subject=person, role=role.value, unit=unit)
    return given


def _conflicts(role: Role, held: set[str]) -> bool:
    return any({role, Role(other)} in _CONFLICTS for other in held)


def _is_last(person: Person, role: Role) -> bool:
    if role != Role.SYSTEM_ADMINISTRATOR:
        return False
    others = Person.objects.holding(role).filter(account__is_active=True).exclude(pk=person.pk)
    return not others.exists()
