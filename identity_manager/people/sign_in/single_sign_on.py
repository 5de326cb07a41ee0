"""Verbs of single sign-on: match an identity to a person, map groups to roles.

A verified identifier must match exactly one Active person; else the sign-in is refused.
"""

import logging
from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import account_messages
from identity_manager.models import Account, Person, PersonSource, PersonState, Role
from identity_manager.people.officers import roles
from identity_manager.people.sign_in import attempts
from identity_manager.people.sign_in.identity_provider import IdentityProvider
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason, Refused, refuse, require

logger = logging.getLogger(__name__)
LONGEST_SUBJECT = 191  # length of the column

NO_IDENTIFIER = Reason(
    "sso-no-identifier", _("Your organisation did not say who you are in the way that is agreed here.")
)
UNVERIFIED = Reason("sso-unverified", _("Your organisation has not verified your e-mail address."))
NOBODY = Reason("sso-nobody", _("No Active person here has the identity that your organisation gives you."))
SEVERAL = Reason("sso-several", _("More than one person here has the identity that you are given."))
OTHER_IDENTITY = Reason(
    "sso-other-identity", _("This person signs in with another identity of the same organisation already.")
)
CLOSED = Reason("sso-closed", _("Your account here is closed, or you are not Active at present."))
NO_SECOND_FACTOR = Reason(
    "sso-no-second-factor",
    _("Your organisation did not confirm that you showed a second factor there."),
)
NAME_TAKEN = Reason("sso-name-taken", _("Another account has your personnel number as its user name."))


def sign_in(*, provider: IdentityProvider, claims: Mapping[str, Any]) -> Account:
    """The account for the verified claims; created at the first sign-in.

    Updates the mapped roles from the groups. Raises Refused with the reason.
    """
    with transaction.atomic():
        subject = _subject(claims)
        link = SocialAccount.objects.filter(provider=provider.id, uid=subject).first()
        account = _linked(link) if link else _link(provider, subject, _person_of(provider, claims))
        require(attempts.may_sign_in(account), else_=CLOSED)
    _follow_groups(account.person, provider, claims)
    return account


def links_of(account: Account) -> list[str]:
    """Ids of the providers linked to the account."""
    rows = SocialAccount.objects.filter(user_id=account.pk).order_by("pk")
    return list(rows.values_list("provider", flat=True))


def is_of(account: Account, *, provider: IdentityProvider, claims: Mapping[str, Any]) -> bool:
    """Whether the verified claims belong to this account."""
    rows = SocialAccount.objects.filter(user_id=account.pk, provider=provider.id, uid=_subject(claims))
    return bool(rows.exists())


def record_refusal(*, provider: IdentityProvider, code: str) -> None:
    """Audit a refused sign-in through the provider."""
    audit.record(
        audit.Event.SIGN_IN_FAILED,
        actor=None,
        subject=None,
        method=f"{provider.way}:{provider.id}",
        reason=code,
    )


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    fits = isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT
    require(fits, else_=NO_IDENTIFIER)
    return str(subject)


def _linked(link: SocialAccount) -> Account:
    account = Account.objects.get(pk=link.user_id)
    account.person = locking.person(account.person_id)
    return account


def _person_of(provider: IdentityProvider, claims: Mapping[str, Any]) -> Person:
    """The one Active person with this identifier, locked."""
    value = claims.get(provider.claim)
    require(isinstance(value, str) and value.strip(), else_=NO_IDENTIFIER)
    if provider.field == "email":
        require(claims.get("email_verified") is True, else_=UNVERIFIED)
    exact = provider.field in {"external_id", "personnel_number"}
    lookup = provider.field if exact else f"{provider.field}__iexact"
    said = str(value).strip()
    rows = Person.objects.exclude(source=PersonSource.API)
    found = list(rows.filter(**{lookup: said, "state": PersonState.ACTIVE}))
    # PostgreSQL's UPPER maps a dotless i to I, so compare again in Python.
    found = [person for person in found if getattr(person, provider.field).lower() == said.lower()]
    require(found, else_=NOBODY)
    refuse(SEVERAL if len(found) > 1 else None)
    person = locking.person(found[0].pk)
    require(person.is_active, else_=NOBODY)
    return person


def _link(provider: IdentityProvider, subject: str, person: Person) -> Account:
    account = Account.objects.filter(person=person).first()
    if account is None:
        taken = Account.objects.filter(username__iexact=person.personnel_number).exists()
        refuse(NAME_TAKEN if taken else None)
        account = Account.objects.create_account(
            username=person.personnel_number, person=person, password=None
        )
        audit.record(audit.Event.ACCOUNT_CREATED, actor=None, subject=person, username=account.username)
    account.person = person
    refuse(CLOSED if account.is_break_glass else None)
    links = SocialAccount.objects.filter(user_id=account.pk, provider=provider.id)
    if links.filter(uid=subject).exists():  # by a second click, while we waited for the lock
        return account
    refuse(OTHER_IDENTITY if links.exists() else None)
    SocialAccount.objects.create(user=account, provider=provider.id, uid=subject, extra_data={})
    outbox.enqueue(account_messages.account_linked(person, provider=provider.name))
    audit.record(audit.Event.ACCOUNT_LINKED, actor=person, subject=person, provider=provider.id)
    return account


def _follow_groups(person: Person, provider: IdentityProvider, claims: Mapping[str, Any]) -> None:
    """Assign and withdraw mapped roles only. A missing claim changes nothing."""
    groups = claims.get(provider.groups_claim) if provider.groups_claim else None
    if not provider.roles or not isinstance(groups, list):
        return
    wanted = {Role(role) for group, role in provider.roles.items() if group in groups}
    mapped = {Role(role) for role in provider.roles.values()}
    held = {Role(row.role) for row in person.roles_in_force() if not row.organisational_unit}
    for role in sorted((mapped & held) - wanted):
        _follow(person, provider, role, gives=False)
    for role in sorted(wanted - held):
        _follow(person, provider, role, gives=True)


def _follow(person: Person, provider: IdentityProvider, role: Role, *, gives: bool) -> None:
    verb = roles.assign_by_group if gives else roles.withdraw_by_group
    try:
        verb(person_id=person.pk, role=role, provider=provider.id)
    except Refused as refusal:
        logger.warning(
            "Single sign-on %s: role %s was not changed: %s", provider.id, role, refusal.reason.code
        )
        audit.record(
            audit.Event.ROLE_REFUSED,
            actor=None,
            subject=person,
            role=role.value,
            source=f"{provider.way}:{provider.id}",
            reason=refusal.reason.code,
        )
