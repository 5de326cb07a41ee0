"""Wording of events about requests, tokens, certificates and their mails."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.audit import Event
from identity_manager.console.history import event_facts as details
from identity_manager.console.history.wording.shape import (
    DONE,
    INFORMATION,
    STOPPED,
    WAITING,
    Wording,
    fact,
    fields,
    moment,
    reason,
    revocation,
)
from identity_manager.models import DeviceKind, ManagerObstacle, ProblemKind, ReplacementCause
from identity_manager.models.catalogue.token_type import WRITTEN_FORMATS

CAUSES = ReplacementCause.choices
_format = details.chosen("format", WRITTEN_FORMATS)
_problem = details.chosen("kind", ProblemKind.choices)
_device = details.chosen("device", DeviceKind.choices)


def _copies(facts: details.Facts) -> str:
    """Of how many keys a copy is kept; release 1.0 does not say it."""
    number = facts.get("keys_archived")
    if not number:
        return "" if number is None else str(_("no copy of a key is kept"))
    words = ngettext("a copy of %(count)d key is kept", "copies of %(count)d keys are kept", number)
    return words % {"count": number}


WORDS: dict[Event, Wording] = {
    Event.BATCH_CREATED: Wording(_("A batch order was given"), icon="list"),
    Event.BATCH_ASKED: Wording(_("A batch order waits for a second officer"), WAITING, "users"),
    Event.BATCH_CONFIRMED: Wording(_("A second officer confirmed a batch order"), DONE, "check"),
    Event.BATCH_REFUSED: Wording(_("A second officer did not confirm a batch order"), STOPPED, "x"),
    Event.BATCH_STARTED: Wording(_("A batch order was started"), icon="list"),
    Event.BATCH_PAUSED: Wording(_("A batch order was paused"), WAITING, "pause"),
    Event.BATCH_RESUMED: Wording(_("A batch order went on"), icon="list"),
    Event.BATCH_CANCELLED: Wording(_("A batch order was cancelled"), STOPPED, "x"),
    Event.BATCH_FINISHED: Wording(_("A batch order is finished"), DONE, "check"),
    Event.REQUEST_CREATED: Wording(
        _("The request was opened"), INFORMATION, "plus", details.types_and_purpose
    ),
    Event.REQUEST_APPROVED: Wording(_("Approved"), DONE, "check", details.approval),
    Event.REQUEST_MANAGER_PASSED_OVER: Wording(
        _("The manager of the person cannot decide: others approve"),
        WAITING,
        "users",
        details.chosen("state", ManagerObstacle.choices),
    ),
    Event.REQUEST_REJECTED: Wording(_("Rejected"), STOPPED, "x", reason),
    Event.REQUEST_REDUCED: Wording(_("Single types were removed"), STOPPED, "x", details.types_and_reason),
    Event.REQUEST_RETURNED: Wording(_("The decision came back"), WAITING, "task"),
    Event.REQUEST_ESCALATED: Wording(_("Nobody had decided: other approvers were asked"), WAITING, "mail"),
    Event.REQUEST_LEFT_UNDECIDED: Wording(_("The administrators were told that nobody decides"), STOPPED),
    Event.REQUEST_STOPPED: Wording(
        _("It was stopped: the person's data have changed"), STOPPED, "pause", fields
    ),
    Event.REQUEST_RESUMED: Wording(
        _("It goes on: the person's data are as they were"), INFORMATION, "refresh"
    ),
    Event.REQUEST_APPROVAL_LOST: Wording(
        _("Who approved could not approve any more: another approver was asked"), WAITING, "task"
    ),
    Event.REQUEST_SENT_ROUND: Wording(
        _("It was started again with the person's new data"), INFORMATION, "refresh", fields
    ),
    Event.REQUEST_POSTPONED: Wording(_("The decision was postponed"), WAITING, "pause", moment("until")),
    Event.REQUEST_INVITED: Wording(_("The person was asked to accept the terms"), INFORMATION, "mail"),
    Event.REQUEST_ACCEPTED: Wording(_("The terms were accepted"), DONE, "paper"),
    Event.TERMS_ACCEPTED_AGAIN: Wording(_("A new version of the terms was accepted"), DONE, "paper"),
    Event.REQUEST_APPROVERS_REMINDED: Wording(_("The approvers were reminded"), icon="mail"),
    Event.REQUEST_REMINDED: Wording(_("An administrator reminded the person"), icon="mail"),
    Event.REQUEST_DECLINED: Wording(_("The terms were declined"), STOPPED, "x", reason),
    Event.REQUEST_LAPSED: Wording(
        _("The request lapsed: the terms were not accepted in time"), STOPPED, "clock"
    ),
    Event.REQUEST_CANCELLED: Wording(_("The request was cancelled"), STOPPED, "x", reason),
    Event.REQUEST_FAILED: Wording(_("The request failed"), STOPPED, "alert", details.failure),
    Event.REQUEST_RETRIED: Wording(_("An officer had it tried again"), INFORMATION, "refresh"),
    Event.REQUEST_REST_GIVEN: Wording(
        _("An officer issues the remaining certificates without what was refused"),
        INFORMATION,
        "play",
        reason,
    ),
    Event.REQUEST_REST_REVOKED: Wording(
        _("An officer had the remaining certificates revoked"), STOPPED, "x", reason
    ),
    Event.REQUEST_ISSUED: Wording(_("Everything is issued"), DONE, "certificate"),
    Event.REQUEST_COMPLETED: Wording(_("The request is completed"), DONE, "done"),
    Event.KEY_BOUND: Wording(_("A key was made for a certificate"), icon="key"),
    Event.ORDER_ASKED_AGAIN: Wording(
        _("An officer had the certificate authority asked again"),
        INFORMATION,
        "refresh",
        fact("order"),
    ),
    Event.ORDER_GIVEN_UP: Wording(_("An officer gave an order up"), STOPPED, "x", reason),
    Event.KEY_ERASED: Wording(_("The key was erased"), icon="trash"),
    Event.CERTIFICATE_ISSUED: Wording(_("A certificate was issued"), DONE, "certificate", fact("serial")),
    Event.CERTIFICATE_SHORTER: Wording(
        _("The certificate authority gave a shorter time than was ordered"),
        WAITING,
        "clock",
        moment("until"),
    ),
    Event.CERTIFICATE_REFUSED: Wording(_("A certificate was refused"), STOPPED, "alert", details.failure),
    Event.CERTIFICATE_REVOCATION_DECIDED: Wording(
        _("The revocation of a certificate was decided"), WAITING, "certificate", revocation
    ),
    Event.CERTIFICATE_REVOKED: Wording(
        _("The certificate was revoked"), STOPPED, "certificate", fact("serial")
    ),
    Event.REVOCATION_LEFT_TO_HANDS: Wording(
        _("The certificate has to be revoked at its authority by hand"),
        WAITING,
        "certificate",
        fact("serial"),
    ),
    Event.REVOKED_BY_PUBLIC_KEY: Wording(
        _("An administrator had every certificate with a public key revoked"), STOPPED, "lock", revocation
    ),
    Event.KEY_BLOCKED: Wording(
        _("A public key was blocked: nothing is issued or imported for it any more"),
        STOPPED,
        "lock",
        fact("public_key"),
    ),
    Event.CERTIFICATE_REVOKED_BY_HAND: Wording(
        _("An officer has revoked the certificate at its authority by hand"),
        STOPPED,
        "certificate",
        fact("serial"),
    ),
    Event.CERTIFICATE_HELD: Wording(
        _("The certificate was put on hold"), WAITING, "certificate", fact("serial")
    ),
    Event.CERTIFICATE_RELEASED: Wording(
        _("The certificate counts again"), DONE, "certificate", fact("serial")
    ),
    Event.CERTIFICATE_EXPIRED: Wording(
        _("The certificate has ended"), icon="certificate", detail=fact("serial")
    ),
    Event.TOKEN_SEALED: Wording(
        _("The token was sealed under a fresh passphrase"), INFORMATION, "file-key", _copies
    ),
    Event.TOKEN_SEALED_FOR_TARGETS: Wording(
        _("The keys of the token were sealed for its targets alone, without file and passphrase"),
        INFORMATION,
        "key",
        _copies,
    ),
    Event.TOKEN_AT_TARGETS: Wording(_("The keys arrived at the targets that deliver the token"), DONE, "key"),
    Event.TOKEN_DELIVERED: Wording(_("The file was delivered by mail"), DONE, "mail"),
    Event.TOKEN_DELIVERY_FAILED: Wording(
        _("The file could not be delivered"), STOPPED, "mail", fact("detail")
    ),
    Event.TOKEN_OFFERED: Wording(_("The way to the file was mailed"), INFORMATION, "mail"),
    Event.TOKEN_FILE_FETCHED: Wording(
        _("A file was fetched from Self-Service by its owner"), DONE, "download", fact("file")
    ),
    Event.TOKEN_SENT_AGAIN: Wording(_("The file is sent again"), INFORMATION, "send", _format),
    Event.TOKEN_LAPSED: Wording(_("The token lapsed"), STOPPED, "clock", reason),
    Event.TOKEN_HELD: Wording(_("The token was put on hold"), WAITING, "pause", reason),
    Event.TOKEN_REINSTATED: Wording(_("The token was reinstated"), DONE, "refresh"),
    Event.TOKEN_EXPIRED: Wording(_("The token has ended"), icon="clock"),
    Event.TOKEN_REVOKED: Wording(_("The token was revoked"), STOPPED, "lock", revocation),
    Event.TOKEN_REPLACED: Wording(_("The token was replaced by its renewal"), icon="refresh"),
    Event.FILE_NOT_ARRIVED: Wording(_("The file did not arrive"), WAITING, "mail", _problem),
    Event.FILE_ARRIVED: Wording(_("The file arrived after all"), DONE, "mail"),
    Event.DOWNLOAD_OPENED: Wording(
        _("An officer lets the owner fetch the file in Self-Service"), INFORMATION, "download", _problem
    ),
    Event.ARRIVAL_ANSWERED: Wording(
        _("An officer answered that the file did not arrive"), INFORMATION, "mail", reason
    ),
    Event.MAIL_DELAYED: Wording(_("A mail is delayed on its way"), WAITING, "mail", fact("error")),
    Event.TOKEN_INSTALLED: Wording(_("The person says that it is installed"), DONE, "check", _device),
    Event.INSTALLATION_TAKEN_BACK: Wording(
        _("The person takes back that it is installed"), WAITING, "x", _device
    ),
    Event.INSTALLATION_TOLD: Wording(
        _("The administrators were told that nobody has said that it is installed"), WAITING, "task"
    ),
    Event.INSTALLATION_LEFT: Wording(
        _("The token stays, though nobody has said that it is installed"), INFORMATION, "check", reason
    ),
    Event.NOT_INSTALLED: Wording(
        _("Nobody has said that it is installed, so it is revoked"), STOPPED, "clock"
    ),
    Event.HOLDER_CHANGED: Wording(
        _("The person is not any more who the token says"), WAITING, "user", fields
    ),
    Event.HOLDER_CHANGE_UNDONE: Wording(_("The person is again who the token says"), DONE, "user"),
    Event.HOLDER_CHANGE_LEFT: Wording(
        _("The token stays, though its person has changed"), INFORMATION, "user", reason
    ),
    Event.REPLACEMENT_ASKED: Wording(
        _("Tokens were revoked, to be replaced"), STOPPED, "refresh", details.chosen("cause", CAUSES)
    ),
    Event.RENEWAL_NOT_NEEDED: Wording(_("The person needs no renewal"), INFORMATION, "x", reason),
    Event.MAIL_BOUNCED: Wording(_("A mail came back"), STOPPED, "mail", fact("error")),
    Event.MAIL_COMPLAINED: Wording(_("A mail was reported as spam"), WAITING, "mail"),
    Event.MAIL_RETRIED: Wording(_("A mail is tried again"), INFORMATION, "send"),
    Event.MAIL_DISCARDED: Wording(_("A mail was discarded"), WAITING, "trash", reason),
    Event.PASSPHRASE_SHOWN: Wording(_("The passphrase was shown to its owner"), icon="eye"),
    Event.PASSPHRASE_ACKNOWLEDGED: Wording(_("The passphrase was noted"), DONE, "pen"),
    Event.PASSPHRASE_DESTROYED: Wording(_("The passphrase was destroyed"), icon="eye-off"),
}
