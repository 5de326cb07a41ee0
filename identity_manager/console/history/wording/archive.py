"""Wording of events about the key archive."""

from functools import partial

from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history.wording.shape import (
    DONE,
    INFORMATION,
    STOPPED,
    WAITING,
    Wording,
    fact,
    listed,
    reason,
    rows,
)

_recovery = partial(Wording, icon="key", detail=fact("fingerprint"))
_export = partial(Wording, icon="key", detail=reason)

_import = partial(Wording, icon="upload", detail=reason)

WORDS: dict[Event, Wording] = {
    Event.KEY_ARCHIVED: Wording(_("A copy of the key was archived"), icon="key"),
    Event.ARCHIVED_KEY_REMOVED: Wording(_("An archived key was removed: its time is over"), STOPPED, "trash"),
    Event.ARCHIVE_EXPORT_ASKED: _export(_("An export of the archive was asked for"), WAITING),
    Event.ARCHIVE_EXPORT_CONFIRMED: _export(_("A second officer agreed to an export of the archive"), DONE),
    Event.ARCHIVE_EXPORT_WITHDRAWN: _export(_("An export of the archive was called off"), STOPPED),
    Event.ARCHIVE_EXPORTED: Wording(_("The archive was exported"), STOPPED, "key", rows),
    Event.RECOVERY_CERTIFICATE_BROUGHT_IN: _recovery(_("A recovery certificate was brought in"), WAITING),
    Event.RECOVERY_CERTIFICATE_CONFIRMED: _recovery(
        _("The fingerprint of a recovery certificate was confirmed once"), WAITING
    ),
    Event.RECOVERY_CERTIFICATE_IN_FORCE: _recovery(_("A recovery certificate is in force"), DONE),
    Event.RECOVERY_CERTIFICATE_RETIRED: _recovery(_("A recovery certificate was retired"), STOPPED),
    Event.KEYS_READDRESSED: Wording(
        _("Archived keys of a retired recovery certificate were sealed for those in force"), DONE, "key", rows
    ),
    Event.RECOVERY_KEY_DESTROYED: _recovery(
        _("A retired recovery key, for which nothing is sealed any more, was destroyed"), STOPPED
    ),
    Event.DRILL_BEGUN: _recovery(_("A recovery drill was begun"), WAITING),
    Event.DRILL_CONFIRMED: _recovery(_("A second officer agreed to a recovery drill"), WAITING),
    Event.DRILL_PROVED: _recovery(_("A recovery drill opened the canary key"), DONE),
    Event.DRILL_FAILED: _recovery(_("A recovery drill did not open the canary key"), STOPPED),
    Event.SHARE_GIVEN: Wording(_("A Recovery Officer gave their share"), INFORMATION, "key"),
    Event.SHARE_WRONG: Wording(_("A wrong share was given"), STOPPED, "alert"),
    Event.SHARE_ROUND_ENDED: Wording(_("The shares that were given were erased unused"), STOPPED, "trash"),
    Event.RECOVERY_OFFICERS_CHANGED: _recovery(
        _("The shares of a recovery key went to other officers"), INFORMATION
    ),
    Event.TOKEN_IMPORT_ASKED: _import(_("An import of tokens was asked for"), WAITING),
    Event.TOKEN_IMPORT_CONFIRMED: _import(_("A second officer agreed to an import of tokens"), DONE),
    Event.TOKEN_IMPORT_REFUSED: _import(_("An import of tokens was not confirmed"), STOPPED),
    Event.TOKEN_IMPORT_WITHDRAWN: _import(_("An import of tokens was withdrawn"), STOPPED),
    Event.TOKEN_IMPORT_FINISHED: _import(_("Tokens of another system were imported"), DONE),
    Event.TOKEN_IMPORTED: Wording(
        _("A token of another system was imported"), DONE, "upload", listed("serials")
    ),
}
