"""Verbs on approver groups: make one, add and remove members, delete one that no token type names.

A group gives nobody a right, so what holds for roles holds for it: a User Administrator for all units keeps
it, nobody adds or removes themselves, and who vouched for a person does not add them.
"""

import uuid

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from ca_bridge.x509.names import forbidden_characters
from identity_manager import audit
from identity_manager.models import (
    ApprovalRule,
    ApproverGroup,
    ApproverGroupMember,
    Person,
    Role,
    TokenType,
)
from identity_manager.people.officers import roles, vouching_policy
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import (
    NotAllowed,
    NotPossible,
    Reason,
    refuse,
    refused_if_not_unique,
    require,
)

NOT_ALLOWED = Reason(
    "not-user-administrator-of-all", _("Only a User Administrator for all units keeps approver groups.")
)
NO_NAME = Reason("no-approver-group-name", _("Enter a name for the group."))
NAME_TAKEN = Reason("approver-group-name-taken", _("There is an approver group of this name."))
NOT_AN_APPROVER = Reason("member-not-approver", _("Only who has the role Approver can be a member."))
MEMBER_ALREADY = Reason("member-already", _("This person is a member already."))
NOT_A_MEMBER = Reason("not-a-member", _("This person is not a member any more."))
IS_NAMED = Reason(
    "group-is-named", _("A version of a token type, or a request, names this group. It stays, if empty.")
)


def obstacle(*, actor: Person) -> Reason | None:
    """Why the actor does not keep approver groups, or None."""
    keeps = actor.is_active and actor.has_role(Role.USER_ADMINISTRATOR, unit="")
    return None if keeps else NOT_ALLOWED


def make(*, actor: Person, name: str) -> ApproverGroup:
    """Make an empty group. Raises NotAllowed, or NotPossible at the field `name`."""
    name = name.strip()
    with transaction.atomic():
        refuse(obstacle(actor=actor), kind=NotAllowed)
        require(name, else_=NO_NAME, field="name")
        if found := forbidden_characters(name):
            raise NotPossible(Reason("forbidden-characters", ", ".join(found)), field="name")
        refuse(NAME_TAKEN if ApproverGroup.objects.filter(name__iexact=name).exists() else None, field="name")

        with refused_if_not_unique(NAME_TAKEN, field="name"):
            group = ApproverGroup.objects.create(name=name)
        _record(group, actor=actor, what="made")
        return group


def add(*, actor: Person, group_id: uuid.UUID, person_id: uuid.UUID) -> ApproverGroupMember:
    """Add an Approver. Raises NotAllowed, or NotPossible at the field `person`."""
    with transaction.atomic():
        person = locking.person(person_id)
        group = ApproverGroup.objects.get(pk=group_id)
        refuse(obstacle(actor=actor), kind=NotAllowed)
        refuse(roles.NEVER_TO_ONESELF if actor.pk == person.pk else None, kind=NotAllowed)
        refuse(vouching_policy.obstacle(actor, person), kind=NotAllowed)
        approves = person.is_active and person.own_units(Role.APPROVER)
        require(approves, else_=NOT_AN_APPROVER, field="person")
        refuse(MEMBER_ALREADY if group.members.filter(person=person).exists() else None, field="person")

        member = ApproverGroupMember.objects.create(group=group, person=person, added_by=actor)
        _record(group, actor=actor, what="added", member=person)
        return member


def remove(*, actor: Person, group_id: uuid.UUID, person_id: uuid.UUID) -> None:
    """Remove a member; what they approved as one counts no more. Raises NotAllowed, or NotPossible."""
    with transaction.atomic():
        person = locking.person(person_id)
        group = ApproverGroup.objects.get(pk=group_id)
        refuse(obstacle(actor=actor), kind=NotAllowed)
        refuse(roles.NEVER_TO_ONESELF if actor.pk == person.pk else None, kind=NotAllowed)
        removed, _by_model = group.members.filter(person=person).delete()
        require(removed, else_=NOT_A_MEMBER)

        _record(group, actor=actor, what="removed", member=person)


def discard(*, actor: Person, group_id: uuid.UUID) -> None:
    """Delete a group that nothing names. Raises NotAllowed, or NotPossible."""
    with transaction.atomic():
        group = ApproverGroup.objects.get(pk=group_id)
        refuse(obstacle(actor=actor), kind=NotAllowed)
        refuse(IS_NAMED if is_named(group) else None)

        _record(group, actor=actor, what="deleted")
        group.delete()


def is_named(group: ApproverGroup) -> bool:
    """Whether a version of a token type, or a request, names the group."""
    types = TokenType.objects.filter(approver_group=group)
    return types.exists() or ApprovalRule.objects.filter(group=group).exists()


def _record(group: ApproverGroup, *, actor: Person, what: str, member: Person | None = None) -> None:
    audit.record(
        audit.Event.APPROVER_GROUP_CHANGED, actor=actor, subject=member, state=what, group=group.name
    )
