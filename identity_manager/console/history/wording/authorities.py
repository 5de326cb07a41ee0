"""Wording of events about certificate authorities."""

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

WORDS: dict[Event, Wording] = {
    Event.SURPLUS_FOUND: Wording(
        _("Its authority has issued what is not used: it is revoked, and delivered to nobody"),
        STOPPED,
        "certificate",
        fact("serial"),
    ),
    Event.SURPLUS_REVOKED: Wording(
        _("What its authority had issued and is not used was revoked there"),
        STOPPED,
        "certificate",
        fact("serial"),
    ),
    Event.SURPLUS_LEFT_TO_HANDS: Wording(
        _("What was issued and is not used has to be revoked at its authority by hand"),
        WAITING,
        "certificate",
        fact("serial"),
    ),
    Event.SURPLUS_REVOKED_BY_HAND: Wording(
        _("An officer has revoked at its authority by hand what was issued and is not used"),
        STOPPED,
        "certificate",
        fact("serial"),
    ),
    Event.CA_MADE: Wording(_("The certificate authority was made"), INFORMATION, "server", fact("issuer")),
    Event.ISSUING_CA_REQUESTED: Wording(
        _("The next issuing CA was asked of another root"), INFORMATION, "server", fact("ca")
    ),
    Event.ISSUING_CA_ROLLED: Wording(_("A new issuing CA issues"), INFORMATION, "server", fact("issuer")),
    Event.ISSUING_CA_REVOKED: Wording(
        _("A former issuing CA was revoked, and all that it issued"),
        STOPPED,
        "server",
        fact("issuer"),
    ),
    Event.ROOT_CRL_SIGNED: Wording(
        _("The root's revocation list was signed"), INFORMATION, "server", fact("ca")
    ),
    Event.ROOT_TAKEN_OFFLINE: Wording(
        _("The root's key was moved elsewhere, and its revocation list signed"),
        INFORMATION,
        "server",
        fact("ca"),
    ),
    Event.CA_PASSPHRASE_ADDED: Wording(
        _("The keys of a CA open with a new passphrase, too"), INFORMATION, "server", fact("ca")
    ),
    Event.CA_PASSPHRASE_CHANGED: Wording(
        _("The keys of a CA open with the new passphrase alone"), INFORMATION, "server", fact("ca")
    ),
    Event.CA_TESTED: Wording(_("A CA connection was tested"), icon="server", detail=fact("ca")),
    Event.CA_COMPARED: Wording(_("A CA was compared with the database"), INFORMATION, "server", fact("ca")),
    Event.CA_NOT_COMPARED: Wording(
        _("A CA cannot be compared with the database"), WAITING, "server", fact("ca")
    ),
    Event.FOUND_ADOPTED: Wording(
        _("An officer adopted what the CA had issued and the database had lost"),
        DONE,
        "certificate",
        fact("serial"),
    ),
    Event.FOUND_REVOCATION_DECIDED: Wording(
        _("An officer has what was found at the CA revoked"), STOPPED, "certificate", fact("serial")
    ),
    Event.FOUND_REVOKED: Wording(
        _("What was found at the CA is revoked there"), STOPPED, "certificate", fact("serial")
    ),
    Event.FOUND_LEFT_TO_HANDS: Wording(
        _("What was found at the CA has to be revoked there by hand"),
        WAITING,
        "certificate",
        fact("serial"),
    ),
    Event.FOUND_REVOKED_BY_HAND: Wording(
        _("An officer has revoked at the CA by hand what was found there"),
        STOPPED,
        "certificate",
        fact("serial"),
    ),
    Event.FOUND_LEFT: Wording(
        _("An officer left as it is what was found at the CA"), icon="certificate", detail=fact("serial")
    ),
    Event.CA_SILENT: Wording(
        _("A certificate authority does not answer: its orders wait"), STOPPED, "server", fact("ca")
    ),
    Event.CA_ANSWERS_AGAIN: Wording(
        _("A certificate authority answers again: its orders go on"), DONE, "server", fact("ca")
    ),
}
