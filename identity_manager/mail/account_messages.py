"""Mails about a person's own account: changes of sign-in methods. One function per mail.

They report that something happened and contain no code, key or password.
"""

from typing import Any

from django.utils.functional import Promise

from identity_manager.mail.messages import About, compose, own_portal_url
from identity_manager.models import OutgoingMail, Person
from identity_manager.models.identifiers import new_id


def password_set(person: Person) -> OutgoingMail:
    """A password was set or changed."""
    return _notice("password_set", person)


def second_factor_added(person: Person, *, factor: str | Promise) -> OutgoingMail:
    """An authenticator app or a passkey was added. factor: which."""
    return _notice("second_factor_added", person, factor=factor)


def second_factor_removed(person: Person, *, factor: str | Promise) -> OutgoingMail:
    """An authenticator app or a passkey was removed. factor: which."""
    return _notice("second_factor_removed", person, factor=factor)


def second_factors_reset(person: Person) -> OutgoingMail:
    """An office removed all second factors after their loss."""
    return _notice("second_factors_reset", person)


def recovery_codes_made(person: Person) -> OutgoingMail:
    """New recovery codes were made and shown."""
    return _notice("recovery_codes_made", person)


def recovery_code_used(person: Person, *, left: int) -> OutgoingMail:
    """Somebody signed in or confirmed with a recovery code; says how many are left."""
    return _notice("recovery_code_used", person, left=left)


def account_linked(person: Person, *, provider: str) -> OutgoingMail:
    """The account is linked to the single sign-on provider of that name."""
    return _notice("account_linked", person, provider=provider)


def break_glass_used(administrator: Person, *, officer: Person) -> OutgoingMail:
    """To a System Administrator: somebody signed in with the emergency account."""
    return _notice("break_glass_used", administrator, officer=officer)


def _notice(message: str, person: Person, **more: Any) -> OutgoingMail:
    about = About(message, f"{message}:{new_id()}", person)
    return compose(about, url=own_portal_url(person, "account"), **more)
