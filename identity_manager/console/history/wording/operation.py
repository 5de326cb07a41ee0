"""Wording of events about the operation of the system."""

from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history import event_facts as details
from identity_manager.console.history.wording.shape import (
    INFORMATION,
    STOPPED,
    WAITING,
    Wording,
    fact,
    moment,
    rows,
)

_purpose = details.chosen("purpose", details.KEYS.items())

WORDS: dict[Event, Wording] = {
    Event.CATALOGUE_CHANGED: Wording(_("The catalogue was changed"), icon="list", detail=details.catalogue),
    Event.CONFIGURATION_IMPORTED: Wording(
        _("Drafts were made of a configuration file"), WAITING, "upload", fact("fingerprint")
    ),
    Event.LIST_EXPORTED: Wording(_("A list was exported"), INFORMATION, "download", details.exported),
    Event.SYSTEM_RESTORED: Wording(
        _("The system was restored from a backup"), INFORMATION, "retry", moment("made_at")
    ),
    Event.JOB_STARTED: Wording(_("A job was started by hand"), icon="play", detail=details.job),
    Event.ACCESS_DENIED: Wording(_("An officer was refused a page"), STOPPED, "lock", fact("path")),
    Event.EVIDENCE_TAKEN: Wording(_("A check file was taken from the audit log"), INFORMATION, "download"),
    Event.LOG_CHECKED: Wording(_("The audit log was checked"), INFORMATION, "shield", details.checked),
    Event.LOG_CUT: Wording(
        _("The oldest part of the audit log was removed"), INFORMATION, "trash", details.numbers
    ),
    Event.EVENTS_FORGOTTEN: Wording(_("Old sign-in events were removed"), icon="trash"),
    Event.FORGOTTEN: Wording(_("What happened here was removed after its time"), icon="trash"),
    Event.KEYS_ROTATED: Wording(_("A new key for secrets was made"), INFORMATION, "key", _purpose),
    Event.KEY_DESTROYED: Wording(_("An old key for secrets was destroyed"), INFORMATION, "trash", _purpose),
    Event.SECRETS_REWRAPPED: Wording(
        _("Secrets were wrapped under the new key"), icon="refresh", detail=rows
    ),
    Event.CONTAINERS_REMOVED: Wording(_("Files were removed after their time"), icon="trash", detail=rows),
    Event.MAILS_EMPTIED: Wording(_("Texts of old mails were removed"), icon="trash", detail=rows),
    Event.REQUESTS_EMPTIED: Wording(
        _("Personal details of old requests were removed"), icon="trash", detail=rows
    ),
}
