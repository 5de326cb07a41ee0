"""Help page "My file does not open": error messages of devices and programs, and what helps.

The messages are the devices' English ones. Sources: measured imports, and reports of users.
"""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from identity_manager.mail import install
from identity_manager.models import Container, Person, SoftwareToken
from identity_manager.ui import parts
from identity_manager.workflow.policy import devices as device_policy
from identity_manager.workflow.policy import permitted_actions
from selfservice.certificates.token_details import DEVICE_ICONS


@dataclass(frozen=True)
class InstallationProblem:
    """Error messages with meaning and remedy; without messages: for any message."""

    messages: tuple[str, ...]
    meaning: str | Promise
    remedy: str | Promise


TYPE_AGAIN = _(
    "Type the passphrase as Self-Service showed it: capital letters, hyphens included, no blank before or"
    " after it. It is not the password with which you sign in."
)
WRONG_PASSPHRASE = _("The passphrase is not the one of this file, or something is missing in it.")
SAID_OF_OTHER_FILES = _(
    "The device says this of every file that it cannot read, also with the right passphrase."
)
GET_THIS_FILE = _("Get the file for this device, as below. The passphrase stays the same.")
OR_OLDER_WINDOWS = _(
    "The passphrase is not the one of this file. Or Windows is older than Windows 10, version 1709, and"
    " cannot read this file."
)
THEN_OLD_WINDOWS = _(
    "Type the passphrase again, capital letters and hyphens included. If it is right, choose “Windows Server"
    " 2016 or older” above."
)
OR_OLDER_PHONE = _("The passphrase is not the one of this file. Or the device is older than you think.")
THEN_OLD_PHONE = _(
    "Type the passphrase again, capital letters and hyphens included. If it is right, choose the older"
    " version of the device above."
)
WINDOWS = ("The password you entered is incorrect.",)
APPLE_PHONE = ("The user name or passphrase you entered is not correct.",)
ANDROID = ("Wrong password",)
MAC = ("MAC verification failed during PKCS12 import (wrong password?)", "Invalid password")
MOZILLA = (
    "Failed to decode the file. Either it is not in PKCS #12 format, has been corrupted, or the password you"
    " entered was incorrect.",
)
# For programs whose messages are unknown.
ANY_REFUSAL = InstallationProblem((), SAID_OF_OTHER_FILES, GET_THIS_FILE)
TRY_AGAIN = InstallationProblem(MOZILLA, WRONG_PASSPHRASE, TYPE_AGAIN)

TROUBLES: dict[str, tuple[InstallationProblem, ...]] = {
    "windows": (InstallationProblem(WINDOWS, OR_OLDER_WINDOWS, THEN_OLD_WINDOWS),),
    "windows-old": (InstallationProblem(WINDOWS, SAID_OF_OTHER_FILES, GET_THIS_FILE),),
    "macos": (InstallationProblem(MAC, SAID_OF_OTHER_FILES, GET_THIS_FILE),),
    "iphone": (InstallationProblem(APPLE_PHONE, OR_OLDER_PHONE, THEN_OLD_PHONE),),
    "iphone-old": (InstallationProblem(APPLE_PHONE, SAID_OF_OTHER_FILES, GET_THIS_FILE),),
    "android": (InstallationProblem(ANDROID, OR_OLDER_PHONE, THEN_OLD_PHONE),),
    "android-old": (InstallationProblem(ANDROID, SAID_OF_OTHER_FILES, GET_THIS_FILE),),
    "linux": (
        InstallationProblem(
            ("SEC_ERROR_BAD_PASSWORD: The security password entered is incorrect.",),
            WRONG_PASSPHRASE,
            TYPE_AGAIN,
        ),
    ),
    "firefox": (TRY_AGAIN,),
    "thunderbird": (TRY_AGAIN,),
    "outlook": (InstallationProblem(WINDOWS, OR_OLDER_WINDOWS, THEN_OLD_WINDOWS),),
    "outlook-new": (InstallationProblem(WINDOWS, OR_OLDER_WINDOWS, THEN_OLD_WINDOWS),),
    "outlook-mobile": (ANY_REFUSAL,),
    "outlook-mac": (InstallationProblem(MAC, SAID_OF_OTHER_FILES, GET_THIS_FILE),),
    "mail-mac": (InstallationProblem(MAC, SAID_OF_OTHER_FILES, GET_THIS_FILE),),
    "mail-iphone": (InstallationProblem(APPLE_PHONE, OR_OLDER_PHONE, THEN_OLD_PHONE),),
    "gmail": (ANY_REFUSAL,),
    "samsung": (InstallationProblem(ANDROID, SAID_OF_OTHER_FILES, GET_THIS_FILE),),
}
# Messages of programs that are not in install.DEVICES, by the program's name.
PROGRAMS: tuple[InstallationProblem, ...] = (
    InstallationProblem(
        (
            "Mac verify error: invalid password?",
            "could not parse PKCS12 file, check password",
            "keystore password was incorrect",
            "mac verify failure",
            "The Message Authentication Code verification failed.",
        ),
        _("OpenSSL, curl, Java, Node and GnuTLS say this when the passphrase is wrong."),
        TYPE_AGAIN,
    ),
    InstallationProblem(
        ("unknown digest algorithm: 2.16.840.1.101.3.4.2.1",),
        _("A program written in Go with an old library: it reads the older kind of file alone."),
        _("Get the file for “Windows Server 2016 or older”. The passphrase stays the same."),
    ),
)


def devices(chosen: install.Device | None) -> list[parts.Device]:
    """The devices to choose from."""
    page = reverse("selfservice:file-help")
    return [
        parts.Device(each.name, DEVICE_ICONS[each.code], f"{page}?device={each.code}#device", each is chosen)
        for each in install.DEVICES
    ]


def of_token(token: SoftwareToken) -> list[install.Device]:
    """Devices that read the mailed file: those that the person named, else all that read its format."""
    named = install.chosen(token.request.devices)
    mailed = install.format_of(token)
    fitting = named or [each for each in install.DEVICES if each.container_format.value == mailed]
    return [install.for_token(each, token) for each in fitting]


def named_last(person: Person) -> list[install.Device]:
    """The devices that the person named last, the default for files of further tokens."""
    return install.chosen(device_policy.last_choice(person.pk))


def cards() -> list[tuple[str, parts.Card]]:
    """The devices as cards with check boxes."""
    return [(each.code, parts.Card(each.name, icon=DEVICE_ICONS[each.code])) for each in install.DEVICES]


def tokens(person: Person) -> list[SoftwareToken]:
    """The person's tokens whose file can be sent or fetched, newest first."""
    rows = SoftwareToken.objects.filter(person=person).select_related("token_type").order_by("-created_at")
    rows = rows.filter(Exists(Container.objects.filter(token=OuterRef("pk"))))
    return [row for row in rows.defer("passphrase_wrapped", "snapshot") if permitted_actions.can_be_sent(row)]
