"""Installation instructions per kind of device, shared by the mails and Self-Service.

Sources: measured imports and vendors' guides; `compatible` is the format for older devices.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.pkcs12.writer import ContainerFormat
from identity_manager.models import SoftwareToken


@dataclass(frozen=True)
class Device:
    """A kind of device, the format that it reads, and at most six steps."""

    code: str
    name: str | Promise
    container_format: ContainerFormat
    steps: tuple[str | Promise, ...]


STANDARD, COMPATIBLE = ContainerFormat.STANDARD, ContainerFormat.COMPATIBLE

WINDOWS_STEPS = (
    _("Save the file and double-click it. Choose “Current User”, then “Next”."),
    _("Enter the passphrase, hyphens included. Leave “Mark this key as exportable” off."),
    _("Choose “Automatically select the certificate store”, then “Finish”."),
    _("Restart the browser, and delete the file."),
)
MACOS_STEPS = (
    _("Save the file and double-click it. Keychain Access opens."),
    _("Choose the keychain “login” (not “iCloud” or “System”)."),
    _("Enter the passphrase, hyphens included."),
    _("Delete the file. Safari, Mail and Chrome use the certificate from now on."),
)
IPHONE_STEPS = (
    _("Open the file in Mail or Files. “Profile Downloaded” appears."),
    _("Go to Settings › General › VPN & Device Management, and choose the profile."),
    _("Tap “Install”, and enter the device code."),
    _("Enter the passphrase, hyphens included. Delete the file, if you have saved it."),
)
ANDROID_STEPS = (
    _("Set a screen lock, if there is none. Save the file."),
    _("Go to Settings › Security & privacy › More › Encryption & credentials › Install a certificate."),
    _("Choose “VPN & app user certificate”, and select the file."),
    _("Enter the passphrase, hyphens included, and give the certificate a name."),
    _("Delete the file."),
)

DEVICES = (
    Device("windows", _("Windows 10 or 11"), STANDARD, WINDOWS_STEPS),
    Device("windows-old", _("Windows Server 2016 or older"), COMPATIBLE, WINDOWS_STEPS),
    Device("macos", _("Mac (Keychain)"), COMPATIBLE, MACOS_STEPS),
    Device("iphone", _("iPhone or iPad, iOS 18 or newer"), STANDARD, IPHONE_STEPS),
    Device("iphone-old", _("iPhone or iPad, iOS 17 or older"), COMPATIBLE, IPHONE_STEPS),
    Device("android", _("Android 14 or newer"), STANDARD, ANDROID_STEPS),
    Device("android-old", _("Android 13 or older"), COMPATIBLE, ANDROID_STEPS),
    Device(
        "linux",
        _("Linux: Chrome, Chromium"),
        STANDARD,
        (
            _("Open chrome://certificate-manager, then “Your certificates”."),
            _("Choose “View imported certificates from Linux”."),
            _("Choose “Import”, and select the file."),
            _("Enter the passphrase, hyphens included. Delete the file."),
        ),
    ),
    Device(
        "firefox",
        _("Firefox"),
        STANDARD,
        (
            _("Open Settings › Privacy & Security › Certificates › View Certificates."),
            _("On “Your Certificates”, choose “Import”, and select the file."),
            _("Enter the passphrase, hyphens included. Delete the file."),
        ),
    ),
    Device(
        "thunderbird",
        _("Thunderbird"),
        STANDARD,
        (
            _("Open Settings › Privacy & Security › Manage Certificates."),
            _("On “Your Certificates”, choose “Import”, select the file, and enter the passphrase."),
            _("Open Account Settings › End-to-End Encryption › S/MIME, and select the certificate."),
            _("Delete the file."),
        ),
    ),
    Device(
        "outlook",
        _("Outlook (classic) on Windows"),
        STANDARD,
        (
            *WINDOWS_STEPS[:3],
            _(
                "In Outlook, open File › Options › Trust Center › Trust Center Settings › Email Security ›"
                " Settings."
            ),
            _("Choose the certificate for signing and for encryption, SHA-256 and AES-256."),
            _("Delete the file."),
        ),
    ),
)

# Devices in the delivery mail; Self-Service has all.
IN_MAILS = ("windows", "macos", "iphone", "android", "firefox")


def device(code: str) -> Device | None:
    """The device of that code."""
    return next((each for each in DEVICES if each.code == code), None)


def chosen(codes: str) -> list[Device]:
    """The devices of these codes, as a request keeps them; codes of former releases are left out."""
    wanted = codes.split()
    return [each for each in DEVICES if each.code in wanted]


def reads(device: Device, container_format: str) -> bool:
    """Whether the device opens files of that format: every device opens the compatible one."""
    return container_format in (COMPATIBLE.value, device.container_format.value)


def format_for(devices: Iterable[Device]) -> str:
    """The one format that all of these devices read, and the stronger one if it is; empty for none."""
    formats = {each.container_format for each in devices}
    if not formats:
        return ""
    return (COMPATIBLE if COMPATIBLE in formats else STANDARD).value


def format_of(token: SoftwareToken) -> str:
    """In which format the files of a token are mailed where nobody asks for another one."""
    return format_for(chosen(token.request.devices)) or token.container_format
