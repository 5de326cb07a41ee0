"""Wording of events about other systems that are told of the audit log."""

from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history.wording.shape import INFORMATION, Wording, fact

WORDS: dict[Event, Wording] = {
    Event.SIEM_RESENT: Wording(
        _("Audit events were sent to a SIEM again"), INFORMATION, "send", fact("sink")
    ),
}
