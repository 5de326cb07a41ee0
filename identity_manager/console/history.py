"""The history in plain words: one sentence for each event of the audit log."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.models import AuditEvent, Role
from identity_manager.models.certificate import REVOCATION_REASONS
from identity_manager.models.token_type import CONTAINER_FORMATS
from identity_manager.ui import dates, parts
from identity_manager.ui.parts import Meaning

Facts = Mapping[str, Any]
SYSTEM = _("The system")


@dataclass(frozen=True)
class Words:
    """What an event is called, what it means to the eye, and what else of its facts is worth reading."""

    sentence: str | Promise
    meaning: Meaning = Meaning.QUIET
    icon: str = ""
    detail: Callable[[Facts], str] = lambda _facts: ""


def _fact(name: str) -> Callable[[Facts], str]:
    return lambda facts: str(facts.get(name, ""))


def _chosen(name: str, choices: Iterable[tuple[str, Any]]) -> Callable[[Facts], str]:
    """The fact, in the word that forms use for it."""
    words = dict(choices)
    return lambda facts: str(words.get(facts.get(name, ""), facts.get(name, "")))


def _moment(name: str) -> Callable[[Facts], str]:
    return lambda facts: dates.exact(datetime.fromisoformat(facts[name])) if facts.get(name) else ""


def _listed(name: str) -> Callable[[Facts], str]:
    return lambda facts: ", ".join(str(each) for each in facts.get(name, ()))


DONE, WAITING, STOPPED, INFORMATION = Meaning.DONE, Meaning.WAITING, Meaning.STOPPED, Meaning.INFORMATION
_reason, _detail = _fact("reason"), _fact("detail")
_revocation = _chosen("reason", REVOCATION_REASONS)
_role = _chosen("role", Role.choices)
_format = _chosen("format", CONTAINER_FORMATS)

WORDS: dict[Event, Words] = {
    Event.PERSON_CREATED: Words(_("The person was entered"), icon="user-plus"),
    Event.PERSON_CHANGED: Words(_("The person's record was changed"), icon="edit", detail=_listed("fields")),
    Event.PERSON_ACTIVATED: Words(_("The person was activated"), DONE, "user-done"),
    Event.PERSON_DEACTIVATED: Words(_("The person was deactivated"), WAITING, "pause"),
    Event.PERSON_LOCKED: Words(_("The person was locked for good"), STOPPED, "lock"),
    Event.PERSONS_IMPORTED: Words(_("Persons were imported"), icon="upload"),
    Event.ROLE_ASSIGNED: Words(_("A role was assigned"), icon="shield", detail=_role),
    Event.ROLE_WITHDRAWN: Words(_("A role was withdrawn"), icon="shield", detail=_role),
    Event.SIGNED_IN: Words(_("Signed in"), icon="user"),
    Event.SIGN_IN_FAILED: Words(_("A sign-in failed"), STOPPED, "alert"),
    Event.ACCOUNT_CREATED: Words(_("The account was made"), icon="user-plus"),
    Event.PASSWORD_SET: Words(_("The password was set"), icon="lock"),
    Event.SIGN_IN_CODE_ASKED: Words(_("A sign-in code was asked for"), WAITING, "key"),
    Event.SIGN_IN_CODE_CONFIRMED: Words(_("The sign-in code was confirmed by a second officer"), icon="key"),
    Event.SIGN_IN_CODE_MADE: Words(_("A sign-in code was made and shown once"), icon="key"),
    Event.SIGN_IN_CODE_WITHDRAWN: Words(_("A sign-in code was withdrawn"), STOPPED, "key"),
    Event.SIGN_IN_CODE_USED: Words(_("The sign-in code was used"), DONE, "key"),
    Event.REQUEST_CREATED: Words(_("The request was opened"), INFORMATION, "plus", _listed("types")),
    Event.REQUEST_APPROVED: Words(_("Approved"), DONE, "check"),
    Event.REQUEST_REJECTED: Words(_("Rejected"), STOPPED, "x", _reason),
    Event.REQUEST_POSTPONED: Words(_("The decision was postponed"), WAITING, "pause", _moment("until")),
    Event.REQUEST_INVITED: Words(_("The person was asked to accept the terms"), INFORMATION, "mail"),
    Event.REQUEST_ACCEPTED: Words(_("The terms were accepted"), DONE, "paper"),
    Event.REQUEST_DECLINED: Words(_("The terms were declined"), STOPPED, "x", _reason),
    Event.REQUEST_LAPSED: Words(
        _("The request lapsed: the terms were not accepted in time"), STOPPED, "clock"
    ),
    Event.REQUEST_CANCELLED: Words(_("The request was cancelled"), STOPPED, "x", _reason),
    Event.REQUEST_FAILED: Words(_("The request failed"), STOPPED, "alert", _reason),
    Event.REQUEST_RETRIED: Words(_("An officer had it tried again"), INFORMATION, "refresh"),
    Event.REQUEST_ISSUED: Words(_("Everything is issued"), DONE, "certificate"),
    Event.REQUEST_COMPLETED: Words(_("The request is completed"), DONE, "done"),
    Event.KEY_BOUND: Words(_("A key was made for a certificate"), icon="key"),
    Event.KEY_ERASED: Words(_("The key was erased"), icon="trash"),
    Event.CERTIFICATE_ISSUED: Words(_("A certificate was issued"), DONE, "certificate", _fact("serial")),
    Event.CERTIFICATE_REFUSED: Words(_("A certificate was refused"), STOPPED, "alert", _reason),
    Event.CERTIFICATE_REVOCATION_DECIDED: Words(
        _("The revocation of a certificate was decided"), WAITING, "certificate", _revocation
    ),
    Event.CERTIFICATE_REVOKED: Words(
        _("The certificate was revoked"), STOPPED, "certificate", _fact("serial")
    ),
    Event.TOKEN_SEALED: Words(_("The token was sealed under a fresh passphrase"), INFORMATION, "file-key"),
    Event.TOKEN_DELIVERED: Words(_("The file was delivered by mail"), DONE, "mail"),
    Event.TOKEN_DELIVERY_FAILED: Words(_("The file could not be delivered"), STOPPED, "mail", _detail),
    Event.TOKEN_SENT_AGAIN: Words(_("The file is sent again"), INFORMATION, "send", _format),
    Event.TOKEN_LAPSED: Words(_("The token lapsed"), STOPPED, "clock", _reason),
    Event.TOKEN_REVOKED: Words(_("The token was revoked"), STOPPED, "lock", _revocation),
    Event.PASSPHRASE_SHOWN: Words(_("The passphrase was shown to its owner"), icon="eye"),
    Event.PASSPHRASE_ACKNOWLEDGED: Words(_("The passphrase was noted"), DONE, "pen"),
    Event.PASSPHRASE_DESTROYED: Words(_("The passphrase was destroyed"), icon="eye-off"),
    Event.CATALOGUE_CHANGED: Words(_("The catalogue was changed"), icon="list"),
}

# What is worth a line where many requests are told of together.
MILESTONES = (
    Event.REQUEST_CREATED,
    Event.REQUEST_APPROVED,
    Event.REQUEST_REJECTED,
    Event.REQUEST_POSTPONED,
    Event.REQUEST_ACCEPTED,
    Event.REQUEST_DECLINED,
    Event.REQUEST_LAPSED,
    Event.REQUEST_CANCELLED,
    Event.REQUEST_FAILED,
    Event.REQUEST_RETRIED,
    Event.REQUEST_ISSUED,
    Event.REQUEST_COMPLETED,
    Event.TOKEN_DELIVERY_FAILED,
    Event.TOKEN_LAPSED,
    Event.TOKEN_REVOKED,
)


def rows() -> QuerySet[AuditEvent]:
    """Events with what their words need, newest first; their tokens' secrets stay in the database."""
    rows = AuditEvent.objects.select_related("actor", "token__token_type")
    return rows.defer("token__passphrase_wrapped", "token__snapshot").order_by("-pk")


def told(event: AuditEvent, *, type_names: Mapping[str, str] | None = None) -> parts.Event:
    """The event, from rows(), as a line of a timeline."""
    words = WORDS[Event(event.name)]
    detail = words.detail(event.facts)
    if type_names and "types" in event.facts:
        detail = ", ".join(type_names.get(code, code) for code in event.facts["types"])
    details = [str(event.token) if event.token else "", detail]
    return parts.Event(
        at=event.at,
        title=words.sentence,
        actor=str(event.actor) if event.actor else SYSTEM,
        detail=" · ".join(filter(None, details)),
        meaning=words.meaning,
        icon=words.icon,
    )


def timeline(
    events: Iterable[AuditEvent], *, type_names: Mapping[str, str] | None = None
) -> list[parts.Event]:
    """The events as a timeline, in the order given; type_names says what token types are called."""
    return [told(event, type_names=type_names) for event in events]
