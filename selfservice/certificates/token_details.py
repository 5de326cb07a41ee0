"""Token details for its person: certificates, files, devices."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q, prefetch_related_objects
from django.urls import reverse
from django.utils.translation import gettext as _

from ca_bridge.connection import registry
from ca_bridge.x509.certificates import common_name, describe
from identity_manager.mail import install
from identity_manager.models import (
    Certificate,
    Container,
    MailState,
    OutgoingMail,
    RequestKind,
    SoftwareToken,
)
from identity_manager.models.archive.archived_key import with_copies
from identity_manager.ui import parts
from identity_manager.workflow.delivery import apple_profile, download, resending
from identity_manager.workflow.policy import permitted_actions
from identity_manager.workflow.replacement import policy as replacement_policy
from selfservice.certificates import key_places, token_status
from selfservice.certificates.key_places import KeyPlace

DEVICE_ICONS = {
    "windows": "desktop",
    "windows-old": "server",
    "macos": "laptop",
    "iphone": "phone",
    "iphone-old": "phone",
    "android": "phone",
    "android-old": "phone",
    "linux": "terminal",
    "firefox": "browser",
    "thunderbird": "mail",
    "outlook": "mail",
    "outlook-new": "mail",
    "outlook-mobile": "phone",
    "outlook-mac": "laptop",
    "mail-mac": "laptop",
    "mail-iphone": "phone",
    "gmail": "browser",
    "samsung": "phone",
}


@dataclass(frozen=True)
class TokenCard:
    """A token in the list. begins, ends: period in which all its certificates are valid.

    copy_is_kept: whether one of its keys is archived.
    """

    token: SoftwareToken
    state: token_status.TokenStatus
    in_use: bool
    to_be_noted: bool
    begins: datetime | None
    ends: datetime | None
    copy_is_kept: bool


@dataclass(frozen=True)
class Relation:
    """The token that this one renews or replaces, and the one that does so with this one."""

    predecessor: SoftwareToken | None
    successor: SoftwareToken | None


@dataclass(frozen=True)
class CertificateCard:
    """A certificate: subject and issuer first, the rest unfolds.

    by_hand: its CA has no revocation API, so an officer revokes there. key_places: targets that have its key.
    """

    row: Certificate
    state: token_status.TokenStatus
    name: str
    issuer: str
    details: list[parts.Pair]
    by_hand: bool
    key_places: list[KeyPlace]


def token_card(token: SoftwareToken) -> TokenCard:
    """The token with its certificates, which the caller has fetched along."""
    issued = [row for row in token.certificates.all() if row.not_before and row.not_after]
    return TokenCard(
        token=token,
        state=token_status.of_token(token),
        in_use=token.is_revocable,
        to_be_noted=token.is_to_be_noted,
        begins=max((row.not_before for row in issued if row.not_before), default=None),
        ends=min((row.not_after for row in issued if row.not_after), default=None),
        copy_is_kept=any(row.copy_is_kept for row in token.certificates.all()),
    )


def endings(token: SoftwareToken) -> dict[str, Any]:
    """Whether the person can revoke or replace it, with its predecessor and successor."""
    typed = token.token_type is not None
    return {
        "lockable": typed and token.is_revocable,
        "replaceable": typed and replacement_policy.nothing_obstacle([token]) is None,
        "relation": _relation(token),
    }


def _relation(token: SoftwareToken) -> Relation:
    shown = SoftwareToken.objects.visible_under_certificates().defer("snapshot", "passphrase_wrapped")
    related = list(shown.filter(Q(predecessor=token) | Q(pk=token.predecessor_id)).order_by("created_at"))
    before = next((each for each in related if each.pk == token.predecessor_id), None)
    successors = [each for each in related if each is not before]
    return Relation(before, successors[-1] if successors else None)


def certificate_cards(token: SoftwareToken) -> list[CertificateCard]:
    """The issued certificates of the token, in their order; of a recovery, those of the recovered keys."""
    of_token = Q(token=token)
    if token.kind == RequestKind.RECOVERY:
        of_token = Q(pk__in=token.containers.values("certificate"))
    issued = Certificate.objects.filter(of_token).exclude(certificate=None).select_related("profile")
    rows = list(with_copies(issued))
    places = key_places.of(rows)
    return [_certificate_card(row, places.get(row, [])) for row in rows]


def left_out(token: SoftwareToken) -> list[Certificate]:
    """Certificates that could not be issued and are missing from the token."""
    rows = token.certificates.filter(left_out_at__isnull=False).select_related("profile")
    return list(rows.defer("private_key_wrapped"))


def _certificate_card(row: Certificate, places: list[KeyPlace]) -> CertificateCard:
    return CertificateCard(
        row=row,
        state=token_status.of_certificate(row),
        name=common_name(row.subject),
        issuer=common_name(row.issuer),
        details=_details(row),
        by_hand=not registry.revokes(row.profile.ca),
        key_places=places,
    )


def octets(hexadecimal: str) -> str:
    """Hexadecimal digits in pairs with colons, as other programs show them."""
    digits = hexadecimal.upper()
    return ":".join(digits[start : start + 2] for start in range(0, len(digits), 2))


def files(token: SoftwareToken, container_format: str) -> list[Container]:
    """The files of one format."""
    rows = token.containers.filter(format=container_format).select_related("certificate__profile")
    return list(rows.defer("content"))


def fips_files(token: SoftwareToken, device: install.Device | None) -> list[Container]:
    """The files with PBMAC1, beside devices that read them and while the settings offer them."""
    is_offered = settings.CONTAINER_FIPS and device is not None and device.fips_program
    return files(token, install.FIPS.value) if is_offered else []


def ways(token: SoftwareToken) -> dict[str, Any]:
    """Ways of delivery that are open, obstacles of the others, and pending downloads."""
    prefetch_related_objects([token.person], "identity_changes")  # asked for by both obstacles
    obstacle = resending.sending_obstacle(token)
    return {
        "sendable": permitted_actions.can_be_sent(token),
        "obstacle": obstacle.to_its_person if obstacle else "",
        "fetchable": download.fetch_obstacle(token) is None,
        "to_be_noted": token.is_to_be_noted,
        "waits_here": token.is_to_be_fetched,
        "by_link": token_status.by_link(),
    }


def last_mail(token: SoftwareToken, container_format: str) -> OutgoingMail | None:
    """Newest delivery mail with files of this format that was not discarded."""
    mails = token.mails.filter(container_format=container_format).exclude(state=MailState.DISCARDED)
    return mails.order_by("created_at").last()


def devices(
    token: SoftwareToken, chosen: install.Device | None, *, page: str = "selfservice:token"
) -> list[parts.Device]:
    """The devices to choose from; each leads to the same page of the token with that device."""
    address = reverse(page, args=[token.pk])
    return [
        parts.Device(
            device.name,
            DEVICE_ICONS[device.code],
            f"{address}?device={device.code}#install",
            device is chosen,
        )
        for device in install.DEVICES
    ]


def profile(token: SoftwareToken, device: install.Device | None) -> dict[str, Any]:
    """The configuration profile that a device of Apple takes: its name, and what the device shows of it."""
    if device is None or not device.profile_steps:
        return {"profile": None}
    signer = settings.PROFILE_SIGNER
    return {
        "profile": apple_profile.file_name(token),
        "profile_signer": signer.name if signer else "",
        "brings_mail_account": apple_profile.brings_mail_account(token, device),
    }


def _details(row: Certificate) -> list[parts.Pair]:
    facts = describe(row.certificate or b"")
    names = ", ".join(value for _kind, value in facts.subject_alt_names)
    return [
        parts.Pair(_("Serial number"), octets(row.serial), mono=True),
        parts.Pair(_("Fingerprint (SHA-256)"), octets(row.fingerprint_sha256), mono=True),
        parts.Pair(_("Alternative names"), names),
        parts.Pair(_("Subject"), row.subject),
        parts.Pair(_("Issuer"), row.issuer),
    ]
