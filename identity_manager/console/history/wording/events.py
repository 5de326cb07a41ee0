"""Wording of events about other systems that are told of the audit log."""

from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history.wording.shape import (
    DONE,
    INFORMATION,
    STOPPED,
    WAITING,
    Wording,
    fact,
)

_endpoint = fact("endpoint")
WORDS: dict[Event, Wording] = {
    Event.SIEM_RESENT: Wording(
        _("Audit events were sent to a SIEM again"), INFORMATION, "send", fact("sink")
    ),
    Event.WEBHOOK_MADE: Wording(_("A webhook was made"), WAITING, "send", _endpoint),
    Event.WEBHOOK_CONFIRMED: Wording(
        _("A second System Administrator confirmed a webhook"), DONE, "check", _endpoint
    ),
    Event.WEBHOOK_STOPPED: Wording(_("A webhook was stopped"), STOPPED, "x", _endpoint),
    Event.WEBHOOK_KEY_CHANGED: Wording(_("The key of a webhook was changed"), INFORMATION, "key", _endpoint),
    Event.WEBHOOK_TESTED: Wording(_("A test was sent to a webhook"), icon="send", detail=_endpoint),
    Event.WEBHOOK_REPLAYED: Wording(_("Events were sent to a webhook again"), INFORMATION, "send", _endpoint),
    Event.WEBHOOK_GONE: Wording(_("A webhook's receiver wants no more"), STOPPED, "x", _endpoint),
}
