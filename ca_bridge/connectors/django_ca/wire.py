"""Requests to the REST API of django-ca and its answers."""

import json
from typing import Any

from cryptography import x509

from ca_bridge.connection.reply import Reply
from ca_bridge.contract import UPN, CertificateContent, CertificateOrder
from ca_bridge.x509 import der

ALREADY = "already revoked"


def serial_of(certificate: bytes) -> str:
    """A serial number as django-ca writes it: upper-case hexadecimal without leading zeros."""
    return f"{x509.load_der_x509_certificate(certificate).serial_number:X}"


def signing_request(order: CertificateOrder) -> dict[str, Any]:
    """The body of an order: key from the CSR, all else explicit, as django-ca ignores extensions of a CSR."""
    request = x509.load_der_x509_csr(order.csr)
    subject = [{"oid": each.oid.dotted_string, "value": str(each.value)} for each in request.subject]
    return {
        "csr": order.csr_pem,
        "profile": order.ca_profile,
        "subject": subject,
        "not_after": f"{order.not_after:%Y-%m-%dT%H:%M:%SZ}",
        "extensions": [each for each in _extensions(order.content) if each["value"]],
    }


def _extensions(content: CertificateContent) -> list[dict[str, Any]]:
    names = [_general_name(kind, value) for kind, value in content.subject_alt_names]
    policies = [{"policy_identifier": each} for each in content.policies]
    return [
        {"type": "key_usage", "critical": True, "value": content.key_usage},
        {"type": "extended_key_usage", "critical": False, "value": content.extended_key_usage},
        {"type": "subject_alternative_name", "critical": False, "value": names},
        {"type": "certificate_policies", "critical": False, "value": policies},
    ]


def _general_name(kind: str, value: str) -> dict[str, Any]:
    if kind == "upn":
        return {"type": "otherName", "value": {"oid": UPN, "type": "UTF8String", "value": value}}
    return {"type": {"email": "email", "uri": "URI"}[kind], "value": value}


def text_of(reply: Reply, name: str) -> str:
    """A string field."""
    value = reply.fields().get(name)
    if not isinstance(value, str) or not value:
        raise reply.garbled(f"no {name}")
    return value


def certificate_of(reply: Reply) -> bytes:
    """The certificate in an answer, as DER."""
    with reply.reading("certificate"):
        return der.of_pem(reply.fields()["certificate"]["pem"])


def serials_of(reply: Reply) -> tuple[int, ...]:
    """The serial numbers of a list of certificates."""
    with reply.reading("list of certificates"):
        return tuple(_serial_of_pem(each["certificate"]["pem"]) for each in json.loads(reply.body))


def _serial_of_pem(pem: str) -> int:
    return x509.load_pem_x509_certificate(pem.encode()).serial_number
