"""ADMIN, Mail texts: each mail as people get it, in each language, and when it is sent."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from identity_manager.console.outbox.forms import message_name
from identity_manager.mail import specimens
from identity_manager.models.text_in_languages import best_of
from identity_manager.models.words import Words
from identity_manager.ui.parts import Tab

PERSON, APPROVER, REQUESTER, OFFICER = _("the person"), _("approvers"), _("who asked"), _("administrators")
SYSTEM = _("System Administrators")
# To whom, and when.
SENT: dict[str, tuple[Words, Words]] = {
    "information": (PERSON, _("when the request may go on: read and accept the terms")),
    "renewal_due": (PERSON, _("some days before a token ends, then daily until it is renewed or not needed")),
    "acceptance_reminder": (PERSON, _("some days before the time to accept runs out")),
    "request_lapsed": (PERSON, _("when the terms were not accepted in time")),
    "approval_needed": (APPROVER, _("when a request waits for a decision")),
    "approval_reminder": (APPROVER, _("when the decision has waited for some days")),
    "approval_back": (APPROVER, _("when a postponed decision comes back")),
    "left_undecided": (OFFICER, _("when nobody decides, or nobody can")),
    "batch_waits": (APPROVER, _("when requests of a batch order wait for a decision")),
    "batch_reminder": (APPROVER, _("when these have waited for some days")),
    "batch_undecided": (OFFICER, _("when nobody decides on these, or nobody can")),
    "batch_approved": (REQUESTER, _("when these are approved, once a day")),
    "batch_rejected": (REQUESTER, _("when these are rejected, with the reason")),
    "approved": (REQUESTER, _("when the request was approved")),
    "rejected": (REQUESTER, _("when the request was rejected, with the reason")),
    "types_taken_out": (_("the person and who asked"), _("when an approver took single types out")),
    "sent_round_again": (PERSON, _("when their data changed and it is decided on again")),
    "request_cancelled": (_("the person and who asked"), _("when an administrator ended the request")),
    "issuance_failed": (PERSON, _("when the tokens could not be issued")),
    "rest_given": (PERSON, _("when part of them was refused for good and they get the rest")),
    "delivery": (PERSON, _("when a token is sealed: its files, and how to install them")),
    "file_fetched": (PERSON, _("each time a file is fetched from Self-Service")),
    "passphrase_shown": (PERSON, _("when a passphrase was shown for the first time")),
    "passphrase_reminder": (PERSON, _("some days before an unread passphrase is destroyed")),
    "token_lapsed": (PERSON, _("when the passphrase was not noted in time")),
    "ended_on_leave": (PERSON, _("when a token ended while they were Inactive, before they had it")),
    "person_deactivated": (PERSON, _("when they become Inactive")),
    "person_activated": (PERSON, _("when they are Active again")),
    "identity_change_asked": (PERSON, _("when somebody wants to change their e-mail, UPN or SID")),
    "identity_change_done": (
        PERSON,
        _("when such a change is made: to their address of before"),
    ),
    "identity_change_dropped": (PERSON, _("when such a change was not confirmed")),
    "sign_in_code_made": (PERSON, _("when an officer made a one-time sign-in code")),
    "password_set": (PERSON, _("when their password was set or changed")),
    "second_factor_added": (PERSON, _("when an authenticator app or a passkey was added")),
    "second_factor_removed": (PERSON, _("when an authenticator app or a passkey was removed")),
    "second_factors_reset": (PERSON, _("when an officer took their second factors away")),
    "recovery_codes_made": (PERSON, _("when new recovery codes were made")),
    "recovery_code_used": (PERSON, _("when a recovery code was used")),
    "account_linked": (PERSON, _("when their account was linked to single sign-on")),
    "break_glass_used": (SYSTEM, _("when somebody signed in with the emergency account")),
}


@dataclass(frozen=True)
class MailTextLine:
    """One mail of the list."""

    name: str
    called: str
    subject: str
    to: Words
    when: Words
    url: str


def language_or_none(language: str) -> str | None:
    """The language, if the installation speaks it."""
    return language if language in dict(settings.LANGUAGES) else None


def listing() -> dict[str, Any]:
    """Every mail, in the order of the road where it is known."""
    names = specimens.found()
    order = [name for name in SENT if name in names] + [name for name in names if name not in SENT]
    return {"lines": [_line(name) for name in order]}


def context(name: str, language: str) -> dict[str, Any]:
    """One mail in one language, made of somebody who does not exist."""
    mail = specimens.specimen(name, language=language)
    to, when = _sent(name)
    return {
        "mail": mail,
        "title": message_name(name),
        "to": to,
        "when": when,
        "sender": settings.DEFAULT_FROM_EMAIL,
        "html_url": _url("mail-text-html", name, language),
        "languages": [
            Tab(label, _url("mail-text", name, code), current=code == language)
            for code, label in settings.LANGUAGES
        ],
    }


def _line(name: str) -> MailTextLine:
    language = best_of(dict(settings.LANGUAGES), translation.get_language()) or settings.LANGUAGE_CODE
    to, when = _sent(name)
    subject = specimens.specimen(name, language=language).subject
    return MailTextLine(name, message_name(name), subject, to, when, _url("mail-text", name, language))


def _sent(name: str) -> tuple[Words, Words]:
    """To whom a mail goes, and when; a test holds that each of them is known here."""
    return SENT.get(name, ("", ""))


def _url(what: str, name: str, language: str) -> str:
    return reverse(f"console:{what}", args=[name, language])
