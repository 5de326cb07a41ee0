"""Content of the help page of Self-Service: short answers with links to the pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from identity_manager.models.words import Words


@dataclass(frozen=True)
class Section:
    """One answer. anchor: fragment id. url_name, action: page of the link, and its text."""

    anchor: str
    icon: str
    title: Words
    lines: Sequence[Words]
    url_name: str = ""
    action: Words = ""


SECTIONS = (
    Section(
        "token",
        "token",
        _("What a software token is"),
        (
            _(
                "A software token is a file with one or more certificates and their private keys."
                " With it your"
                " devices prove who you are: they sign in to networks, sign mails, or read encrypted ones."
            ),
            _(
                "Somebody enables one for you, or you ask for it. Then you accept the terms, note"
                " the passphrase"
                " here, and get the file by mail. What waits for you stands in Open Tasks."
            ),
        ),
        "selfservice:open-tasks",
        _("Open Tasks"),
    ),
    Section(
        "passphrase",
        "key",
        _("The passphrase"),
        (
            _(
                "The file opens with its passphrase: 25 capital letters and digits in five groups,"
                " with hyphens."
                " It is shown here until you confirm that you have it; then it is destroyed."
            ),
            _(
                "Nobody else knows it, and nobody can show it again. We never mail it, and nobody"
                " from the help"
                " desk asks for it. If you have lost it, you get a new token."
            ),
        ),
        "selfservice:forgotten-passphrase",
        _("I have forgotten the passphrase"),
    ),
    Section(
        "install",
        "laptop",
        _("Install it on a device"),
        (
            _("Open the token under Certificates and choose your device: you see the steps, one by one."),
            _(
                "The file may go onto several of your own devices, with the same passphrase. Some"
                " older devices"
                " need another file; you get that there, too."
            ),
            _("When it works, say so there: you are then not asked about it again."),
        ),
        "selfservice:file-help",
        _("My file does not open"),
    ),
    Section(
        "renew",
        "refresh",
        _("Renew it"),
        (
            _(
                "Certificates end on a day. Before that day you get a mail, and the token stands in"
                " Open Tasks"
                " with what you can do."
            ),
            _(
                "Renew it in time and install the new file. Keep the old one if it decrypts mails:"
                " older mails"
                " still need it."
            ),
        ),
        "selfservice:renewals",
        _("Renew"),
    ),
    Section(
        "lost",
        "lock",
        _("A device is lost, or somebody else knows the passphrase"),
        (
            _(
                "Have the certificates revoked at once: from then on others do not trust them any more. It"
                " cannot be undone, and that is better than waiting."
            ),
            _(
                "Then replace what you still need. Mails that were encrypted for you stay readable"
                " with the old"
                " file, or with a copy of its key where your organisation keeps one."
            ),
        ),
        "selfservice:revoke-all",
        _("Revoke everything"),
    ),
    Section(
        "sign-in",
        "user",
        _("Sign-in"),
        (
            _(
                "For the first time you sign in with a code that your Registration Officer gives"
                " you. After that"
                " you choose how: a password, a passkey, or your organisation's own sign-in."
            ),
            _("Under Your account you change it, add a second factor, and see where you are signed in."),
        ),
        "account",
        _("Your account"),
    ),
)
