"""Sign-in attempts: audit of successes and failures; setting of passwords."""

import logging

from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from identity_manager import audit
from identity_manager.mail import outbox
from identity_manager.mail.messages import account_messages
from identity_manager.models import Account, Person, Role
from identity_manager.people.sign_in import sessions
from identity_manager.transactions import locking

logger = logging.getLogger(__name__)
NAME_SALT = "identity_manager.typed-name"


def may_sign_in(account: Account) -> bool:
    """Whether the person is Active and the account open."""
    return account.is_active and account.person.is_active


def person_of(typed_name: str) -> Person | None:
    """The person with this personnel number, else the one with this user name."""
    named = Q(personnel_number__iexact=typed_name) | Q(account__username__iexact=typed_name)
    found = list(Person.objects.filter(named).order_by("pk")[:2])
    by_number = [row for row in found if row.personnel_number.casefold() == typed_name.casefold()]
    return next(iter([*by_number, *found]), None)


def record_sign_in(*, account: Account, method: str) -> None:
    """Audit a sign-in by password or code."""
    audit.record(audit.Event.SIGNED_IN, actor=account.person, subject=account.person, method=method)


def record_break_glass(*, account: Account) -> None:
    """Audit a sign-in with an emergency account, and mail every other System Administrator."""
    officer = account.person
    logger.warning("Break-glass sign-in by %s.", account.username)
    outbox.enqueue_each(
        account_messages.break_glass_used(administrator, officer=officer)
        for administrator in Person.objects.holding(Role.SYSTEM_ADMINISTRATOR).exclude(pk=officer.pk)
    )
    audit.record(audit.Event.BREAK_GLASS_SIGNED_IN, actor=officer, subject=officer)


def record_failure(*, typed_name: str, method: str, locked_out: bool = False) -> None:
    """Audit a failed sign-in. The typed name is stored as a keyed hash, as people type passwords there."""
    audit.record(
        audit.Event.SIGN_IN_FAILED,
        actor=None,
        subject=person_of(typed_name.strip()),
        name=name_digest(typed_name),
        method=method,
        locked_out=locked_out,
    )


def name_digest(typed_name: str) -> str:
    """Keyed hash of a name, equal for equal names."""
    return salted_hmac(NAME_SALT, typed_name.strip().casefold(), algorithm="sha256").hexdigest()[:32]


def set_password(*, account: Account, password: str, stays: str = "") -> None:
    """Set a validated password and notify the person by mail.

    Ends every session except the one with the given key.
    """
    account.set_password(password)
    with transaction.atomic():
        person = locking.person(account.person_id)
        account.save(update_fields=["password"])
        sessions.end_locked(account, but=stays)
        outbox.enqueue(account_messages.password_set(person))
        audit.record(audit.Event.PASSWORD_SET, actor=person, subject=person)
