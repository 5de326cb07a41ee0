"""Requests to the REST API of Sectigo Certificate Manager and its answers: orders, lists, error codes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote

from cryptography import x509

from ca_bridge.connection import bundles
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.sectigo.options import SectigoOptions
from ca_bridge.contract import CertificateOrder, RevocationReason

ENROLL, COLLECT = "/smime/v1/enroll", "/smime/v1/collect"
DOMAINS = "/dcv/v1/validation?size=200&position=0"
WAITING, REVOKED = -183, -192  # codes of an answer with HTTP 400 to a collection
REJECTED = frozenset({"rejected", "declined", "invalid"})
# The only reasons that SCM accepts (reasonCode, by Mozilla's policy); others are sent as unspecified.
_REASONS = frozenset({0, 1, 3, 4, 5})
_DAY = timedelta(days=1)
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Product:
    """A certificate profile of SCM. terms: the days that it may be ordered for."""

    number: int
    name: str
    terms: tuple[int, ...]


def types_path(options: SectigoOptions) -> str:
    """The path of the certificate profiles of our organisation."""
    return f"/smime/v1/types?organizationId={options.organization_id}"


def products_of(reply: Reply) -> tuple[Product, ...]:
    """The certificate profiles."""
    with reply.reading("certificate profiles"):
        return tuple(
            Product(int(each["id"]), str(each["name"]), tuple(map(int, each["terms"])))
            for each in reply.json()
        )


def term_of(product: Product, order: CertificateOrder) -> int:
    """The longest term that ends in time; 0 where there is none.

    A day is kept free: Sectigo's certificates end at the end of a day.
    """
    longest = (order.not_after - order.not_before) - _DAY
    return max((term for term in product.terms if timedelta(days=term) <= longest), default=0)


def addresses(order: CertificateOrder) -> list[str]:
    """The e-mail addresses of an order, the main one first."""
    return [value for kind, value in order.content.subject_alt_names if kind == "email"]


def enrolment(order: CertificateOrder, product: Product, options: SectigoOptions) -> dict[str, Any]:
    """The body of an order. SCM uses these names, not the CSR's; the comment makes the order searchable."""
    subject, names = dict(order.content.subject), order.content.subject_alt_names
    first, *others = addresses(order)
    return {
        "orgId": options.organization_id,
        "csr": order.csr_pem.rstrip(),
        "certType": product.number,
        "term": term_of(product, order),
        "email": first,
        "secondaryEmails": others,
        "firstName": subject["givenName"],
        "lastName": subject["surname"],
        "commonName": subject.get("commonName", ""),
        "upn": next((value for kind, value in names if kind == "upn"), None),
        "customFields": [{"name": name, "value": value} for name, value in options.custom_fields.items()],
        "comments": order.idempotency_key,
    }


def handle_of(reply: Reply) -> str:
    """The identifier by which what was ordered is collected."""
    with reply.reading("backendCertId"):
        return str(reply.json()["backendCertId"] or reply.json()["orderNumber"])


def collection_path(handle: str) -> str:
    """The path of a certificate with its issuers, as PKCS#7 in PEM."""
    return f"{COLLECT}/{quote(handle, safe='')}?format=base64"


def code_of(reply: Reply) -> int:
    """The error code in an answer; 0 without one."""
    code = reply.fields_if_any().get("code")
    return code if isinstance(code, int) else 0


def certificates_of(reply: Reply) -> list[x509.Certificate]:
    """Certificates in the answer to a collect call."""
    with reply.reading("certificates"):
        return bundles.certificates(reply.body)


def by_address(address: str) -> str:
    """The path of the list of a person's certificates."""
    return f"/smime/v2/byPersonEmail/{quote(address, safe='')}"


def by_serial(serial: int) -> str:
    """The path of the list of the certificates with a serial number."""
    return f"/smime/v2?size=2&position=0&serialNumber={quote(serial_words(serial), safe='')}"


def entries_of(reply: Reply) -> Sequence[Entry]:
    """The entries of a list; each has a state and a backendCertId."""
    with reply.reading("list of certificates"):
        return [{**each, "state": str(each["state"])} for each in reply.json()]


def organisation_path(options: SectigoOptions) -> str:
    """The path of the validations of our organisation."""
    return f"/organization/v2/{options.organization_id}/validations"


def expiries_of(reply: Reply, name: str, state: str) -> list[tuple[str, date]]:
    """The name and the last day of each entry in this state that has one."""
    with reply.reading("validations"):
        return [
            (str(each[name]), date.fromisoformat(str(each["expires"])[:10]))
            for each in reply.json()
            if state in (each.get("dcvStatus"), each.get("status")) and each.get("expires")
        ]


def serial_words(serial: int) -> str:
    """A serial number as SCM lists it: octets in upper case, with colons."""
    octets = serial.to_bytes((serial.bit_length() + 7) // 8 or 1, "big")
    return octets.hex(":").upper()


def revocation(reason: RevocationReason) -> dict[str, Any]:
    """The body of a revocation. The text must not be empty."""
    number = reason.number if reason.number in _REASONS else 0
    return {"reasonCode": number, "reason": reason.value}
