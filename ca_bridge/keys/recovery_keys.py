"""Recovery keys: generation, wrapping under an m-of-n secret of officers, and the ceremony's signed document.

The document holds no secret in plain: the private key is wrapped under 256 random bits, which are split
m of n (ca_bridge/keys/shares.py). The recovery key itself signs it: the fingerprint of the certificate thus
authenticates wrapping and list of officers, and only somebody who has opened the key can write the next
document, for other officers.
"""

import hashlib
import json
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import CaError, KeyArchiveError
from ca_bridge.keys import envelopes, keys, recovery_token, shares
from ca_bridge.keys.envelopes import NOT_RSA, Recipient, RecoveryKey
from ca_bridge.keys.recovery_token import RecoveryTokenKey

SIZES = (3072, 4096)
IN_TOKEN = ("token", "label")
LARGEST = 64 * 1024
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)

UNREADABLE = (
    "recovery-document-unreadable",
    _("This file is not the document of a ceremony, or it is damaged."),
)
NOT_SIGNED = (
    "recovery-document-changed",
    _("The document was changed after the ceremony: its recovery key has not signed it."),
)
NO_RECOVERY_CERTIFICATE = (
    "recovery-certificate-unfit",
    _("The certificate is not one of a recovery key: it must be for key encipherment, and not a CA's."),
)
ENDED = ("recovery-certificate-ended", _("The recovery certificate has ended."))
NOT_OPENED = (
    "recovery-key-not-opened",
    _("These shares do not open this recovery key: they are of another one."),
)
NO_TRANSPORT = (
    "recovery-key-without-transport",
    _("The recovery key does neither RSA-OAEP with SHA-256 nor with SHA-1: it cannot open anything."),
)


@dataclass(frozen=True)
class Document:
    """The result of a ceremony. number: version of the set of officers, from 1.

    holders: names of the officers, by number of share.  identifier: of the set of shares, not secret.
    wrapped: the private key, or the HSM's PIN, encrypted.  token, label: of the key in an HSM, else empty.
    """

    certificate: bytes
    transport: str
    number: int
    identifier: int
    needed: int
    holders: tuple[str, ...]
    wrapped: bytes
    signature: bytes = b""
    token: str = ""
    label: str = ""

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the certificate (hex), which officers compare."""
        return hashlib.sha256(self.certificate).hexdigest()

    def to_json(self) -> bytes:
        """The document as a file."""
        return json.dumps(_plain(self), indent=1, sort_keys=True).encode("ascii")


@dataclass(frozen=True)
class Circle:
    """The officers of a recovery key with their secret and its shares. number: as in Document."""

    number: int
    holders: tuple[str, ...]
    secret: bytes = field(repr=False)
    texts: tuple[str, ...] = field(repr=False)


def make(name: str, *, bits: int, days: int) -> tuple[rsa.RSAPrivateKey, bytes]:
    """A recovery key and its self-signed certificate (DER). Raises KeyArchiveError for another size."""
    if bits not in SIZES:
        raise KeyArchiveError(NOT_RSA)
    private = rsa.generate_private_key(65537, bits)
    return private, self_signed(name, private, days=days)


def make_in_token(name: str, token: str, *, pin: str, bits: int, days: int) -> tuple[RecoveryTokenKey, bytes]:
    """Generate a recovery key in an HSM and set a random PIN. Raises KeyArchiveError."""
    if bits not in SIZES:
        raise KeyArchiveError(NOT_RSA)
    private = recovery_token.make(token, name, pin=pin, bits=bits)
    return private, self_signed(name, private, days=days)


def self_signed(name: str, private: keys.PrivateKey, *, days: int) -> bytes:
    """The certificate (DER) of a recovery key, or of the canary of a drill, signed by itself."""
    now = datetime.now(UTC).replace(microsecond=0)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "data_encipherment", "key_agreement"),
            *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
        ),
        False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(key_encipherment=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.DER)


def check_certificate(certificate: bytes, *, now: datetime | None) -> x509.Certificate:
    """Parse a recovery certificate (DER) and check its key, usage and validity. Raises KeyArchiveError.

    now: None skips the validity: an expired one still opens envelopes.
    """
    try:
        loaded = x509.load_der_x509_certificate(certificate)
        public_key = loaded.public_key()
        usage = loaded.extensions.get_extension_for_class(x509.KeyUsage).value
        constraints = loaded.extensions.get_extension_for_class(x509.BasicConstraints).value
    except (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.InvalidVersion):
        raise KeyArchiveError(NO_RECOVERY_CERTIFICATE) from None
    if not isinstance(public_key, rsa.RSAPublicKey) or public_key.key_size not in SIZES:
        raise KeyArchiveError(NOT_RSA)
    if constraints.ca or not usage.key_encipherment:
        raise KeyArchiveError(NO_RECOVERY_CERTIFICATE)
    if now is not None and loaded.not_valid_after_utc <= now:
        raise KeyArchiveError(ENDED)
    envelopes.key_id(certificate)
    return loaded


def new_circle(holders: Sequence[str], *, needed: int, number: int = 1) -> Circle:
    """A new secret, split for these holders. Raises KeyArchiveError."""
    secret = shares.new_secret()
    return Circle(
        number, tuple(holders), secret, tuple(shares.split(secret, needed=needed, total=len(holders)))
    )


def wrap(
    private: rsa.RSAPrivateKey, certificate: bytes, circle: Circle, *, pin: str | None = None
) -> Document:
    """The document of a recovery key for these officers. Raises KeyArchiveError.

    pin: of the HSM, if the caller is about to change it; default: the present one.
    """
    facts, nonce = shares.read(circle.texts[0]), secrets.token_bytes(envelopes.NONCE)
    if isinstance(private, RecoveryTokenKey):
        content, token, label = (pin or private.pin).encode("ascii"), private.token, private.label
        transport = transport_of(RecoveryKey(private, envelopes.key_id(certificate)), certificate)
    else:
        content, token, label = keys.to_pkcs8(private), "", ""
        transport = envelopes.TRANSPORTS[0]
    sealed = AESGCM(circle.secret).encrypt(nonce, content, _bound(certificate))
    unsigned = Document(
        certificate=certificate,
        transport=transport,
        token=token,
        label=label,
        number=circle.number,
        identifier=facts.identifier,
        needed=facts.needed,
        holders=circle.holders,
        wrapped=nonce + sealed,
    )
    return replace(unsigned, signature=private.sign(_signed(unsigned), _PSS, hashes.SHA256()))


def read(content: bytes, *, now: datetime | None) -> Document:
    """The document of a file, its certificate and its signature checked. Raises KeyArchiveError.

    now: as in check_certificate.
    """
    document = _parsed(content)
    _check_signature(document, check_certificate(document.certificate, now=now))
    return document


def _check_signature(document: Document, certificate: x509.Certificate) -> None:
    public_key = certificate.public_key()
    if not isinstance(public_key, rsa.RSAPublicKey):
        raise KeyArchiveError(NOT_RSA)
    try:
        public_key.verify(document.signature, _signed(document), _PSS, hashes.SHA256())
    except InvalidSignature:
        raise KeyArchiveError(NOT_SIGNED) from None


def unwrap(document: Document, secret: bytes) -> RecoveryKey:
    """The recovery key that the officers' secret opens. Raises KeyArchiveError."""
    plain = content_of(document, secret)
    try:
        private = _in_token(document, plain) if document.token else keys.from_pkcs8(plain)
    except (ValueError, CaError):
        raise KeyArchiveError(NOT_OPENED) from None
    if not isinstance(private, rsa.RSAPrivateKey):
        raise KeyArchiveError(NOT_RSA)
    return RecoveryKey(private, envelopes.key_id(document.certificate))


def content_of(document: Document, secret: bytes) -> bytes:
    """Content of the document: the private key as PKCS#8, or the PIN of its token. Raises KeyArchiveError."""
    nonce, sealed = document.wrapped[: envelopes.NONCE], document.wrapped[envelopes.NONCE :]
    try:
        return AESGCM(secret).decrypt(nonce, sealed, _bound(document.certificate))
    except (InvalidTag, ValueError):
        raise KeyArchiveError(NOT_OPENED) from None


def _in_token(document: Document, pin: bytes) -> RecoveryTokenKey:
    """The key of the certificate in its token. Raises KeyArchiveError or ValueError."""
    key = recovery_token.open_key(document.token, document.label, pin=pin.decode("ascii"))
    wanted = x509.load_der_x509_certificate(document.certificate).public_key()
    if keys.spki_sha256(wanted) != keys.public_key_sha256(key):
        raise KeyArchiveError(recovery_token.NO_KEY)
    return key


def open_with_shares(document: Document, texts: Sequence[str]) -> RecoveryKey:
    """The recovery key that these shares open, for one act. Raises KeyArchiveError."""
    return unwrap(document, shares.combine(texts))


def transport_of(recovery_key: RecoveryKey, certificate: bytes) -> str:
    """The first key transport algorithm that the key supports, probed with a canary.

    Raises KeyArchiveError if it supports none.
    """
    for transport in envelopes.TRANSPORTS:
        try:
            probe(recovery_key, Recipient(certificate, transport))
        except KeyArchiveError as error:
            if error.code != envelopes.WRONG_KEY[0]:
                raise
        else:
            return transport
    raise KeyArchiveError(NO_TRANSPORT)


def probe(recovery_key: RecoveryKey, recipient: Recipient) -> None:
    """Encrypt and decrypt a canary, to detect an unusable key before it is relied on.

    Raises KeyArchiveError.
    """
    canary = shares.new_secret()
    if envelopes.unseal(envelopes.seal(canary, [recipient]), recovery_key) != canary:
        raise KeyArchiveError(NOT_OPENED)


def _bound(certificate: bytes) -> bytes:
    return hashlib.sha256(certificate).digest()


def _plain(document: Document) -> dict[str, object]:
    """The document as plain values. token, label: only for a key in an HSM, as older documents lack them."""
    return {
        name: b64encode(value).decode("ascii") if isinstance(value, bytes) else value
        for name, value in asdict(document).items()
        if value or name not in IN_TOKEN
    }


def _signed(document: Document) -> bytes:
    content = {name: value for name, value in _plain(document).items() if name != "signature"}
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")


def _parsed(content: bytes) -> Document:
    if len(content) > LARGEST:
        raise KeyArchiveError(UNREADABLE)
    try:
        document = json.loads(content)
        holders = tuple(document["holders"])
        document = Document(
            certificate=b64decode(document["certificate"], validate=True),
            transport=document["transport"],
            number=int(document["number"]),
            identifier=int(document["identifier"]),
            needed=int(document["needed"]),
            holders=holders,
            wrapped=b64decode(document["wrapped"], validate=True),
            signature=b64decode(document["signature"], validate=True),
            **{name: str(document[name]) for name in IN_TOKEN if name in document},
        )
    except (ValueError, TypeError, KeyError, NotBase64, RecursionError):
        raise KeyArchiveError(UNREADABLE) from None
    named = all(isinstance(each, str) for each in holders) and len(set(holders)) == len(holders)
    in_range = shares.FEWEST <= document.needed <= len(holders) <= shares.MOST and document.number > 0
    if not named or not in_range or document.transport not in envelopes.TRANSPORTS:
        raise KeyArchiveError(UNREADABLE)
    return document
