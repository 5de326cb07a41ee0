"""Wording of events of directory sources."""

from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history.wording.shape import DONE, STOPPED, WAITING, Wording, reason

WORDS: dict[Event, Wording] = {
    Event.DIRECTORY_RUN_ASKED: Wording(_("A directory was to be read at once"), icon="play"),
    Event.DIRECTORY_RUN_STOPPED: Wording(_("A directory run was stopped"), STOPPED, "alert"),
    Event.DIRECTORY_RUN_LET_GO_ON: Wording(
        _("A first officer lets a stopped directory run go on"), WAITING, "check"
    ),
    Event.DIRECTORY_RUN_CONFIRMED: Wording(
        _("A second officer lets a stopped directory run go on"), DONE, "check"
    ),
    Event.DIRECTORY_RUN_DROPPED: Wording(_("A stopped directory run was dropped"), STOPPED, "x", reason),
    Event.DIRECTORY_RUN_DONE: Wording(_("A directory run has changed persons"), icon="upload"),
    Event.SCIM_CLIENT_MADE: Wording(_("A token for a SCIM client was made and shown once"), WAITING, "key"),
    Event.SCIM_CLIENT_CONFIRMED: Wording(
        _("A second System Administrator confirmed a SCIM client"), DONE, "check"
    ),
    Event.SCIM_CLIENT_REVOKED: Wording(_("The token of a SCIM client was revoked"), STOPPED, "x"),
    Event.DIRECTORY_LINK_CUT: Wording(_("The link to an account that is gone was ended"), icon="link"),
}
