"""Wording of events about the recovery of archived keys."""

from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history.wording.shape import DONE, INFORMATION, STOPPED, Wording, fact, reason

WORDS: dict[Event, Wording] = {
    Event.RECOVERY_ASKED: Wording(_("A recovery of archived keys was asked for"), INFORMATION, "key", reason),
    Event.RECOVERY_APPROVED: Wording(_("A Recovery Officer agreed to the recovery"), DONE, "key", reason),
    Event.RECOVERY_REJECTED: Wording(_("A Recovery Officer rejected the recovery"), STOPPED, "x", reason),
    Event.RECOVERY_CONSENT_GIVEN: Wording(
        _("The owner agreed that somebody else gets their keys"), DONE, "check", fact("reference")
    ),
    Event.RECOVERY_CONSENT_REFUSED: Wording(
        _("The owner did not agree that somebody else gets their keys"), STOPPED, "x", fact("reference")
    ),
    Event.RECOVERY_BEGUN: Wording(_("The archived keys are being opened"), INFORMATION, "key"),
    Event.KEY_RECOVERED: Wording(
        _("An archived key was opened and put into new files"), STOPPED, "key", fact("public_key")
    ),
}
