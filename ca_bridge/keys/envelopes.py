"""CMS envelopes of archived keys: AuthEnvelopedData (RFC 5083), AES-256-GCM (RFC 5084), RSA-OAEP (RFC 3560).

Recipients are identified by subject key identifier, so a renewed recovery certificate with the same key opens
envelopes for the former one. `openssl cms -decrypt -recip certificate -inkey key` opens each envelope.
The builder of `cryptography` is not used: its PKCS#1 v1.5 and CBC decrypted some envelopes to garbage with a
wrong key, without an error.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import CaError, KeyArchiveError
from ca_bridge.keys import keys

Oid = x509.ObjectIdentifier
AUTH_ENVELOPED_DATA = Oid("1.2.840.113549.1.9.16.1.23")
DATA = Oid("1.2.840.113549.1.7.1")
AES256_GCM = Oid("2.16.840.1.101.3.4.1.46")
KEY, NONCE, TAG = 32, 12, 16
LARGEST = 256 * 1024  # octets of an envelope

DAMAGED = ("envelope-damaged", _("The envelope of this key is damaged: it cannot be read."))
OTHER_RECIPIENT = (
    "envelope-for-others",
    _("The envelope of this key is not addressed to this recovery key."),
)
UNKNOWN_ALGORITHM = (
    "envelope-algorithm",
    _("The envelope of this key uses an algorithm that is not known here."),
)
WRONG_KEY = ("recovery-key-wrong", _("This recovery key does not open the envelope: it is another key."))
CHANGED = ("envelope-changed", _("The envelope of this key was changed after it was sealed."))
OTHER_KEY = ("key-of-another-certificate", _("The archived key does not belong to its certificate."))
NO_RECIPIENT = ("envelope-without-recipient", _("There is no recovery certificate to seal this key for."))
NO_IDENTIFIER = (
    "recovery-certificate-without-identifier",
    _("The recovery certificate has no subject key identifier."),
)
NOT_RSA = ("recovery-key-not-rsa", _("A recovery key is an RSA key of 3072 or 4096 bits."))


@asn1.sequence
class _Algorithm:
    algorithm: Oid
    parameters: asn1.TLV


@asn1.sequence
class _GcmParameters:
    nonce: bytes
    length: Annotated[int, asn1.Default(12)]


@asn1.sequence
class _KeyTransport:
    """KeyTransRecipientInfo, version 2 (RFC 5652 6.2.1)."""

    version: int
    key_id: Annotated[bytes, asn1.Implicit(0)]
    algorithm: _Algorithm
    key: bytes


@asn1.sequence
class _EncryptedContent:
    content_type: Oid
    algorithm: _Algorithm
    content: Annotated[bytes, asn1.Implicit(0)]


@asn1.sequence
class _AuthEnvelopedData:
    version: int
    recipients: asn1.SetOf[asn1.TLV]  # of any kind: those of others stay as they are
    content: _EncryptedContent
    mac: bytes


@asn1.sequence
class _ContentInfo:
    content_type: Oid
    content: Annotated[_AuthEnvelopedData, asn1.Explicit(0)]


def _oaep(digest: hashes.HashAlgorithm) -> padding.OAEP:
    return padding.OAEP(padding.MGF1(digest), digest, None)


# The AlgorithmIdentifier in DER (RFC 4055 4.1), compared octet by octet, and its padding.
_TRANSPORTS = {
    "oaep-sha256": (
        bytes.fromhex(
            "303c06092a864886f70d010107302fa00f300d06096086480165030402010500"
            "a11c301a06092a864886f70d010108300d06096086480165030402010500"
        ),
        _oaep(hashes.SHA256()),
    ),
    # The same as openssl writes it, without the parameters of the digest (RFC 5754 2).
    "oaep-sha256-openssl": (
        bytes.fromhex(
            "303806092a864886f70d010107302ba00d300b0609608648016503040201"
            "a11a301806092a864886f70d010108300b0609608648016503040201"
        ),
        _oaep(hashes.SHA256()),
    ),
    # OAEP with SHA-1: some HSMs support no other digest, and OAEP does not depend on collision resistance.
    "oaep-sha1": (bytes.fromhex("300d06092a864886f70d0101073000"), _oaep(hashes.SHA1())),  # noqa: S303 - see above
}
TRANSPORTS = ("oaep-sha256", "oaep-sha1")


@dataclass(frozen=True)
class Recipient:
    """A recovery certificate (DER) and the key transport algorithm that its key supports."""

    certificate: bytes
    transport: str = "oaep-sha256"


@dataclass(frozen=True)
class RecoveryKey:
    """A private recovery key (in memory, or a proxy of one in an HSM), and its subject key identifier."""

    private: rsa.RSAPrivateKey = field(repr=False)
    key_id: bytes


def key_id(certificate: bytes) -> bytes:
    """The certificate's subject key identifier. Raises KeyArchiveError where it has none."""
    loaded = x509.load_der_x509_certificate(certificate)
    try:
        return loaded.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        raise KeyArchiveError(NO_IDENTIFIER) from None


def seal(content: bytes, recipients: Sequence[Recipient]) -> bytes:
    """Encrypt the content; return the envelope (DER). Any recipient can open it. Raises KeyArchiveError."""
    if not recipients:
        raise KeyArchiveError(NO_RECIPIENT)
    key, nonce = secrets.token_bytes(KEY), secrets.token_bytes(NONCE)
    sealed = AESGCM(key).encrypt(nonce, content, None)
    parameters = asn1.encode_der(_GcmParameters(nonce=nonce, length=TAG))
    return asn1.encode_der(
        _ContentInfo(
            content_type=AUTH_ENVELOPED_DATA,
            content=_AuthEnvelopedData(
                version=0,
                recipients=asn1.SetOf([_addressed(each, key) for each in recipients]),
                content=_EncryptedContent(
                    content_type=DATA,
                    algorithm=_Algorithm(
                        algorithm=AES256_GCM, parameters=asn1.decode_der(asn1.TLV, parameters)
                    ),
                    content=sealed[:-TAG],
                ),
                mac=sealed[-TAG:],
            ),
        )
    )


def unseal(envelope: bytes, recovery_key: RecoveryKey) -> bytes:
    """Return the content. Raises KeyArchiveError, which names the cause."""
    body = _read(envelope)
    key = _content_key(body, recovery_key)
    try:
        parameters = body.content.algorithm.parameters.parse(_GcmParameters)
        if body.content.algorithm.algorithm != AES256_GCM or parameters.length != TAG:
            raise KeyArchiveError(UNKNOWN_ALGORITHM)
        return AESGCM(key).decrypt(parameters.nonce, body.content.content + body.mac, None)
    except ValueError:
        raise KeyArchiveError(DAMAGED) from None
    except InvalidTag:
        raise KeyArchiveError(CHANGED) from None


def unseal_key(envelope: bytes, recovery_key: RecoveryKey, *, public_key_sha256: str) -> keys.PrivateKey:
    """Return the archived private key whose public half has this SHA-256 (hex). Raises KeyArchiveError."""
    try:
        key = keys.from_pkcs8(unseal(envelope, recovery_key))
    except CaError:
        raise KeyArchiveError(OTHER_KEY) from None
    if keys.public_key_sha256(key).hex() != public_key_sha256:
        raise KeyArchiveError(OTHER_KEY)
    return key


def readdress(envelope: bytes, recovery_key: RecoveryKey, recipients: Sequence[Recipient]) -> bytes:
    """Re-encrypt the content key to other recipients, without decrypting the content.

    Raises KeyArchiveError.
    """
    if not recipients:
        raise KeyArchiveError(NO_RECIPIENT)
    body = _read(envelope)
    key = _content_key(body, recovery_key)
    moved = _AuthEnvelopedData(
        version=body.version,
        recipients=asn1.SetOf([_addressed(each, key) for each in recipients]),
        content=body.content,
        mac=body.mac,
    )
    return asn1.encode_der(_ContentInfo(content_type=AUTH_ENVELOPED_DATA, content=moved))


def recipients_of(envelope: bytes) -> set[bytes]:
    """The subject key identifiers that the envelope names. Raises KeyArchiveError."""
    return {each.key_id for each in _transports(_read(envelope))}


def _addressed(recipient: Recipient, key: bytes) -> asn1.TLV:
    algorithm, pad = _TRANSPORTS[recipient.transport]
    public_key = x509.load_der_x509_certificate(recipient.certificate).public_key()
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise KeyArchiveError(NOT_RSA)
    info = _KeyTransport(
        version=2,
        key_id=key_id(recipient.certificate),
        algorithm=asn1.decode_der(_Algorithm, algorithm),
        key=public_key.encrypt(key, pad),
    )
    return asn1.decode_der(asn1.TLV, asn1.encode_der(info))


def _read(envelope: bytes) -> _AuthEnvelopedData:
    if len(envelope) > LARGEST:
        raise KeyArchiveError(DAMAGED)
    try:
        info = asn1.decode_der(_ContentInfo, envelope)
    except ValueError:
        raise KeyArchiveError(DAMAGED) from None
    if info.content_type != AUTH_ENVELOPED_DATA or info.content.version != 0:
        raise KeyArchiveError(DAMAGED)
    return info.content


def _transports(body: _AuthEnvelopedData) -> list[_KeyTransport]:
    found = []
    for each in body.recipients.as_list():
        try:
            found.append(each.parse(_KeyTransport))
        except ValueError:  # a recipient of another kind
            continue
    return found


def _content_key(body: _AuthEnvelopedData, recovery_key: RecoveryKey) -> bytes:
    mine = [each for each in _transports(body) if each.key_id == recovery_key.key_id]
    if not mine:
        raise KeyArchiveError(OTHER_RECIPIENT)
    named = asn1.encode_der(mine[0].algorithm)
    pads = [pad for algorithm, pad in _TRANSPORTS.values() if algorithm == named]
    if not pads:
        raise KeyArchiveError(UNKNOWN_ALGORITHM)
    try:
        key = recovery_key.private.decrypt(mine[0].key, pads[0])
    except ValueError:
        raise KeyArchiveError(WRONG_KEY) from None
    if len(key) != KEY:
        raise KeyArchiveError(WRONG_KEY)
    return key
