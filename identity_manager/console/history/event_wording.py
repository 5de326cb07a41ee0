"""Wording of audit events: sentence, meaning, icon and detail of each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history import event_facts as details
from identity_manager.console.history.event_facts import Facts
from identity_manager.models import AuditEvent, Role, VersionState
from identity_manager.models.catalogue.token_type import CONTAINER_FORMATS
from identity_manager.models.requests.certificate import REVOCATION_REASONS
from identity_manager.models.words import Vocabulary
from identity_manager.queries import console_pages
from identity_manager.ui import parts
from identity_manager.ui.parts import Meaning

SYSTEM = _("The system")
ERASED = _("Somebody who was erased")


@dataclass(frozen=True)
class Wording:
    """Sentence, meaning, icon, and the facts worth showing."""

    sentence: str | Promise
    meaning: Meaning = Meaning.QUIET
    icon: str = ""
    detail: Callable[[Facts], str] = lambda _facts: ""


DONE, WAITING, STOPPED, INFORMATION = Meaning.DONE, Meaning.WAITING, Meaning.STOPPED, Meaning.INFORMATION
_fact, _moment, _listed, _fields = details.fact, details.moment, details.listed, details.fields
_reason, _detail = details.why, _fact("detail")
_revocation = details.chosen("reason", REVOCATION_REASONS)
_role = details.chosen("role", Role.choices)
_format = details.chosen("format", CONTAINER_FORMATS)
_purpose = details.chosen("purpose", details.KEYS.items())
_FACTORS = (("app", _("Authenticator app")), ("passkey", _("Passkey")))
_rows, _recovery = _fact("rows"), partial(Wording, icon="key", detail=_fact("fingerprint"))
_export = partial(Wording, icon="key", detail=_reason)

WORDS: dict[Event, Wording] = {
    Event.PERSON_CREATED: Wording(_("The person was entered"), icon="user-plus"),
    Event.PERSON_CHANGED: Wording(_("The person's record was changed"), icon="edit", detail=_fields),
    Event.PERSON_ACTIVATED: Wording(_("The person was activated"), DONE, "user-done"),
    Event.PERSON_DEACTIVATED: Wording(_("The person was deactivated"), WAITING, "pause", _reason),
    Event.PERSON_LOCKED: Wording(_("The person was locked for good"), STOPPED, "lock", _revocation),
    Event.IDENTITY_CHANGE_ASKED: Wording(_("A change of identity was asked for"), WAITING, "edit", _fields),
    Event.IDENTITY_CHANGE_CONFIRMED: Wording(
        _("The change of identity was confirmed by a second officer"), DONE, "check", _fields
    ),
    Event.IDENTITY_CHANGE_REFUSED: Wording(
        _("The change of identity was not confirmed"), STOPPED, "x", _reason
    ),
    Event.IDENTITY_CHANGE_WITHDRAWN: Wording(
        _("The change of identity was withdrawn"), STOPPED, "x", _reason
    ),
    Event.IMPORT_ASKED: Wording(_("An import waits for a second officer"), icon="upload"),
    Event.IMPORT_CONFIRMED: Wording(_("An import was confirmed"), icon="upload"),
    Event.IMPORT_REFUSED: Wording(_("An import was not confirmed"), icon="upload"),
    Event.IMPORT_WITHDRAWN: Wording(_("An import was withdrawn"), icon="upload"),
    Event.PERSONS_IMPORTED: Wording(_("Persons were imported"), icon="upload"),
    Event.BATCH_CREATED: Wording(_("A batch order was given"), icon="list"),
    Event.BATCH_STARTED: Wording(_("A batch order was started"), icon="list"),
    Event.BATCH_PAUSED: Wording(_("A batch order was paused"), WAITING, "pause"),
    Event.BATCH_RESUMED: Wording(_("A batch order went on"), icon="list"),
    Event.BATCH_CANCELLED: Wording(_("A batch order was cancelled"), STOPPED, "x"),
    Event.BATCH_FINISHED: Wording(_("A batch order is finished"), DONE, "check"),
    Event.ROLE_ASSIGNED: Wording(_("A role was assigned"), icon="shield", detail=_role),
    Event.ROLE_ENDED: Wording(_("A role ended on its last day"), icon="shield", detail=_role),
    Event.ROLE_REFUSED: Wording(_("Single sign-on could not change a role"), STOPPED, "shield", _role),
    Event.ROLE_WITHDRAWN: Wording(_("A role was withdrawn"), icon="shield", detail=_role),
    Event.SIGNED_IN: Wording(_("Signed in"), icon="user"),
    Event.SIGN_IN_FAILED: Wording(_("A sign-in failed"), STOPPED, "alert"),
    Event.ACCOUNT_CREATED: Wording(
        _("The account was made"), icon="user-plus", detail=details.for_emergencies
    ),
    Event.PASSWORD_SET: Wording(_("The password was set"), icon="lock"),
    Event.ACCOUNT_LINKED: Wording(_("Linked to single sign-on"), icon="link", detail=details.provider),
    Event.BREAK_GLASS_SIGNED_IN: Wording(_("Signed in by the emergency account"), STOPPED, "alert"),
    Event.SESSIONS_ENDED: Wording(_("Signed out elsewhere"), icon="sign-out"),
    Event.SECOND_FACTOR_ADDED: Wording(
        _("A second factor was added"), DONE, "shield", details.chosen("kind", _FACTORS)
    ),
    Event.SECOND_FACTOR_RENAMED: Wording(_("A passkey was renamed"), icon="shield"),
    Event.SECOND_FACTOR_REMOVED: Wording(
        _("A second factor was removed"), WAITING, "shield", details.chosen("kind", _FACTORS)
    ),
    Event.SECOND_FACTORS_RESET: Wording(_("All second factors were removed"), STOPPED, "shield"),
    Event.RECOVERY_CODES_MADE: Wording(_("Recovery codes were made and shown once"), icon="key"),
    Event.RECOVERY_CODE_USED: Wording(_("A recovery code was used"), WAITING, "key"),
    Event.SIGN_IN_CODE_ASKED: Wording(_("A sign-in code was asked for"), WAITING, "key"),
    Event.SIGN_IN_CODE_CONFIRMED: Wording(
        _("The sign-in code was confirmed by a second officer"), icon="key"
    ),
    Event.SIGN_IN_CODE_MADE: Wording(_("A sign-in code was made and shown once"), icon="key"),
    Event.SIGN_IN_CODE_WITHDRAWN: Wording(_("A sign-in code was withdrawn"), STOPPED, "key"),
    Event.SIGN_IN_CODE_USED: Wording(_("The sign-in code was used"), DONE, "key"),
    Event.REQUEST_CREATED: Wording(_("The request was opened"), INFORMATION, "plus", _listed("types")),
    Event.REQUEST_APPROVED: Wording(_("Approved"), DONE, "check"),
    Event.REQUEST_REJECTED: Wording(_("Rejected"), STOPPED, "x", _reason),
    Event.REQUEST_REDUCED: Wording(_("Single types were taken out"), STOPPED, "x", details.types_and_reason),
    Event.REQUEST_RETURNED: Wording(_("The decision came back"), WAITING, "task"),
    Event.REQUEST_ESCALATED: Wording(_("Nobody had decided: other approvers were asked"), WAITING, "mail"),
    Event.REQUEST_LEFT_UNDECIDED: Wording(_("The administrators were told that nobody decides"), STOPPED),
    Event.REQUEST_STOPPED: Wording(
        _("It was stopped: the person's data have changed"), STOPPED, "pause", _fields
    ),
    Event.REQUEST_RESUMED: Wording(
        _("It goes on: the person's data are as they were"), INFORMATION, "refresh"
    ),
    Event.REQUEST_APPROVAL_LOST: Wording(
        _("Who approved could not approve any more: another approver was asked"), WAITING, "task"
    ),
    Event.REQUEST_SENT_ROUND: Wording(
        _("It was started again with the person's new data"), INFORMATION, "refresh", _fields
    ),
    Event.REQUEST_POSTPONED: Wording(_("The decision was postponed"), WAITING, "pause", _moment("until")),
    Event.REQUEST_INVITED: Wording(_("The person was asked to accept the terms"), INFORMATION, "mail"),
    Event.REQUEST_ACCEPTED: Wording(_("The terms were accepted"), DONE, "paper"),
    Event.REQUEST_DECLINED: Wording(_("The terms were declined"), STOPPED, "x", _reason),
    Event.REQUEST_LAPSED: Wording(
        _("The request lapsed: the terms were not accepted in time"), STOPPED, "clock"
    ),
    Event.REQUEST_CANCELLED: Wording(_("The request was cancelled"), STOPPED, "x", _reason),
    Event.REQUEST_FAILED: Wording(_("The request failed"), STOPPED, "alert", details.failure),
    Event.REQUEST_RETRIED: Wording(_("An officer had it tried again"), INFORMATION, "refresh"),
    Event.REQUEST_REST_GIVEN: Wording(
        _("An officer gives the rest without what was refused"), INFORMATION, "play", _reason
    ),
    Event.REQUEST_REST_REVOKED: Wording(_("An officer had the rest revoked"), STOPPED, "x", _reason),
    Event.REQUEST_ISSUED: Wording(_("Everything is issued"), DONE, "certificate"),
    Event.REQUEST_COMPLETED: Wording(_("The request is completed"), DONE, "done"),
    Event.KEY_BOUND: Wording(_("A key was made for a certificate"), icon="key"),
    Event.ORDER_ASKED_AGAIN: Wording(
        _("An officer had the certificate authority asked again"),
        INFORMATION,
        "refresh",
        _fact("order"),
    ),
    Event.ORDER_GIVEN_UP: Wording(_("An officer gave an order up"), STOPPED, "x", _reason),
    Event.KEY_ERASED: Wording(_("The key was erased"), icon="trash"),
    Event.CERTIFICATE_ISSUED: Wording(_("A certificate was issued"), DONE, "certificate", _fact("serial")),
    Event.CERTIFICATE_SHORTER: Wording(
        _("The certificate authority gave a shorter time than was ordered"),
        WAITING,
        "clock",
        _moment("until"),
    ),
    Event.CERTIFICATE_REFUSED: Wording(_("A certificate was refused"), STOPPED, "alert", details.failure),
    Event.CERTIFICATE_REVOCATION_DECIDED: Wording(
        _("The revocation of a certificate was decided"), WAITING, "certificate", _revocation
    ),
    Event.CERTIFICATE_REVOKED: Wording(
        _("The certificate was revoked"), STOPPED, "certificate", _fact("serial")
    ),
    Event.REVOCATION_LEFT_TO_HANDS: Wording(
        _("The certificate has to be revoked at its authority by hand"),
        WAITING,
        "certificate",
        _fact("serial"),
    ),
    Event.CERTIFICATE_REVOKED_BY_HAND: Wording(
        _("An officer has revoked the certificate at its authority by hand"),
        STOPPED,
        "certificate",
        _fact("serial"),
    ),
    Event.SURPLUS_LEFT_TO_HANDS: Wording(
        _("What was issued and is not used has to be revoked at its authority by hand"),
        WAITING,
        "certificate",
        _fact("serial"),
    ),
    Event.SURPLUS_REVOKED_BY_HAND: Wording(
        _("An officer has revoked at its authority by hand what was issued and is not used"),
        STOPPED,
        "certificate",
        _fact("serial"),
    ),
    Event.CERTIFICATE_HELD: Wording(
        _("The certificate was put on hold"), WAITING, "certificate", _fact("serial")
    ),
    Event.CERTIFICATE_RELEASED: Wording(
        _("The certificate counts again"), DONE, "certificate", _fact("serial")
    ),
    Event.CERTIFICATE_EXPIRED: Wording(
        _("The certificate has ended"), icon="certificate", detail=_fact("serial")
    ),
    Event.TOKEN_SEALED: Wording(_("The token was sealed under a fresh passphrase"), INFORMATION, "file-key"),
    Event.TOKEN_DELIVERED: Wording(_("The file was delivered by mail"), DONE, "mail"),
    Event.TOKEN_DELIVERY_FAILED: Wording(_("The file could not be delivered"), STOPPED, "mail", _detail),
    Event.TOKEN_OFFERED: Wording(_("The way to the file was mailed"), INFORMATION, "mail"),
    Event.TOKEN_FILE_FETCHED: Wording(
        _("A file was fetched from Self-Service by its owner"), DONE, "download", _fact("file")
    ),
    Event.TOKEN_SENT_AGAIN: Wording(_("The file is sent again"), INFORMATION, "send", _format),
    Event.TOKEN_LAPSED: Wording(_("The token lapsed"), STOPPED, "clock", _reason),
    Event.TOKEN_HELD: Wording(_("The token was put on hold"), WAITING, "pause", _reason),
    Event.TOKEN_REINSTATED: Wording(_("The token was reinstated"), DONE, "refresh"),
    Event.TOKEN_EXPIRED: Wording(_("The token has ended"), icon="clock"),
    Event.TOKEN_REVOKED: Wording(_("The token was revoked"), STOPPED, "lock", _revocation),
    Event.TOKEN_REPLACED: Wording(_("The token was replaced by its renewal"), icon="refresh"),
    Event.RENEWAL_NOT_NEEDED: Wording(_("The person needs no renewal"), INFORMATION, "x", _reason),
    Event.MAIL_BOUNCED: Wording(_("A mail came back"), STOPPED, "mail", _fact("error")),
    Event.MAIL_COMPLAINED: Wording(_("A mail was reported as spam"), WAITING, "mail"),
    Event.MAIL_RETRIED: Wording(_("A mail is tried again"), INFORMATION, "send"),
    Event.MAIL_DISCARDED: Wording(_("A mail was discarded"), WAITING, "trash", _reason),
    Event.PASSPHRASE_SHOWN: Wording(_("The passphrase was shown to its owner"), icon="eye"),
    Event.PASSPHRASE_ACKNOWLEDGED: Wording(_("The passphrase was noted"), DONE, "pen"),
    Event.PASSPHRASE_DESTROYED: Wording(_("The passphrase was destroyed"), icon="eye-off"),
    Event.CATALOGUE_CHANGED: Wording(_("The catalogue was changed"), icon="list", detail=details.catalogue),
    Event.LIST_EXPORTED: Wording(_("A list was exported"), INFORMATION, "download", details.exported),
    Event.SYSTEM_RESTORED: Wording(
        _("The system was restored from a backup"), INFORMATION, "retry", _moment("made_at")
    ),
    Event.CA_MADE: Wording(_("The certificate authority was made"), INFORMATION, "server", _fact("issuer")),
    Event.ISSUING_CA_REQUESTED: Wording(
        _("The next issuing CA was asked of another root"), INFORMATION, "server", _fact("ca")
    ),
    Event.ISSUING_CA_ROLLED: Wording(_("A new issuing CA issues"), INFORMATION, "server", _fact("issuer")),
    Event.ISSUING_CA_REVOKED: Wording(
        _("A former issuing CA was revoked, and all that it issued"),
        STOPPED,
        "server",
        _fact("issuer"),
    ),
    Event.ROOT_CRL_SIGNED: Wording(
        _("The root's revocation list was signed"), INFORMATION, "server", _fact("ca")
    ),
    Event.ROOT_TAKEN_OFFLINE: Wording(
        _("The root's key was moved elsewhere, and its revocation list signed"),
        INFORMATION,
        "server",
        _fact("ca"),
    ),
    Event.CA_PASSPHRASE_ADDED: Wording(
        _("The keys of a CA open with a new passphrase, too"), INFORMATION, "server", _fact("ca")
    ),
    Event.CA_PASSPHRASE_CHANGED: Wording(
        _("The keys of a CA open with the new passphrase alone"), INFORMATION, "server", _fact("ca")
    ),
    Event.CA_TESTED: Wording(_("A CA connection was tested"), icon="server", detail=_fact("ca")),
    Event.CA_COMPARED: Wording(_("A CA was compared with the database"), INFORMATION, "server", _fact("ca")),
    Event.CA_NOT_COMPARED: Wording(
        _("A CA cannot be compared with the database"), WAITING, "server", _fact("ca")
    ),
    Event.FOUND_ADOPTED: Wording(
        _("An officer adopted what the CA had issued and the database had lost"),
        DONE,
        "certificate",
        _fact("serial"),
    ),
    Event.FOUND_REVOCATION_DECIDED: Wording(
        _("An officer has what was found at the CA revoked"), STOPPED, "certificate", _fact("serial")
    ),
    Event.FOUND_REVOKED: Wording(
        _("What was found at the CA is revoked there"), STOPPED, "certificate", _fact("serial")
    ),
    Event.FOUND_LEFT_TO_HANDS: Wording(
        _("What was found at the CA has to be revoked there by hand"),
        WAITING,
        "certificate",
        _fact("serial"),
    ),
    Event.FOUND_REVOKED_BY_HAND: Wording(
        _("An officer has revoked at the CA by hand what was found there"),
        STOPPED,
        "certificate",
        _fact("serial"),
    ),
    Event.FOUND_LEFT: Wording(
        _("An officer left as it is what was found at the CA"), icon="certificate", detail=_fact("serial")
    ),
    Event.CA_SILENT: Wording(
        _("A certificate authority does not answer: its orders wait"), STOPPED, "server", _fact("ca")
    ),
    Event.CA_ANSWERS_AGAIN: Wording(
        _("A certificate authority answers again: its orders go on"), DONE, "server", _fact("ca")
    ),
    Event.JOB_STARTED: Wording(_("A job was started by hand"), icon="play", detail=details.job),
    Event.ACCESS_DENIED: Wording(_("An officer was refused a page"), STOPPED, "lock", _fact("path")),
    Event.EVIDENCE_TAKEN: Wording(_("A check file was taken from the audit log"), INFORMATION, "download"),
    Event.LOG_CHECKED: Wording(_("The audit log was checked"), INFORMATION, "shield", details.checked),
    Event.LOG_CUT: Wording(
        _("The oldest part of the audit log was removed"), INFORMATION, "trash", details.numbers
    ),
    Event.EVENTS_FORGOTTEN: Wording(_("Old sign-in events were removed"), icon="trash"),
    Event.FORGOTTEN: Wording(_("What happened here was removed after its time"), icon="trash"),
    Event.KEY_ARCHIVED: Wording(_("A copy of the key was archived"), icon="key"),
    Event.ARCHIVE_EXPORT_ASKED: _export(_("An export of the archive was asked for"), WAITING),
    Event.ARCHIVE_EXPORT_CONFIRMED: _export(_("A second officer agreed to an export of the archive"), DONE),
    Event.ARCHIVE_EXPORT_WITHDRAWN: _export(_("An export of the archive was called off"), STOPPED),
    Event.ARCHIVE_EXPORTED: Wording(_("The archive was exported"), STOPPED, "key", _rows),
    Event.RECOVERY_CERTIFICATE_BROUGHT_IN: _recovery(_("A recovery certificate was brought in"), WAITING),
    Event.RECOVERY_CERTIFICATE_CONFIRMED: _recovery(
        _("The fingerprint of a recovery certificate was confirmed once"), WAITING
    ),
    Event.RECOVERY_CERTIFICATE_IN_FORCE: _recovery(_("A recovery certificate is in force"), DONE),
    Event.RECOVERY_CERTIFICATE_RETIRED: _recovery(_("A recovery certificate was retired"), STOPPED),
    Event.RECOVERY_OFFICERS_CHANGED: _recovery(
        _("The shares of a recovery key went to other officers"), INFORMATION
    ),
    Event.KEYS_ROTATED: Wording(_("A new key for secrets was made"), INFORMATION, "key", _purpose),
    Event.KEY_DESTROYED: Wording(_("An old key for secrets was destroyed"), INFORMATION, "trash", _purpose),
    Event.SECRETS_REWRAPPED: Wording(
        _("Secrets were wrapped under the new key"), icon="refresh", detail=_rows
    ),
    Event.CONTAINERS_REMOVED: Wording(_("Files were removed after their time"), icon="trash", detail=_rows),
    Event.MAILS_EMPTIED: Wording(_("Texts of old mails were removed"), icon="trash", detail=_rows),
    Event.REQUESTS_EMPTIED: Wording(
        _("Personal details of old requests were removed"), icon="trash", detail=_rows
    ),
    Event.ERASURE_ASKED: Wording(_("The erasure of the person was asked for"), WAITING, "trash"),
    Event.ERASURE_WITHDRAWN: Wording(_("The erasure of the person was called off"), icon="x"),
    Event.PERSON_ERASED: Wording(_("A person was erased"), STOPPED, "trash"),
}

# Milestones: shown where the events of many requests are listed together.
MILESTONES = (
    Event.REQUEST_CREATED,
    Event.REQUEST_APPROVED,
    Event.REQUEST_REJECTED,
    Event.REQUEST_REDUCED,
    Event.REQUEST_POSTPONED,
    Event.REQUEST_RETURNED,
    Event.REQUEST_ESCALATED,
    Event.REQUEST_LEFT_UNDECIDED,
    Event.REQUEST_STOPPED,
    Event.REQUEST_RESUMED,
    Event.REQUEST_APPROVAL_LOST,
    Event.REQUEST_SENT_ROUND,
    *(Event.REQUEST_ACCEPTED, Event.REQUEST_DECLINED),
    Event.REQUEST_LAPSED,
    Event.REQUEST_CANCELLED,
    Event.REQUEST_FAILED,
    Event.REQUEST_RETRIED,
    *(Event.REQUEST_REST_GIVEN, Event.REQUEST_REST_REVOKED),
    *(Event.ORDER_ASKED_AGAIN, Event.ORDER_GIVEN_UP),
    *(Event.REQUEST_ISSUED, Event.REQUEST_COMPLETED),
    Event.TOKEN_DELIVERY_FAILED,
    Event.TOKEN_LAPSED,
    *(Event.TOKEN_REVOKED, Event.TOKEN_REPLACED),
)
SENTENCES = Vocabulary("audit events", {event.value: words.sentence for event, words in WORDS.items()})


def rows() -> QuerySet[AuditEvent]:
    """Events with the columns that wording needs, newest first."""
    return AuditEvent.objects.with_wording_columns()


def in_words(event: AuditEvent, *, type_names: Mapping[str, str] | None = None) -> parts.TimelineEvent:
    """An event of rows() as a timeline entry."""
    words = WORDS[Event.FORGOTTEN if event.is_body_removed else Event(event.name)]
    detail = words.detail(_with_names(event.facts, type_names or {}))
    about = str(event.token) if event.token else ""
    return parts.TimelineEvent(
        at=event.at,
        title=words.sentence,
        actor=actor_of(event),
        detail=" · ".join(filter(None, [about, detail])),
        meaning=words.meaning,
        icon=words.icon,
    )


def type_names() -> dict[str, str]:
    """Current or last name of every token type; drafts are ignored."""
    types = (each for each in console_pages.names_of_types() if each.state != VersionState.DRAFT)
    return {each.code: str(each) for each in types}


def _with_names(facts: Facts, type_names: Mapping[str, str]) -> Facts:
    """The facts, with token types by their names."""
    if "types" not in facts:
        return facts
    return {**facts, "types": [type_names.get(code, code) for code in facts["types"]]}


def actor_of(event: AuditEvent) -> str | Promise:
    """The actor: a person, an erased person, or the system."""
    if event.actor:
        return str(event.actor)
    return ERASED if event.actor_ref else SYSTEM


def timeline(
    events: Iterable[AuditEvent], *, type_names: Mapping[str, str] | None = None
) -> list[parts.TimelineEvent]:
    """The events as a timeline, in the order given; type_names says what token types are called."""
    return [in_words(event, type_names=type_names) for event in events]
