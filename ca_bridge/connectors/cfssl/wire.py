"""Requests to CFSSL and its answers: authenticated requests, serial numbers, subject order, error codes."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509
from django.utils.translation import gettext as _

from ca_bridge.connection.http import secret
from ca_bridge.connection.reply import SAID, UNREADABLE, Reply
from ca_bridge.contract import CertificateOrder
from ca_bridge.errors import CaError
from ca_bridge.x509 import der

API = "/api/v1/cfssl"
WRONG_TOKEN = "invalid token"  # noqa: S105 - what CFSSL says, no secret
NO_KEY = "no authentication provider"
TAKEN = "missing parameter 'certificate_request'"  # the token was accepted, and there was nothing to sign
NOT_STORED = 11000  # CFSSL could not store the certificate in its database, and did not return it
PASSING = (401, 403, 404, 405, 429, 503)  # credentials at a proxy, endpoints that are not there, trouble
NOT_FOUND = "no certificate found"
# Go's crypto/x509/pkix writes these first and in this order, then all others in the order of the request.
_ABOVE = ("countryName", "organizationName", "organizationalUnitName", "localityName", "stateOrProvinceName")
_FIRST = (*_ABOVE, "commonName", "serialNumber")


def as_written(subject: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The subject in the order in which CFSSL writes it: some attributes first and once, then all others."""
    once = {name: value for name, value in subject if name in _FIRST}
    first = ((name, once[name]) for name in _FIRST if name in once)
    return (*first, *(each for each in subject if each[0] not in _FIRST))


def signing_request(order: CertificateOrder) -> dict[str, Any]:
    """The body of a signing request. CFSSL decides on the validity."""
    return {"certificate_request": order.csr_pem, "profile": order.ca_profile, "serial": serial_of(order)}


def serial_of(order: CertificateOrder) -> int:
    """The serial number derived from an order: the unique key of CFSSL's database makes it idempotent.

    159 bits (RFC 5280 4.1.2.2), unpredictable without the request and its new key.
    """
    digest = hashlib.sha256(order.idempotency_key.encode() + b"\0" + order.csr).digest()
    return int.from_bytes(digest, "big") >> 97


def authenticated(request: Mapping[str, Any], key_file: str) -> dict[str, str]:
    """The request with CFSSL's token, an HMAC of its octets. Raises a transient CaError without a key."""
    try:
        key = bytes.fromhex(secret(key_file))
    except ValueError as error:
        message = _("The credentials for the certificate authority cannot be read.")
        raise CaError(message, f"{key_file} holds no hexadecimal digits") from error
    octets = json.dumps(request).encode()
    token = hmac.new(key, octets, hashlib.sha256).digest()
    return {"token": base64.b64encode(token).decode(), "request": base64.b64encode(octets).decode()}


def error_of(reply: Reply) -> tuple[int, str]:
    """Error code and message; 0 and the beginning of the body where the reply is not from CFSSL."""
    try:
        error = reply.fields_if_any()["errors"][0]
        return int(error["code"]), str(error["message"])[:SAID]
    except UNREADABLE:
        return 0, reply.said()


def not_taken(reply: Reply) -> CaError:
    """A transient CaError: the token was refused, or CFSSL is unavailable."""
    said = error_of(reply)[1]
    return CaError.credentials(said) if said == WRONG_TOKEN else reply.not_taken(said)


def result_of(reply: Reply) -> Any:
    """The field `result` of an answer."""
    found = reply.fields()
    if found.get("success") is not True:
        raise reply.garbled("no success")
    return found.get("result")


def certificate_of(reply: Reply, name: str) -> bytes:
    """A PEM field of the result, as DER."""
    with reply.reading(f"certificate in {name}"):
        return der.of_pem(result_of(reply)[name])


def named(serial: int, issuer: bytes) -> dict[str, str]:
    """A certificate as CFSSL's database knows it: serial number and authority key identifier."""
    extensions = x509.load_der_x509_certificate(issuer).extensions
    key = extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest.hex()
    return {"serial": str(serial), "authority_key_id": key}


def revoked_of(reply: Reply) -> set[int]:
    """The serial numbers on the CRL in an answer."""
    with reply.reading("CRL"):
        crl = x509.load_der_x509_crl(base64.b64decode(result_of(reply)))
        return {each.serial_number for each in crl}
