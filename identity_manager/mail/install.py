"""Installation instructions per kind of device, shared by the mails and Self-Service.

Sources: measured imports and vendors' guides; `compatible` is the format for older devices.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.pkcs12.writer import ContainerFormat
from identity_manager.models import KeyHolder, Placement, SoftwareToken


@dataclass(frozen=True)
class Device:
    """A kind of device or program: the container format that it reads, and at most six steps.

    needs: prerequisites that the organisation sets up.  tried: program and version in which the import was
    tested; empty if the steps come from the vendor's guide.  fips_program: program of
    docs/reference/interoperability.md by which it reads PBMAC1; empty if it does not.
    profile_steps: steps with a configuration profile, if it takes one.  creates_mail_account: the profile may
    contain a mail account with S/MIME switched on (not on a Mac).  brought_by: kind of target that delivers
    the key there, without manual steps.
    """

    code: str
    name: str | Promise
    container_format: ContainerFormat
    steps: tuple[str | Promise, ...]
    profile_steps: tuple[str | Promise, ...] = ()
    creates_mail_account: bool = False
    needs: str | Promise = ""
    tried: str = ""
    fips_program: str = ""
    brought_by: str = ""


@dataclass(frozen=True)
class Unable:
    """A program that cannot use the certificates, with alternatives."""

    name: str | Promise
    sentence: str | Promise


STANDARD, COMPATIBLE, FIPS = ContainerFormat.STANDARD, ContainerFormat.COMPATIBLE, ContainerFormat.FIPS

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
MAC_PROFILE_STEPS = (
    _("Open the profile that you fetched. macOS says that it was downloaded."),
    _(
        "Open System Settings › General › Device Management (before macOS 15: Privacy & Security › Profiles),"
        " and double-click the profile."
    ),
    _("Choose “Install”, and enter the passphrase, hyphens included, once for each certificate."),
    _("Delete the file. Safari, Mail and Chrome use the certificates from now on."),
)
IPHONE_PROFILE_STEPS = (
    _("Open this page in Safari on the device, fetch the profile, and tap “Allow”."),
    _("Go to Settings › Profile Downloaded, or General › VPN & Device Management, and choose the profile."),
    _("Tap “Install”, and enter the device code."),
    _("Enter the passphrase, hyphens included, once for each certificate. Tap “Done”."),
)
ANDROID_STEPS = (
    _("Set a screen lock, if there is none. Save the file."),
    _("Go to Settings › Security & privacy › More › Encryption & credentials › Install a certificate."),
    _("Choose “VPN & app user certificate”, and select the file."),
    _("Enter the passphrase, hyphens included, and give the certificate a name."),
    _("Delete the file."),
)

DELETE = _("Delete the file.")
APPLE_MAIL = _("Restart Mail. When you write from the address in the certificate, a lock and a seal appear.")
IPHONE_MAIL = _(
    "Open Settings › Apps › Mail › Mail Accounts › your account › Account Settings › Advanced, and switch on"
    " “Sign” and “Encrypt by Default”."
)
OUTLOOK_NEW_STEPS = (
    *WINDOWS_STEPS[:3],
    _("In Outlook, open Settings › Mail › S/MIME. On the web, install the extension if it asks for it."),
    _("Switch on signing and encryption there, or choose them for each message under Options."),
    DELETE,
)
OUTLOOK_MOBILE_STEPS = (
    _("If the mail with the file is in another mailbox, send the file to the one that Outlook shows."),
    _("On the device, open the attachment in Outlook itself, not in another app."),
    _("Enter the passphrase, hyphens included, and install the certificate."),
    _("Open Settings › your account › Security, and switch on S/MIME."),
    _("Delete the file, and the mail with which you sent it to yourself."),
)
OUTLOOK_MAC_STEPS = (
    *MACOS_STEPS[:3],
    _("In Outlook, open Outlook › Settings › Accounts › your account › Security."),
    _("Choose the certificate for signing and for encryption."),
    DELETE,
)
GMAIL_STEPS = (
    _("Open Gmail in a browser: Settings › See all settings › Accounts."),
    _("At “Send mail as”, choose “Edit info” beside your address, then “Upload a personal certificate”."),
    _("Select the file, and enter the passphrase, hyphens included."),
    _("Delete the file. Gmail on your phone uses the certificate, too."),
)
SAMSUNG_STEPS = (
    _("Save the file on the device. In Samsung Email, open Settings › your account › Security options."),
    _("Open the email certificates, choose to install one, and select the file."),
    _("Enter the passphrase, hyphens included, and choose the certificate."),
    _("Switch on signing and encryption there."),
    DELETE,
)
EXCHANGE = _(
    "An Exchange account in a tenant that trusts your organisation's root (its SST file); on the web, the"
    " S/MIME extension allowed by policy. It does not go together with sensitivity labels."
)
EXCHANGE_MOBILE = _(
    "Exchange Online in a tenant that trusts your organisation's root (its SST file), a revocation list that"
    " the device can fetch, and a certificate with the main address of the account. Outlook does not see what"
    " lies in the keychain of iOS or came with a profile."
)
WORKSPACE = _(
    "Google Workspace with hosted S/MIME, your organisation's root in its Admin console, and a certificate"
    " authority between the root and your certificate. Google then keeps your key."
)

BY_ITSELF = (
    _(
        "You have nothing to do by hand: your organisation gives the key to Google, as the terms say, and"
        " Gmail uses it on the web and on your phone."
    ),
)

DEVICES = (
    Device("windows", _("Windows 10 or 11"), STANDARD, WINDOWS_STEPS),
    Device("windows-old", _("Windows Server 2016 or older"), COMPATIBLE, WINDOWS_STEPS),
    Device("macos", _("Mac (Keychain)"), COMPATIBLE, MACOS_STEPS, MAC_PROFILE_STEPS),
    Device(
        "iphone",
        _("iPhone or iPad, iOS 18 or newer"),
        STANDARD,
        IPHONE_STEPS,
        IPHONE_PROFILE_STEPS,
        creates_mail_account=True,
    ),
    Device(
        "iphone-old",
        _("iPhone or iPad, iOS 17 or older"),
        COMPATIBLE,
        IPHONE_STEPS,
        IPHONE_PROFILE_STEPS,
        creates_mail_account=True,
    ),
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
        tried="Chromium 156",
        fips_program="NSS pk12util",
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
        tried="Firefox 153 ESR",
        fips_program="NSS pk12util",
    ),
    Device(
        "thunderbird",
        _("Thunderbird"),
        STANDARD,
        (
            _("Open Settings › Privacy & Security › Manage Certificates."),
            _("On “Your Certificates”, choose “Import”, select the file, and enter the passphrase."),
            _("Open Account Settings › End-to-End Encryption › S/MIME, and select the certificate."),
            DELETE,
        ),
        tried="Thunderbird 153 ESR",
        fips_program="NSS pk12util",
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
            DELETE,
        ),
    ),
    Device("outlook-new", _("New Outlook, Outlook on the web"), STANDARD, OUTLOOK_NEW_STEPS, needs=EXCHANGE),
    Device(
        "outlook-mobile",
        _("Outlook on iPhone, iPad or Android"),
        COMPATIBLE,
        OUTLOOK_MOBILE_STEPS,
        needs=EXCHANGE_MOBILE,
    ),
    Device("outlook-mac", _("Outlook on a Mac"), COMPATIBLE, OUTLOOK_MAC_STEPS),
    Device(
        "mail-mac",
        _("Apple Mail on a Mac"),
        COMPATIBLE,
        (*MACOS_STEPS[:3], APPLE_MAIL, DELETE),
        (*MAC_PROFILE_STEPS[:3], APPLE_MAIL, DELETE),
    ),
    Device(
        "mail-iphone",
        _("Apple Mail on iPhone or iPad, iOS 18 or newer"),
        STANDARD,
        (*IPHONE_STEPS, IPHONE_MAIL),
        (*IPHONE_PROFILE_STEPS, IPHONE_MAIL),
        creates_mail_account=True,
    ),
    Device(
        "gmail",
        _("Gmail in Google Workspace"),
        COMPATIBLE,
        GMAIL_STEPS,
        needs=WORKSPACE,
        brought_by=KeyHolder.GMAIL,
    ),
    Device("samsung", _("Samsung Email"), COMPATIBLE, SAMSUNG_STEPS),
)
UNABLE = (
    Unable(
        _("Thunderbird for Android, K-9 Mail"),
        _("They have no S/MIME. On Android these can: Outlook, Samsung Email, CipherMail."),
    ),
    Unable(
        _("Gmail with a private account"),
        _("It has no S/MIME. These can, with the same mailbox: Thunderbird, Apple Mail, Outlook on Windows."),
    ),
)

# Devices in the delivery mail; Self-Service has all.
IN_MAILS = ("windows", "macos", "iphone", "android", "firefox")


def device(code: str) -> Device | None:
    """The device of that code."""
    return next((each for each in DEVICES if each.code == code), None)


def chosen(codes: str) -> list[Device]:
    """The devices of these stored codes; unknown codes of former releases are left out."""
    wanted = codes.split()
    return [each for each in DEVICES if each.code in wanted]


def for_token(device: Device, token: SoftwareToken) -> Device:
    """The device with the steps for this token: none if a target delivers its keys there."""
    if not device.brought_by or not settings.TARGETS:
        return device
    kinds = {name: each.kind for name, each in settings.TARGETS.items()}
    targets = Placement.objects.bringing_keys(token).values_list("target__name", flat=True)
    brings = device.brought_by in {kinds.get(name) for name in targets}
    return replace(device, steps=BY_ITSELF, needs="") if brings else device


def reads(device: Device, container_format: str) -> bool:
    """Whether the device opens files of that format: every device opens the compatible one."""
    if container_format == FIPS.value:
        return bool(device.fips_program)
    return container_format in (COMPATIBLE.value, device.container_format.value)


def format_for(devices: Iterable[Device]) -> str:
    """The strongest format that all of these devices read; empty without devices."""
    formats = {each.container_format for each in devices}
    if not formats:
        return ""
    return (COMPATIBLE if COMPATIBLE in formats else STANDARD).value


def format_of(token: SoftwareToken) -> str:
    """The default container format of the mail with a token's files."""
    return format_for(chosen(token.request.devices)) or token.container_format
