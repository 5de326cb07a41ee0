"""Verbs on accounts: open, close, end sessions."""

import uuid

import regex
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from identity_manager import audit
from identity_manager.models import Account, Person
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotPossible, Reason, refuse, require

BAD_USERNAME = Reason(
    "bad-username", _("A user name holds letters from a to z, digits, dots, hyphens and underscores only.")
)
USERNAME_TAKEN = Reason("username-taken", _("This user name is taken."))
API_CLIENT = Reason("api-client-signs-in", _("This is a client of the API, which never signs in."))
HAS_ACCOUNT = Reason("has-account", _("This person has an account already."))
_USERNAME = regex.compile(r"[a-z0-9][a-z0-9._\-]{0,63}")


def open_account(
    *, person_id: uuid.UUID, username: str, password: str, is_break_glass: bool = False
) -> Account:
    """Open an account, by the operator of the machine. Raises NotPossible with field and reason."""
    with transaction.atomic():
        person = locking.person(person_id)
        refuse(API_CLIENT if person.is_api_client else None)
        require(_USERNAME.fullmatch(username), else_=BAD_USERNAME, field="username")
        taken = Account.objects.filter(username__iexact=username).exists()
        refuse(USERNAME_TAKEN if taken else None, field="username")
        refuse(HAS_ACCOUNT if Account.objects.filter(person=person).exists() else None)
        check_password(password, person=person, username=username)

        account = Account.objects.create_account(
            username=username, person=person, password=password, is_break_glass=is_break_glass
        )
        audit.record(
            audit.Event.ACCOUNT_CREATED,
            actor=None,
            subject=person,
            username=username,
            break_glass=is_break_glass,
        )
        return account


def check_password(password: str, *, person: Person, username: str) -> None:
    """Validate a password against the installation's rules. Raises NotPossible at the field password."""
    try:
        validate_password(password, Account(username=username, person=person))
    except ValidationError as error:
        raise NotPossible(Reason("bad-password", " ".join(error.messages)), field="password") from error


def end_sessions(person: Person) -> None:
    """End all sessions of a locked person in the caller's transaction, by a new session epoch."""
    Account.objects.filter(person=person).update(session_epoch=F("session_epoch") + 1)


def close_account(person: Person) -> None:
    """Close the account of a locked person, in the caller's transaction."""
    end_sessions(person)
    Account.objects.filter(person=person).update(is_active=False)
