"""Requests to HARICA's CertManager by API key, and its answers: a CSV file of one row, a ZIP archive."""

import csv
import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from cryptography import x509

from ca_bridge.connection import bundles, multipart
from ca_bridge.connection.http import LONGEST_ANSWER, secret
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.harica.options import HaricaOptions
from ca_bridge.contract import CertificateOrder

ENTERPRISES, ORDER = "/cm/v1/admin/enterprises", "/cm/v1/bulk/create/smime"
EMAIL_ONLY, PERSON = "email_only", "natural_legal_lcp"
PRODUCTS = (EMAIL_ONLY, PERSON)
MOST_ADDRESSES = 3
COLUMNS = (
    *("FriendlyName", "Email", "Email2", "Email3", "GivenName", "Surname"),
    *("PickupPassword", "CertType", "CSR"),
)


def headers(options: HaricaOptions) -> dict[str, str]:
    """The API key, re-read from its file."""
    return {"X-API-Key": secret(options.api_key_file)}


def obstacle(order: CertificateOrder) -> str:
    """Why the order cannot be sent to HARICA, for operators; empty if it can."""
    subject = dict(order.content.subject)
    if order.ca_profile not in PRODUCTS:
        return f"it has no {order.ca_profile}, only {', '.join(PRODUCTS)}"
    if not 1 <= len(_addresses(order)) <= MOST_ADDRESSES:
        return f"an order names one to {MOST_ADDRESSES} e-mail addresses"
    if order.ca_profile == PERSON and not (subject.get("givenName") and subject.get("surname")):
        return f"{PERSON} needs givenName and surname in the subject"
    return ""


def _addresses(order: CertificateOrder) -> list[str]:
    return [value for kind, value in order.content.subject_alt_names if kind == "email"]


def request_of(order: CertificateOrder, options: HaricaOptions) -> tuple[bytes, str]:
    """The form of an order, and its content type. An officer finds the order there by its FriendlyName.

    No PickupPassword: with one HARICA would make the key.
    """
    addresses, subject = _addresses(order), dict(order.content.subject)
    row = {
        "FriendlyName": order.idempotency_key,
        "GivenName": subject.get("givenName", "") if order.ca_profile == PERSON else "",
        "Surname": subject.get("surname", "") if order.ca_profile == PERSON else "",
        "CertType": order.ca_profile,
        "CSR": order.csr_pem,
    } | dict(zip(("Email", "Email2", "Email3"), addresses, strict=False))
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return multipart.encoded(
        {"Value": options.organization_id}, {"File": ("bulk.csv", "text/csv", table.getvalue())}
    )


def is_archive(reply: Reply) -> bool:
    """Whether the answer is a ZIP archive; errors are JSON."""
    return reply.body.startswith(b"PK")


def certificates_of(reply: Reply) -> list[x509.Certificate]:
    """The certificates of every file of the archive: one order, one file."""
    broken = (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
    )
    try:
        with zipfile.ZipFile(io.BytesIO(reply.body)) as archive:
            files = [archive.open(each).read(LONGEST_ANSWER) for each in archive.infolist()]
    except broken as error:
        raise reply.garbled("no ZIP archive") from error
    with reply.reading("certificates in the archive"):
        return [each for file in files for each in bundles.certificates(file)]


def enterprises_of(reply: Reply) -> list[Mapping[str, Any]]:
    """The organisations that our key may order for."""
    with reply.reading("list of enterprises"):
        found = reply.json()
        return [each for each in found if each["organizationId"]]


def name_of(enterprise: Mapping[str, Any]) -> str:
    """Name of an organisation at HARICA; its id without one."""
    return str(enterprise.get("name") or enterprise.get("enterpriseName") or enterprise["organizationId"])
