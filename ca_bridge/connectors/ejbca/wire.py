"""Requests to the REST API of EJBCA and its answers: end entities, certificates, searches."""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from cryptography import x509

from ca_bridge.connection.http import secret
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.ejbca.options import EjbcaOptions
from ca_bridge.contract import CertificateOrder, RevocationReason
from ca_bridge.errors import CaError

MOST = 100  # certificates that a search shows
SHORTEST = timedelta(seconds=2)  # EJBCA keeps no fractions of a second
CLOCKS_DIFFER = timedelta(hours=1)
_SECOND = timedelta(seconds=1)


def reason_of(reason: RevocationReason) -> str:
    """The revocation reason in the spelling of EJBCA."""
    return reason.name.replace("PRIVILEGE_", "PRIVILEGES_")


def username(order: CertificateOrder, options: EjbcaOptions) -> str:
    """The end entity of an order: one for each, so that a search finds what was issued for it."""
    return f"{options.username_prefix}{order.idempotency_key}"


def enrollment_code(order: CertificateOrder, options: EjbcaOptions) -> str:
    """The enrollment code, derived from the order and a secret: the same at each try, and stored nowhere."""
    key = secret(options.enrollment_code_file).encode()
    return hmac.digest(key, username(order, options).encode(), hashlib.sha256).hex()


def enrolment(order: CertificateOrder, options: EjbcaOptions) -> dict[str, Any]:
    """The body of pkcs10enroll: subject and alternative names come from the CSR."""
    emails = [value for kind, value in order.content.subject_alt_names if kind == "email"]
    return {
        "certificate_request": order.csr_pem,
        "certificate_profile_name": order.ca_profile,
        "end_entity_profile_name": options.end_entity_profile,
        "certificate_authority_name": options.ca_name,
        "username": username(order, options),
        "password": enrollment_code(order, options),
        "include_chain": False,
    } | ({"email": emails[0]} if emails else {})


def search(order: CertificateOrder, options: EjbcaOptions, *, active: bool) -> dict[str, Any]:
    """The body of a search for the certificates of an order's end entity; every version has QUERY."""
    wanted = {"QUERY": username(order, options)} | ({"STATUS": "CERT_ACTIVE"} if active else {})
    criteria = [{"property": name, "value": value, "operation": "EQUAL"} for name, value in wanted.items()]
    return {"max_number_of_results": MOST, "criteria": criteria}


def search_issued(options: EjbcaOptions, begin: datetime, end: datetime) -> dict[str, Any]:
    """The body of a search for what the CA issued in an interval, both ends included."""
    criteria = [
        {"property": "CA", "value": options.ca_name, "operation": "EQUAL"},
        {"property": "ISSUED_DATE", "value": _moment(begin - _SECOND), "operation": "AFTER"},
        {"property": "ISSUED_DATE", "value": _moment(end + _SECOND), "operation": "BEFORE"},
    ]
    return {"max_number_of_results": MOST, "criteria": criteria}


def search_serial(options: EjbcaOptions, serial: int) -> dict[str, Any]:
    """The body of a search for a serial number of the CA."""
    criteria = [
        {"property": "CA", "value": options.ca_name, "operation": "EQUAL"},
        {"property": "QUERY", "value": f"{serial:X}", "operation": "EQUAL"},
    ]
    return {"max_number_of_results": MOST, "criteria": criteria}


def _moment(time: datetime) -> str:
    """ISO 8601 in UTC, without fractions of a second."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def has_more(reply: Reply) -> bool:
    """Whether the search found more than it returned."""
    return reply.fields().get("more_results") is True


def certificate_of(reply: Reply, found: Any) -> x509.Certificate:
    """An answer's certificate: base64 DER, encoded twice in the searches of some versions."""
    with reply.reading("certificate"):
        octets = base64.b64decode(found["certificate"])
        return x509.load_der_x509_certificate(octets if octets[:1] == b"0" else base64.b64decode(octets))


def certificates_of(reply: Reply) -> list[x509.Certificate]:
    """The certificates of a search, oldest first."""
    found = reply.fields().get("certificates")
    if not isinstance(found, list):
        raise reply.garbled("no certificates")
    loaded = [certificate_of(reply, each) for each in found]
    return sorted(loaded, key=lambda each: (each.not_valid_before_utc, each.serial_number))


def authorities_of(reply: Reply) -> list[str]:
    """The CAs that our client certificate may use."""
    with reply.reading("list of CAs"):
        return [str(each["name"]) for each in reply.fields()["certificate_authorities"]]


def profile_path(options: EjbcaOptions) -> str:
    """The path of the end entity profile (Enterprise only)."""
    return f"/v2/endentity/profile/{quote(options.end_entity_profile, safe='')}"


def profiles_of(reply: Reply) -> list[str]:
    """The certificate profiles that an end entity profile allows."""
    with reply.reading("end entity profile"):
        return [str(name) for name in reply.fields()["available_certificate_profiles"]]


def request_id(reply: Reply) -> str:
    """The id of the approval request: a field, or part of a link, as the version has it."""
    if match := re.search(r'(?:/certificate/|"request_id" *: *)(\d+)', reply.text):
        return match[1]
    raise reply.garbled("no request id")


def path_of(certificate: bytes) -> str:
    """The path of a certificate: its issuer, and its serial number in hexadecimal."""
    loaded = x509.load_der_x509_certificate(certificate)
    return f"/v1/certificate/{quote(loaded.issuer.rfc4514_string(), safe='')}/{loaded.serial_number:x}"


def has_ended(reply: Reply) -> bool:
    """Whether an approval was rejected or expired, so that no certificate comes of it."""
    words = "has been rejected|has expired|could not be executed"
    return reply.status == 400 and re.search(words, reply.text) is not None


def waits_already(reply: Reply) -> bool:
    """Whether it waits for an approval, also for one that was requested before (ApprovalException)."""
    return reply.status == 202 or (reply.status in (400, 409) and "approval" in reply.text.lower())


def refuses(reply: Reply) -> bool:
    """Whether EJBCA refused; a 404 without an error of EJBCA comes from a wrong address."""
    itself = reply.status in (400, 404, 409, 413, 422) and "error_code" in reply.text
    return itself and not waits_already(reply)


def not_done(reply: Reply) -> CaError:
    """The CaError for a failed call about one certificate."""
    return CaError.not_issued_here(reply.said()) if refuses(reply) else reply.not_taken()
