"""Mails about a person's own record: leave and return, changes of identity. One function per mail."""

from django.utils.translation import gettext_lazy as _

from identity_manager.mail.composing import About, compose, selfservice_url
from identity_manager.mail.registry import PERSON, mail
from identity_manager.models import (
    IdentityChange,
    Leave,
    OutgoingMail,
)


@mail(_("A person was deactivated"), to=PERSON, when=_("when they become Inactive"))
def person_deactivated(leave: Leave, *, held: int, revoked: int, waiting: int) -> OutgoingMail:
    """To the person: you are Inactive. held, revoked: numbers of tokens; waiting: number of requests."""
    about = About("person_deactivated", f"person-deactivated:{leave.pk}", leave.person)
    return compose(about, url="", held=held, revoked=revoked, waiting=waiting)


@mail(_("A person was activated"), to=PERSON, when=_("when they are Active again"))
def person_activated(leave: Leave, *, reinstated: int, waiting: int) -> OutgoingMail:
    """To the person: you are Active again. reinstated: number of tokens; waiting: number of requests."""
    about = About("person_activated", f"person-activated:{leave.pk}", leave.person)
    return compose(
        about, url=selfservice_url("selfservice:dashboard"), reinstated=reinstated, waiting=waiting
    )


@mail(
    _("A change of identity was asked for"),
    to=PERSON,
    when=_("when somebody wants to change their e-mail, UPN or SID"),
)
def identity_change_asked(change: IdentityChange) -> OutgoingMail:
    """To the person's present address: somebody wants to change your e-mail, UPN or SID."""
    return _about_change(change, "identity_change_asked")


@mail(
    _("A change of identity was confirmed"),
    to=PERSON,
    when=_("when such a change is made: to their address of before"),
)
def identity_change_done(change: IdentityChange) -> OutgoingMail:
    """To the former address: your e-mail, UPN or SID was changed."""
    return _about_change(change, "identity_change_done")


@mail(_("A change of identity was not confirmed"), to=PERSON, when=_("when such a change was not confirmed"))
def identity_change_dropped(change: IdentityChange) -> OutgoingMail:
    """To the person's address: the change was not confirmed, so everything stays as it was."""
    return _about_change(change, "identity_change_dropped")


@mail(
    _("A directory has changed an identity"),
    to=PERSON,
    when=_("when a directory changes their e-mail, UPN or SID: to their address of before"),
)
def identity_taken_over(change: IdentityChange) -> OutgoingMail:
    """To the former address: the company's directory has changed your e-mail, UPN or SID."""
    return _about_change(change, "identity_taken_over")


def _about_change(change: IdentityChange, message: str) -> OutgoingMail:
    about = About(message, f"{message}:{change.pk}".replace("_", "-"), change.person)
    mail = compose(about, url="", change=change, lines=change.lines)
    mail.to_address = change.old.get("email", change.person.email)
    return mail
