"""Requests to an EST server (RFC 7030 4.2) and its answers."""

import base64
import textwrap
from datetime import timedelta
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from ca_bridge.connection import bundles
from ca_bridge.connection.reply import Reply
from ca_bridge.contract import CertificateOrder, Issued

ENROLL = "simpleenroll"
DEFAULT_WAIT = 60  # seconds, where a server does not say
HEADERS = {
    "Content-Type": "application/pkcs10",
    "Content-Transfer-Encoding": "base64",
    "Accept": "application/pkcs7-mime",
}


def path(operation: str, label: str = "") -> str:
    """The path of an operation, with the CA label of a profile."""
    return (
        f"/.well-known/est/{quote(label, safe='')}/{operation}" if label else f"/.well-known/est/{operation}"
    )


def body(order: CertificateOrder) -> bytes:
    """The request as base64 in lines, which libest requires."""
    return textwrap.fill(base64.b64encode(order.csr).decode(), 64).encode() + b"\n"


def wait_of(reply: Reply, longest: int) -> timedelta:
    """Retry-After in seconds within bounds; the default for a date."""
    said = next((value for name, value in reply.headers.items() if name.lower() == "retry-after"), "")
    seconds = int(said) if said.isascii() and said.isdigit() else DEFAULT_WAIT
    return timedelta(seconds=min(max(seconds, 1), longest))


def issued(reply: Reply, order: CertificateOrder) -> Issued:
    """The certificate for our key among those of the answer, and its issuers, nearest first."""
    return bundles.issued(reply, order, certificates(reply))


def certificates(reply: Reply) -> list[x509.Certificate]:
    """The certificates of a base64 certs-only message (RFC 5272 4.1)."""
    with reply.reading("certs-only PKCS#7"):
        return pkcs7.load_der_pkcs7_certificates(base64.b64decode(reply.body, validate=False))
