"""Wording of events about persons, roles, accounts and sign-in."""

from django.utils.translation import gettext_lazy as _

from identity_manager.audit import Event
from identity_manager.console.history import event_facts as details
from identity_manager.console.history.wording.shape import (
    DONE,
    STOPPED,
    WAITING,
    Wording,
    fields,
    reason,
    revocation,
)
from identity_manager.models import Role
from identity_manager.models.words import Vocabulary
from identity_manager.ui.punctuation import labelled

_role = details.chosen("role", Role.choices)
_FACTORS = (("app", _("Authenticator app")), ("passkey", _("Passkey")))

_GROUP_CHANGES = Vocabulary(
    "changes of groups",
    {
        "made": _("made"),
        "deleted": _("deleted"),
        "added": _("member added"),
        "removed": _("member removed"),
    },
    unknown="",
)


def _group_change(facts: details.Facts) -> str:
    return labelled(facts.get("group", ""), _GROUP_CHANGES.in_words(str(facts.get("state"))))


WORDS: dict[Event, Wording] = {
    Event.PERSON_CREATED: Wording(_("The person was entered"), icon="user-plus"),
    Event.PERSON_CHANGED: Wording(_("The person's record was changed"), icon="edit", detail=fields),
    Event.PERSON_ACTIVATED: Wording(_("The person was activated"), DONE, "user-done"),
    Event.PERSON_DEACTIVATED: Wording(_("The person was deactivated"), WAITING, "pause", reason),
    Event.PERSON_LOCKED: Wording(_("The person was locked for good"), STOPPED, "lock", revocation),
    Event.IDENTITY_CHANGE_ASKED: Wording(_("A change of identity was asked for"), WAITING, "edit", fields),
    Event.IDENTITY_CHANGE_CONFIRMED: Wording(
        _("The change of identity was confirmed by a second officer"), DONE, "check", fields
    ),
    Event.IDENTITY_CHANGE_REFUSED: Wording(
        _("The change of identity was not confirmed"), STOPPED, "x", reason
    ),
    Event.IDENTITY_CHANGE_WITHDRAWN: Wording(_("The change of identity was withdrawn"), STOPPED, "x", reason),
    Event.IMPORT_ASKED: Wording(_("An import waits for a second officer"), icon="upload"),
    Event.IMPORT_CONFIRMED: Wording(_("An import was confirmed"), icon="upload"),
    Event.IMPORT_REFUSED: Wording(_("An import was not confirmed"), icon="upload"),
    Event.IMPORT_WITHDRAWN: Wording(_("An import was withdrawn"), icon="upload"),
    Event.PERSONS_IMPORTED: Wording(_("Persons were imported"), icon="upload"),
    Event.ROLE_ASSIGNED: Wording(_("A role was assigned"), icon="shield", detail=_role),
    Event.DEPUTY_ASSIGNED: Wording(_("A deputy was assigned"), icon="users", detail=details.deputy),
    Event.DEPUTY_ENDED: Wording(_("A deputy was ended early"), STOPPED, "users", details.deputy),
    Event.APPROVER_GROUP_CHANGED: Wording(
        _("An approver group was changed"), icon="users", detail=_group_change
    ),
    Event.ROLE_ENDED: Wording(_("A role ended on its last day"), icon="shield", detail=_role),
    Event.ROLE_CONFIRMED: Wording(_("A role was confirmed"), DONE, "shield", _role),
    Event.ROLE_NOT_CONFIRMED: Wording(
        _("A role ended, because nobody confirmed it"), STOPPED, "shield", _role
    ),
    Event.RECERTIFICATION_OPENED: Wording(_("A recertification of roles began"), WAITING, "shield"),
    Event.RECERTIFICATION_ENDED: Wording(_("A recertification of roles ended"), icon="shield"),
    Event.ROLE_REFUSED: Wording(_("Single sign-on could not change a role"), STOPPED, "shield", _role),
    Event.ROLE_WITHDRAWN: Wording(_("A role was withdrawn"), icon="shield", detail=_role),
    Event.SIGNED_IN: Wording(_("Signed in"), icon="user"),
    Event.SIGN_IN_FAILED: Wording(_("A sign-in failed"), STOPPED, "alert"),
    Event.ACCOUNT_CREATED: Wording(
        _("The account was made"), icon="user-plus", detail=details.for_emergencies
    ),
    Event.PASSWORD_SET: Wording(_("The password was set"), icon="lock"),
    Event.ACCOUNT_LINKED: Wording(_("Linked to single sign-on"), icon="link", detail=details.provider),
    Event.BREAK_GLASS_SIGNED_IN: Wording(_("Signed in by the emergency account"), STOPPED, "alert"),
    Event.SESSIONS_ENDED: Wording(_("Signed out elsewhere"), icon="sign-out"),
    Event.SECOND_FACTOR_ADDED: Wording(
        _("A second factor was added"), DONE, "shield", details.chosen("kind", _FACTORS)
    ),
    Event.SECOND_FACTOR_RENAMED: Wording(_("A passkey was renamed"), icon="shield"),
    Event.SECOND_FACTOR_REMOVED: Wording(
        _("A second factor was removed"), WAITING, "shield", details.chosen("kind", _FACTORS)
    ),
    Event.SECOND_FACTORS_RESET: Wording(_("All second factors were removed"), STOPPED, "shield"),
    Event.RECOVERY_CODES_MADE: Wording(_("Recovery codes were made and shown once"), icon="key"),
    Event.RECOVERY_CODE_USED: Wording(_("A recovery code was used"), WAITING, "key"),
    Event.SIGN_IN_CODE_ASKED: Wording(_("A sign-in code was asked for"), WAITING, "key"),
    Event.SIGN_IN_CODE_CONFIRMED: Wording(
        _("The sign-in code was confirmed by a second officer"), icon="key"
    ),
    Event.SIGN_IN_CODE_MADE: Wording(_("A sign-in code was made and shown once"), icon="key"),
    Event.SIGN_IN_CODE_WITHDRAWN: Wording(_("A sign-in code was withdrawn"), STOPPED, "key"),
    Event.SIGN_IN_CODE_USED: Wording(_("The sign-in code was used"), DONE, "key"),
    Event.ERASURE_ASKED: Wording(_("The erasure of the person was asked for"), WAITING, "trash"),
    Event.ERASURE_WITHDRAWN: Wording(_("The erasure of the person was called off"), icon="x"),
    Event.PERSON_DATA_TAKEN: Wording(
        _("All that is kept about the person was printed for them"), icon="printer"
    ),
    Event.PERSON_ERASED: Wording(_("A person was erased"), STOPPED, "trash"),
}
