"""Wording of events of clients of the API."""

from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history.wording.shape import DONE, STOPPED, WAITING, Wording

WORDS: dict[Event, Wording] = {
    Event.API_CLIENT_MADE: Wording(_("A client of the API was made"), WAITING, "key"),
    Event.API_CLIENT_CONFIRMED: Wording(
        _("A second System Administrator confirmed a client of the API"), DONE, "check"
    ),
    Event.API_CLIENT_REVOKED: Wording(_("A client of the API was revoked"), STOPPED, "x"),
}
