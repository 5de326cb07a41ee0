"""Mails about a person's own account: changes of sign-in methods. One function per mail.

They report that something happened and contain no code, key or password.
"""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.mail.composing import About, compose, own_portal_url
from identity_manager.mail.registry import PERSON, SYSTEM, mail
from identity_manager.models import OutgoingMail, Person
from identity_manager.models.identifiers import new_id


@mail(_("A password was set"), to=PERSON, when=_("when their password was set or changed"))
def password_set(person: Person) -> OutgoingMail:
    """A password was set or changed."""
    return _notice("password_set", person)


@mail(_("A second factor was added"), to=PERSON, when=_("when an authenticator app or a passkey was added"))
def second_factor_added(person: Person, *, factor: str | Promise) -> OutgoingMail:
    """An authenticator app or a passkey was added. factor: which."""
    return _notice("second_factor_added", person, factor=factor)


@mail(
    _("A second factor was removed"), to=PERSON, when=_("when an authenticator app or a passkey was removed")
)
def second_factor_removed(person: Person, *, factor: str | Promise) -> OutgoingMail:
    """An authenticator app or a passkey was removed. factor: which."""
    return _notice("second_factor_removed", person, factor=factor)


@mail(_("Second factors were reset"), to=PERSON, when=_("when an officer took their second factors away"))
def second_factors_reset(person: Person) -> OutgoingMail:
    """An officer removed all second factors after their loss."""
    return _notice("second_factors_reset", person)


@mail(_("Recovery codes were made"), to=PERSON, when=_("when new recovery codes were made"))
def recovery_codes_made(person: Person) -> OutgoingMail:
    """New recovery codes were made and shown."""
    return _notice("recovery_codes_made", person)


@mail(_("A recovery code was used"), to=PERSON, when=_("when a recovery code was used"))
def recovery_code_used(person: Person, *, left: int) -> OutgoingMail:
    """Mail after a sign-in or confirmation with a recovery code; says how many are left."""
    return _notice("recovery_code_used", person, left=left)


@mail(
    _("An account was linked to single sign-on"),
    to=PERSON,
    when=_("when their account was linked to single sign-on"),
)
def account_linked(person: Person, *, provider: str) -> OutgoingMail:
    """The account is linked to the single sign-on provider of that name."""
    return _notice("account_linked", person, provider=provider)


@mail(
    _("Somebody signed in past single sign-on"),
    to=SYSTEM,
    when=_("when somebody signed in with the emergency account"),
)
def break_glass_used(administrator: Person, *, officer: Person) -> OutgoingMail:
    """To a System Administrator: somebody signed in with the emergency account."""
    return _notice("break_glass_used", administrator, officer=officer)


@mail(_("A sign-in code was made"), to=PERSON, when=_("when an officer made a one-time sign-in code"))
def sign_in_code_made(person: Person, *, code_id: str) -> OutgoingMail:
    """To the person: an officer made a sign-in code for you."""
    about = About("sign_in_code_made", f"sign-in-code:{code_id}", person)
    return compose(about, url=own_portal_url(person, "account_login"))


def _notice(message: str, person: Person, **more: Any) -> OutgoingMail:
    about = About(message, f"{message}:{new_id()}", person)
    return compose(about, url=own_portal_url(person, "account"), **more)
