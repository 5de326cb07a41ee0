"""Requests to the CM REST API and its answers: signed forms, searches, error codes."""

import base64
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import urlencode

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key, pkcs7
from django.utils.translation import gettext as _

from ca_bridge.connection import multipart
from ca_bridge.connection.http import secret
from ca_bridge.connection.reply import Reply
from ca_bridge.contract import CertificateOrder
from ca_bridge.errors import CaError

ACCEPT = {"Accept": "application/pkix-cert"}
PAGE = 50  # certificates in an answer of a search
GENERAL_ERROR, CREDENTIALS = -1, (-15, -17)  # privileges, signature
_PASSING = (-12, -18, -40)  # not initialised, no connection to CM, too many requests


class SearchEntry(TypedDict):
    """A certificate in a search result: its identifier, and whether it is revoked.

    serial: hexadecimal; empty where CM does not return it.
    """

    certid: str
    status: str
    serial: str


def moment(time: datetime) -> str:
    """A moment as the API takes it (ISO 8601 in UTC)."""
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def form_of(order: CertificateOrder) -> dict[str, str]:
    """The fields of a signing request: CSR, procedure, validity."""
    return {
        "pkcs10": base64.b64encode(order.csr).decode(),
        "procname": order.ca_profile,
        "validfrom": moment(order.not_before),
        "validto": moment(order.not_after),
    }


def encoded(form: Mapping[str, str]) -> tuple[bytes, str]:
    """A form with its content type: multipart (RFC 7578) for a request, else URL-encoded."""
    if "pkcs10" not in form:
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    return multipart.encoded(form)


def signature(data: bytes, files: tuple[str, str, str]) -> str:
    """CMS SignedData (RFC 5652 5) by the officer with the data enclosed, in base64."""
    certificate_file, key_file, passphrase_file = files
    password = secret(passphrase_file).encode() if passphrase_file else None
    try:
        certificate = x509.load_pem_x509_certificate(Path(certificate_file).read_bytes())
        key: Any = load_pem_private_key(Path(key_file).read_bytes(), password)
        builder = pkcs7.PKCS7SignatureBuilder().set_data(data).add_signer(certificate, key, SHA256())
        made = builder.sign(Encoding.DER, [pkcs7.PKCS7Options.Binary])
    except (OSError, ValueError, TypeError) as error:
        message = _("The credentials for the certificate authority cannot be read.")
        raise CaError(message, f"{key_file}: {type(error).__name__}") from error
    return base64.b64encode(made).decode()


def to_sign(reply: Reply) -> bytes:
    """The data that the officer is asked to sign; empty where nothing is."""
    data = reply.fields_if_any().get("dataToSign")
    with reply.reading("base64 in dataToSign"):
        return base64.b64decode(data, validate=True) if isinstance(data, str) else b""


def code_of(reply: Reply) -> int:
    """The error code of the API; 0 without one."""
    code = reply.fields_if_any().get("error")
    return code if isinstance(code, int) else 0


def fault_of(reply: Reply) -> CaError | None:
    """The fault for refused credentials or an unavailable CM; None for any other reply."""
    if reply.status in (401, 403) or code_of(reply) in CREDENTIALS:
        return CaError.credentials(reply.said())
    if reply.status in (429, 503) or code_of(reply) in _PASSING:
        return CaError.out_of_service(reply.said())
    return None


def query_of(subject: x509.Name, since: datetime, offset: int) -> str:
    """The query for one page of the certificates of a common name valid at or after a moment."""
    names = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    name = {"subjectCommonName": str(names[0].value)} if names else {}
    page = {"searchLimit": str(PAGE), "searchOffset": str(offset)}
    return urlencode(name | {"validFromTimeFrom": moment(since)} | page)


def issued_query(since: datetime, offset: int) -> str:
    """The query for one page of all certificates valid at or after a moment."""
    page = {"searchLimit": str(PAGE), "searchOffset": str(offset)}
    return urlencode({"validFromTimeFrom": moment(since)} | page)


def serial_query(serial: int) -> str:
    """The query for the certificates of a serial number; each CA of CM may have one."""
    return urlencode({"certificateSerialNumber": f"{serial:x}", "searchLimit": str(PAGE)})


def entries_of(reply: Reply) -> tuple[list[SearchEntry], int]:
    """The entries of this page, and the number of entries on all pages."""
    found = reply.fields()
    with reply.reading("list of certificates"):
        entries: list[SearchEntry] = [
            {
                "certid": str(each["certid"]),
                "status": str(each["status"]),
                "serial": str(each.get("certificateserialnumber", "")),
            }
            for each in found["certificates"]
        ]
        return entries, int(found["searchHits"])


def certificate_of(reply: Reply) -> bytes:
    """The certificate (DER) of the answer."""
    with reply.reading("certificate"):
        return x509.load_der_x509_certificate(reply.body).public_bytes(Encoding.DER)
