"""Certificates from a file without keys: PEM, DER, PKCS#7 and LDIF (RFC 2849)."""

import base64
import binascii
import re

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from django.utils.translation import gettext_lazy as _

from ca_bridge.errors import ForeignFileError
from ca_bridge.x509.der import MALFORMED

MOST_OCTETS = 20 * 1024 * 1024
NO_CERTIFICATES = ("no-certificates", _("The file holds no certificate in PEM, DER, PKCS#7 or LDIF."))
HOLDS_KEYS = (
    "holds-keys",
    _("The file holds a private key. Keys are imported where the workers run: manage.py import_tokens."),
)
FAULTS = dict((NO_CERTIFICATES, HOLDS_KEYS))
_PEM = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END [A-Z0-9 ]+-----")
# userCertificate;binary:: MII..., with folded lines; userSMIMECertificate holds signed data and is left out.
_LDIF = re.compile(
    rb"^usercertificate(?:;binary)?::[ \t]*([A-Za-z0-9+/=\r\n ]+?)(?=\r?\n[^ ]|\r?\n?\Z)",
    re.IGNORECASE | re.MULTILINE,
)


def read(content: bytes) -> tuple[bytes, ...]:
    """The certificates (DER) of a file, each once. Raises ForeignFileError."""
    if b"PRIVATE KEY-----" in content:
        raise ForeignFileError(HOLDS_KEYS)
    found = _read(content) if len(content) <= MOST_OCTETS else []
    if not found:
        raise ForeignFileError(NO_CERTIFICATES)
    return tuple(dict.fromkeys(found))


def _read(content: bytes) -> list[bytes]:
    if pems := _PEM.findall(content):
        return [der for each in pems if (der := _of_pem(each)) is not None]
    if values := _LDIF.findall(content):
        return [der for each in values if (der := _of_base64(each)) is not None]
    single = _of_der(content)
    return [single] if single is not None else _of_pkcs7(content)


def _of_pem(pem: bytes) -> bytes | None:
    body = b"".join(pem.splitlines()[1:-1])
    return _of_base64(body)


def _of_base64(text: bytes) -> bytes | None:
    try:
        return _of_der(base64.b64decode(b"".join(text.split()), validate=True))
    except binascii.Error:
        return None


def _of_der(content: bytes) -> bytes | None:
    try:
        return x509.load_der_x509_certificate(content).public_bytes(Encoding.DER)
    except MALFORMED:
        return None


def _of_pkcs7(content: bytes) -> list[bytes]:
    try:
        return [each.public_bytes(Encoding.DER) for each in pkcs7.load_der_pkcs7_certificates(content)]
    except MALFORMED:
        return []
