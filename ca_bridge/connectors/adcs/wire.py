"""Requests to the web enrolment pages of AD CS, and parsing of their HTML."""

import re
from datetime import UTC
from email.utils import format_datetime
from html import unescape
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7

from ca_bridge.connection.reply import Reply
from ca_bridge.contract import CertificateOrder
from ca_bridge.x509.der import MALFORMED

# Without a browser's name the pages send certificates as something else.
HEADERS = {"User-Agent": "Mozilla/5.0 (compatible; Identity Manager)"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ISSUED = re.compile(r"certnew\.cer\?ReqID=(\d+)&")
_REQUEST = re.compile(r"Your Request Id is (\d+)")
_SAID = (
    re.compile(r'The disposition message is "([^"]+)'),
    re.compile(r"Disposition message:[^\t]{0,300}\t+([^\r\n]+)"),
)
# Of the list lbCertTemplate: whether the request names the subject (O) or the directory does (E), the name.
_TEMPLATE = re.compile(r'<option\s+value="?([EO];[^">]+)', re.IGNORECASE)
CODE = re.compile(r"\b(0x[0-9A-Fa-f]{8})\b")
NEVER_ASKED = "0x800706ba"  # RPC_S_SERVER_UNAVAILABLE: the pages are up, the CA behind them is not

# Denials with a temporary cause: CRYPT_E_REVOCATION_OFFLINE, ERROR_DS_UNAVAILABLE, ERROR_DS_SERVER_DOWN.
_FOR_NOW = re.compile(r"\b0x(80092013|8007200f|8007203a)\b", re.IGNORECASE)


def form(order: CertificateOrder) -> bytes:
    """The form of a new request. The CA uses the end only if configured so, and only to shorten."""
    until = format_datetime(order.not_after.astimezone(UTC).replace(microsecond=0), usegmt=True)
    attributes = [f"CertificateTemplate:{order.ca_profile}", f"ExpirationDate:{until}"]
    fields = {
        "Mode": "newreq",
        "CertRequest": order.csr_pem,
        "CertAttrib": "\r\n".join([*attributes, ""]),
        "FriendlyType": "Saved-Request Certificate",
        "TargetStoreFlags": "0",
        "SaveCert": "yes",
    }
    return urlencode(fields).encode()


def path_of(request: str) -> str:
    """The path of the page with the certificate of a request, or with its disposition."""
    return f"/certnew.cer?ReqID={request}&Enc=b64"


def issued(reply: Reply) -> str:
    """The request id of a certificate that was issued at once; empty if it was not."""
    return _first(_ISSUED, reply.text)


def request_of(reply: Reply) -> str:
    """The request id where nothing was issued; empty where the page does not show it."""
    return _first(_REQUEST, reply.text)


def is_pending(reply: Reply) -> bool:
    """Whether the request waits for a CA manager."""
    return "Certificate Pending" in reply.text or "Taken Under Submission" in reply.text


def is_denied(reply: Reply) -> bool:
    """Whether the policy module or a CA manager denied the request."""
    return "Denied by" in reply.text or _SAID[0].search(reply.text) is not None


def is_for_now(disposition: str) -> bool:
    """Whether the cause is temporary: no CRL of its own chain, or no domain controller, was reachable."""
    return _FOR_NOW.search(disposition) is not None


def disposition(*replies: Reply) -> str:
    """The disposition message with the code of the first page that shows one, for operators."""
    pages = [unescape(each.text) for each in replies]
    words = next((found for page in pages for each in _SAID if (found := _first(each, page))), "")
    code = next((found for page in pages if (found := _first(CODE, page))), "")
    message = " ".join(words.split()) or replies[0].said()
    return (message if code in message else f"{message} ({code})")[:300]


def certificate_of(reply: Reply) -> x509.Certificate | None:
    """The certificate (PEM) of the page; None for a page about the request."""
    try:
        return x509.load_pem_x509_certificate(reply.body)
    except MALFORMED:
        return None


def templates(reply: Reply) -> list[str]:
    """The template names (not their display names) on the page for new requests."""
    return [unescape(value).split(";")[1] for value in _TEMPLATE.findall(reply.text)]


def renewal_of(reply: Reply) -> str:
    """The renewal index of the CA's present certificate."""
    if number := _first(re.compile(r"var nRenewals=(\d+);"), reply.text):
        return number
    raise reply.garbled("no number of renewals")


def chain_of(reply: Reply) -> list[x509.Certificate]:
    """The certificates of a PKCS#7 reply."""
    with reply.reading("PKCS#7"):
        return pkcs7.load_der_pkcs7_certificates(reply.body)


def is_revoked(reply: Reply, certificate: bytes, issuer: bytes) -> bool:
    """Whether the CRL lists the certificate, its signature verified; on hold is not revoked."""
    loaded = x509.load_der_x509_certificate(certificate)
    held = x509.CRLReason(x509.ReasonFlags.certificate_hold)
    with reply.reading("CRL"):
        crl = x509.load_der_x509_crl(reply.body)
        signed = crl.is_signature_valid(x509.load_der_x509_certificate(issuer).public_key())  # type: ignore[arg-type]  # a CA's key signs
        if not signed or crl.issuer != loaded.issuer:
            raise reply.garbled("a CRL of another CA")
        entry = crl.get_revoked_certificate_by_serial_number(loaded.serial_number)
        return entry is not None and all(each.value != held for each in entry.extensions)


def _first(pattern: re.Pattern[str], text: str) -> str:
    return match[1] if (match := pattern.search(text)) else ""
