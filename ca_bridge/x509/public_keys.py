"""Public keys from an input: a certificate, a public key, or a SHA-256 fingerprint."""

import re

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import ForeignFileError
from ca_bridge.keys.keys import spki_sha256
from ca_bridge.x509 import certificate_files
from ca_bridge.x509.der import MALFORMED

MOST_OCTETS = 100_000
NO_KEY = (
    "no-public-key",
    _("This is no certificate, no public key and no SHA-256 fingerprint of 64 hexadecimal digits."),
)
SEVERAL_KEYS = ("several-keys", _("These are certificates of several keys. Give one."))
PRIVATE_KEY = (
    "private-key",
    _("This holds a private key, which is not wanted here and was not kept. Give the certificate."),
)
_SEPARATORS = re.compile(rb"[\s:.-]")
_SHA256 = re.compile(rb"[0-9a-f]{64}")


def fingerprint(content: bytes) -> str:
    """A SHA-256 fingerprint as 64 lower-case digits; empty if the text is none."""
    digits = _SEPARATORS.sub(b"", content.lower())
    return digits.decode() if _SHA256.fullmatch(digits) else ""


def public_key_sha256(content: bytes) -> str:
    """The SHA-256 of the SubjectPublicKeyInfo, in hexadecimal. Raises ForeignFileError.

    content: certificates of one key (PEM, DER, PKCS#7, LDIF), or a public key (PEM, DER).
    """
    if b"PRIVATE KEY-----" in content:
        raise ForeignFileError(PRIVATE_KEY)
    if len(content) > MOST_OCTETS:
        raise ForeignFileError(NO_KEY)
    keys = _of_public_key(content) or _of_certificates(content)
    if len(keys) != 1:
        raise ForeignFileError(SEVERAL_KEYS if keys else NO_KEY)
    return next(iter(keys))


def _of_certificates(content: bytes) -> frozenset[str]:
    try:
        rows = [x509.load_der_x509_certificate(each) for each in certificate_files.read(content)]
        return frozenset(spki_sha256(row.public_key()).hex() for row in rows)
    except (ForeignFileError, *MALFORMED):
        return frozenset()


def _of_public_key(content: bytes) -> frozenset[str]:
    for load in (serialization.load_pem_public_key, serialization.load_der_public_key):
        try:
            return frozenset({spki_sha256(load(content)).hex()})
        except MALFORMED:
            continue
    return frozenset()
