"""Wording of events of standing orders, and of groups that are made by hand."""

from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history.wording.shape import DONE, STOPPED, WAITING, Wording, fact
from identity_manager.ui.parts import Meaning

QUIET = Meaning.QUIET
_name = fact("name")
_group = fact("group")

WORDS: dict[Event, Wording] = {
    Event.STANDING_ORDER_MADE: Wording(_("A standing order was made"), WAITING, "list", _name),
    Event.STANDING_ORDER_CONFIRMED: Wording(
        _("A second officer put a standing order in force"), DONE, "check", _name
    ),
    Event.STANDING_ORDER_REFUSED: Wording(
        _("A second officer did not put a standing order in force"), STOPPED, "x", _name
    ),
    Event.STANDING_ORDER_PLANNED: Wording(
        _("A standing order has placed batch orders"), QUIET, "list", _name
    ),
    Event.STANDING_ORDER_STOPPED: Wording(_("A standing order was stopped"), STOPPED, "alert", _name),
    Event.STANDING_ORDER_ASKED: Wording(
        _("A stopped standing order is to go on, and waits for a second officer"), WAITING, "users", _name
    ),
    Event.STANDING_ORDER_PAUSED: Wording(_("A standing order was paused"), WAITING, "pause", _name),
    Event.STANDING_ORDER_RESUMED: Wording(_("A standing order went on"), QUIET, "list", _name),
    Event.STANDING_ORDER_ENDED: Wording(_("A standing order was ended"), STOPPED, "x", _name),
    Event.GROUP_MADE: Wording(_("A group was made by hand"), QUIET, "users", _name),
    Event.GROUP_MEMBER_ADDED: Wording(_("The person was put into a group by hand"), QUIET, "users", _group),
    Event.GROUP_MEMBER_REMOVED: Wording(_("The person was removed from a group by hand"), QUIET, "x", _group),
    Event.GROUP_ENDED: Wording(_("A group that was made by hand was ended"), STOPPED, "x", _name),
}
