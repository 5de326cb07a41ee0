"""Wording of events of targets: which types they are for, and what was put there and taken back."""

from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history.wording.shape import DONE, STOPPED, WAITING, Wording, fact, reason

target = fact("target")

WORDS: dict[Event, Wording] = {
    Event.TARGET_USE_ASKED: Wording(
        _("A target was to be switched on for a token type"), WAITING, "server", target
    ),
    Event.TARGET_USE_CONFIRMED: Wording(
        _("A second System Administrator switched a target on"), DONE, "check", target
    ),
    Event.TARGET_USE_REFUSED: Wording(
        _("A second System Administrator did not switch a target on"), STOPPED, "x", reason
    ),
    Event.TARGET_USE_WITHDRAWN: Wording(
        _("A target is not to be switched on any more"), STOPPED, "x", target
    ),
    Event.TARGET_USE_ENDED: Wording(_("A target was switched off for a token type"), STOPPED, "x", target),
    Event.TARGET_TESTED: Wording(_("A target was tested"), icon="server", detail=target),
    Event.TARGET_SURVEYED: Wording(_("A target was compared with the journal"), icon="search", detail=target),
    Event.KEY_SEALED_FOR_TARGET: Wording(
        _("A copy of the key was sealed for a target"), WAITING, "key", target
    ),
    Event.KEY_HANDED_OVER: Wording(_("A copy of the key arrived at a target"), DONE, "key", target),
    Event.PLACEMENT_ADDED: Wording(_("A certificate was published"), DONE, "upload", target),
    Event.PLACEMENT_NOT_OURS: Wording(
        _("A certificate was at a target before us, and is not ours there"), icon="information", detail=target
    ),
    Event.PLACEMENT_REFUSED: Wording(_("A target refused a certificate"), STOPPED, "alert", target),
    Event.PLACEMENT_PARKED: Wording(
        _("Nobody knows whether a certificate is at a target"), WAITING, "alert", target
    ),
    Event.PLACEMENT_TAKEN_BACK: Wording(_("A published certificate was taken back"), icon="x", detail=target),
    Event.PLACEMENT_VANISHED: Wording(
        _("Somebody else removed a published certificate"), STOPPED, "alert", target
    ),
    Event.PLACEMENT_REPEATED: Wording(_("A certificate is to be published again"), WAITING, "upload", target),
    Event.PLACEMENT_GIVEN_UP: Wording(
        _("An officer said that a certificate is not at a target"), icon="x", detail=target
    ),
}
