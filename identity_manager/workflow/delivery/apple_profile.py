"""The configuration profile of a token for Apple devices: its containers, their CAs, and a mail account.

The containers are those that would be mailed, under the same passphrase, which is not in the profile.
"""

import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _

from ca_bridge.connection import registry
from ca_bridge.errors import CaError
from ca_bridge.pkcs12 import apple_profile
from ca_bridge.x509 import chains
from ca_bridge.x509.certificates import describe
from identity_manager.mail import install
from identity_manager.models import CertificatePurpose, Container, SoftwareToken

SIGNING = frozenset({CertificatePurpose.SIGNATURE, CertificatePurpose.COMBINED})
ENCRYPTION = frozenset({CertificatePurpose.ENCRYPTION, CertificatePurpose.COMBINED})
FOR_MAIL = SIGNING | ENCRYPTION


@dataclass(frozen=True)
class ProfileFile:
    """A configuration profile ready for download: file name and content."""

    file_name: str
    content: bytes = field(repr=False)


def build(token: SoftwareToken, containers: list[Container], *, device: install.Device) -> ProfileFile:
    """Return these containers of the token in a profile, signed if the settings name a signer."""
    profile = apple_profile.Profile(
        identifier=f"{_reversed_host()}.token.{token.pk}",
        uuid=uuid.uuid5(token.pk, "profile"),
        name=str(token),
        description=_("The device asks for the passphrase of the software token, once for each certificate."),
        issuers=_issuers(containers),
        identities=[_identity(each) for each in containers],
        mail_account=_mail_account(token, containers) if brings_mail_account(token, device) else None,
    )
    return ProfileFile(file_name(token), apple_profile.build(profile, settings.PROFILE_SIGNER))


def file_name(token: SoftwareToken) -> str:
    """An ASCII name, different for each token."""
    code = token.token_type.code if token.token_type else "recovery"
    return f"{code}-{token.pk.hex[-8:]}{apple_profile.SUFFIX}"


def brings_mail_account(token: SoftwareToken, device: install.Device) -> bool:
    """Whether the token's profile for this device creates a mail account."""
    has_servers = settings.APPLE_MAIL_SERVERS is not None
    wanted = token.token_type is not None and token.token_type.apple_mail_account
    return device.creates_mail_account and has_servers and wanted


def _reversed_host() -> str:
    """The host of Self-Service in reverse DNS."""
    host = urlsplit(settings.SELFSERVICE_BASE_URL).hostname or ""
    return ".".join(reversed(host.split(".")))


def _identity(container: Container) -> apple_profile.Identity:
    """The payload of one container; its UUID is the same in each profile of the token, in any format."""
    return apple_profile.Identity(
        uuid=_uuid(container),
        name=str(container.certificate.profile.name),
        file_name=container.file_name,
        container=container.content,
    )


def _uuid(container: Container) -> uuid.UUID:
    return uuid.uuid5(container.token_id, str(container.certificate_id))


def _issuers(containers: list[Container]) -> list[bytes]:
    """Root first, then the CAs below it, of every certificate."""
    found: list[bytes] = []
    for row in (container.certificate for container in containers):
        root = chains.root_of(row.der, row.chain, trusted=_trusted(row.ca))
        found += [*([root] if root else []), *reversed(row.chain)]
    return list(dict.fromkeys(found))


def _trusted(alias: str) -> tuple[bytes, ...]:
    """The trusted root of the CA; empty if this process cannot read it or the CA is no longer configured."""
    try:
        return tuple(registry.connector(alias).chain())
    except (CaError, ImproperlyConfigured):
        return ()


def _mail_account(token: SoftwareToken, containers: list[Container]) -> apple_profile.MailAccount | None:
    """The mail account payload for the e-mail address in the token's certificates; None without one."""
    named = [(_address(each), each.certificate.profile.purpose, _uuid(each)) for each in containers]
    address = next((address for address, purpose, _own in named if address and purpose in FOR_MAIL), "")
    servers = settings.APPLE_MAIL_SERVERS
    if not address or servers is None:
        return None
    return apple_profile.MailAccount(
        address=address,
        name=token.person.display_name,
        incoming=servers[0],
        outgoing=servers[1],
        signing=next((own for at, purpose, own in named if at == address and purpose in SIGNING), None),
        encryption=next((own for at, purpose, own in named if at == address and purpose in ENCRYPTION), None),
    )


def _address(container: Container) -> str:
    names = describe(container.certificate.der).subject_alt_names
    return next((value for kind, value in names if kind == "email"), "")
