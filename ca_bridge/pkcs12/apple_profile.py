"""Configuration profiles of Apple (`.mobileconfig`): a property list with CAs, identities and a mail account.

Keys and values are those of Apple's schema (github.com/apple/device-management, mdm/profiles). A profile
never has a `Password` of an identity: the device asks for it. With the same PayloadIdentifier a profile
replaces the former one and its identities, so callers give each token its own.
"""

import hashlib
import plistlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

MEDIA_TYPE = "application/x-apple-aspen-config"
SUFFIX = ".mobileconfig"
IMAP, PASSWORD = "EmailTypeIMAP", "EmailAuthPassword"


@dataclass(frozen=True)
class Identity:
    """A PKCS#12 container in the profile. uuid: its PayloadUUID, the same in each profile of the token."""

    uuid: uuid.UUID
    name: str
    file_name: str
    container: bytes = field(repr=False)


@dataclass(frozen=True)
class MailServer:
    """Host and port of a mail server that speaks TLS."""

    host: str
    port: int


@dataclass(frozen=True)
class MailAccount:
    """An account that the profile creates, on iOS, iPadOS and visionOS with S/MIME switched on.

    signing and encryption: which identity is for what; S/MIME cannot be switched on by a profile in an
    account that exists.
    """

    address: str
    name: str
    incoming: MailServer
    outgoing: MailServer
    signing: uuid.UUID | None
    encryption: uuid.UUID | None


@dataclass(frozen=True)
class Profile:
    """identifier: reverse DNS, one for each token. issuers: CA certificates (DER), any order."""

    identifier: str
    uuid: uuid.UUID
    name: str
    description: str
    issuers: Sequence[bytes]
    identities: Sequence[Identity]
    mail_account: MailAccount | None = None


@dataclass(frozen=True)
class Signer:
    """The signer of profiles. certificates: the signer's own, then its issuers."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)
    certificates: Sequence[x509.Certificate]

    @property
    def name(self) -> str:
        """Name that the device shows after “Signed by”."""
        subject = self.certificates[0].subject
        names = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return str(names[0].value) if names else subject.rfc4514_string()


def build(profile: Profile, signer: Signer | None = None) -> bytes:
    """Return the profile: a property list (XML), or CMS SignedData (DER) around it."""
    payloads = [
        *(_issuer(profile, der) for der in dict.fromkeys(profile.issuers)),
        *(_identity(profile, each) for each in profile.identities),
        *((_mail_account(profile, profile.mail_account),) if profile.mail_account else ()),
    ]
    content = plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": profile.identifier,
            "PayloadUUID": _text(profile.uuid),
            "PayloadDisplayName": _plain(profile.name),
            "PayloadDescription": _plain(profile.description),
            "PayloadContent": payloads,
        }
    )
    return content if signer is None else _signed(content, signer)


def _signed(content: bytes, signer: Signer) -> bytes:
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
    builder = builder.add_signer(signer.certificates[0], signer.key, hashes.SHA256())
    for each in signer.certificates[1:]:
        builder = builder.add_certificate(each)
    return builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])


def _issuer(profile: Profile, der: bytes) -> dict[str, Any]:
    certificate = x509.load_der_x509_certificate(der)
    is_root = certificate.subject == certificate.issuer
    own = uuid.uuid5(profile.uuid, hashlib.sha256(der).hexdigest())
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return _payload(
        profile,
        "com.apple.security.root" if is_root else "com.apple.security.pkcs1",
        own,
        PayloadDisplayName=_plain(str(names[0].value) if names else certificate.subject.rfc4514_string()),
        PayloadContent=der,
    )


def _identity(profile: Profile, identity: Identity) -> dict[str, Any]:
    """AllowAllAppsAccess stays off; KeyIsExtractable is on where nobody says otherwise (macOS 10.15)."""
    return _payload(
        profile,
        "com.apple.security.pkcs12",
        identity.uuid,
        PayloadDisplayName=_plain(identity.name),
        PayloadCertificateFileName=identity.file_name,
        PayloadContent=identity.container,
        KeyIsExtractable=False,
    )


def _mail_account(profile: Profile, account: MailAccount) -> dict[str, Any]:
    switches: dict[str, Any] = {}
    if account.signing:
        switches |= {
            "SMIMESigningEnabled": True,
            "SMIMESigningCertificateUUID": _text(account.signing),
            "SMIMESigningUserOverrideable": True,
            "SMIMESigningCertificateUUIDUserOverrideable": True,
        }
    if account.encryption:
        switches |= {
            "SMIMEEncryptionEnabled": True,
            "SMIMEEncryptionCertificateUUID": _text(account.encryption),
            "SMIMEEncryptByDefault": False,  # it would stop mail to those whose certificate is not known
            "SMIMEEncryptByDefaultUserOverrideable": True,
            "SMIMEEncryptionCertificateUUIDUserOverrideable": True,
            "SMIMEEnableEncryptionPerMessageSwitch": True,
        }
    return _payload(
        profile,
        "com.apple.mail.managed",
        uuid.uuid5(profile.uuid, "mail"),
        PayloadDisplayName=account.address,
        EmailAccountType=IMAP,
        EmailAccountName=_plain(account.name),
        EmailAccountDescription=account.address,
        EmailAddress=account.address,
        OutgoingPasswordSameAsIncomingPassword=True,
        **_server("Incoming", account.incoming),
        **_server("Outgoing", account.outgoing),
        **switches,
    )


def _server(direction: str, server: MailServer) -> dict[str, Any]:
    """Without user name and password: the device asks for them."""
    return {
        f"{direction}MailServerAuthentication": PASSWORD,
        f"{direction}MailServerHostName": server.host,
        f"{direction}MailServerPortNumber": server.port,
        f"{direction}MailServerUseSSL": True,
    }


def _payload(profile: Profile, kind: str, own: uuid.UUID, **content: Any) -> dict[str, Any]:
    """Payload with the keys that all have; the identifier must be unique within the profile."""
    return {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{profile.identifier}.{own}",
        "PayloadUUID": _text(own),
        **content,
    }


def _plain(text: str) -> str:
    """Remove characters that XML 1.0 cannot represent; names from other CAs may have them."""
    return "".join(sign for sign in text if sign.isprintable())


def _text(identifier: uuid.UUID) -> str:
    return str(identifier).upper()
