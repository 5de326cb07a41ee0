"""Verbs on signing in: who did, who could not, and that a password was set."""

from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from identity_manager import audit
from identity_manager.models import Account, Person

NAME_SALT = "identity_manager.typed-name"


def may_sign_in(account: Account) -> bool:
    """Only who is Active signs in, and only while the account is open."""
    return account.is_active and account.person.is_active


def person_of(typed_name: str) -> Person | None:
    """The person with this personnel number, else the one with this user name."""
    named = Q(personnel_number__iexact=typed_name) | Q(account__username__iexact=typed_name)
    found = list(Person.objects.filter(named).order_by("pk")[:2])
    by_number = [row for row in found if row.personnel_number.casefold() == typed_name.casefold()]
    return next(iter([*by_number, *found]), None)


def record_sign_in(*, account: Account, method: str) -> None:
    """The account's person has signed in, by password or by code."""
    audit.record(audit.Event.SIGNED_IN, actor=account.person, subject=account.person, method=method)


def record_failure(*, typed_name: str, method: str, locked_out: bool = False) -> None:
    """Somebody could not sign in. What was typed is kept as a keyed hash: people type passwords there."""
    audit.record(
        audit.Event.SIGN_IN_FAILED,
        actor=None,
        subject=person_of(typed_name.strip()),
        name=name_digest(typed_name),
        method=method,
        locked_out=locked_out,
    )


def name_digest(typed_name: str) -> str:
    """The same for the same name, and of no use without this installation's key."""
    return salted_hmac(NAME_SALT, typed_name.strip().casefold(), algorithm="sha256").hexdigest()[:32]


def set_password(*, account: Account, password: str) -> None:
    """Set an already validated password. Sessions elsewhere end with the old one."""
    account.set_password(password)
    with transaction.atomic():
        account.save(update_fields=["password"])
        audit.record(audit.Event.PASSWORD_SET, actor=account.person, subject=account.person)
