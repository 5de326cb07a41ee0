"""Untrusted certificates in DER or PEM: parsing errors, issuer relations, roll-over."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

Extension = TypeVar("Extension", bound=x509.ExtensionType)

# RFC 5280 4.2.1.5: critical and known to clients; `cryptography` has no class for it.
POLICY_MAPPINGS = "2.5.29.33"
# Exceptions of `cryptography`, some raised lazily, for malformed certificates or parts of them.
MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def of_pem(pem: str) -> bytes:
    """PEM to DER. Raises one of MALFORMED."""
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def is_for(certificate: x509.Certificate, csr: bytes) -> bool:
    """Whether the certificate's key is the request's; False for unsupported keys."""
    try:
        return certificate.public_key() == x509.load_der_x509_csr(csr).public_key()
    except MALFORMED:
        return False


def extension(present: x509.Extensions, kind: type[Extension]) -> Extension | None:
    """The value of that extension, where there is one."""
    try:
        return present.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def may_sign_certificates(certificate: x509.Certificate) -> bool:
    """basicConstraints CA and keyUsage keyCertSign (RFC 5280 6.1.4 k, n)."""
    constraints = extension(certificate.extensions, x509.BasicConstraints)
    usage = extension(certificate.extensions, x509.KeyUsage)
    return constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)


def unknown_critical_extensions(present: x509.Extensions) -> Iterator[str]:
    """Unsupported critical extensions, for which clients reject the certificate (RFC 5280 4.2)."""
    for each in present:
        if each.critical and isinstance(each.value, x509.UnrecognizedExtension):
            yield each.oid.dotted_string


def unknown_critical_extensions_of_issuer(issuer: x509.Certificate) -> set[str]:
    """As unknown_critical_extensions, for a CA certificate."""
    return {*unknown_critical_extensions(issuer.extensions)} - {POLICY_MAPPINGS}


def has_signed(above: x509.Certificate, below: x509.Certificate) -> bool:
    """Whether it is the issuer, by name and signature."""
    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, *MALFORMED):
        return False
    return True


def issuers_of(certificate: x509.Certificate, others: Iterable[x509.Certificate]) -> tuple[bytes, ...]:
    """The certificate's issuers (DER) among others, nearest first; empty for a root.

    Includes roll-over certificates of a CA's own new key (RFC 9810 4.4).
    """
    left, chain, below = list(others), [], certificate
    while found := _issuer(below, left):
        chain.append(found.public_bytes(Encoding.DER))
        left.remove(found)
        below = found
    return tuple(chain)


def chain_of(certificate: x509.Certificate, came: Sequence[x509.Certificate]) -> tuple[bytes, ...]:
    """issuers_of, followed by the roll-over certificates of the CA's other keys (DER)."""
    chain = issuers_of(certificate, came)
    rollovers = [each for each in came if is_self_issued(each) and not is_root(each, came)]
    return tuple(dict.fromkeys((*chain, *(each.public_bytes(Encoding.DER) for each in rollovers))))


def _issuer(below: x509.Certificate, others: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """The issuer by name; of several (key roll-over, RFC 5280 4.2.1.1) the one that signed.

    Among certificates of the same key, one valid now is preferred, as a root may be renewed with its key;
    then the root itself before cross-certificates, whose issuers may have expired.
    """
    if is_self_issued(below):
        signed = named = rollover_issuers(below, others)
    else:
        named = [each for each in others if each.subject == below.issuer]
        signed = [each for each in named if has_signed(each, below)] if len(named) > 1 else named
    chosen = sorted(signed, key=lambda each: (not is_valid_now(each), not is_root(each, others))) or named
    return chosen[0] if chosen else None


def is_self_issued(certificate: x509.Certificate) -> bool:
    """Whether issuer and subject are equal: roots and roll-over certificates."""
    return certificate.subject == certificate.issuer


def is_root(certificate: x509.Certificate, others: Sequence[x509.Certificate]) -> bool:
    """Whether it is self-issued and none of the others has signed it with another key.

    Its own signature is not checked: a root is trusted in any case.
    """
    return is_self_issued(certificate) and not rollover_issuers(certificate, others)


def rollover_issuers(below: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Certificates of the same CA with another key that signed it (self-issued, RFC 5280 3.2)."""
    return [
        each
        for each in others
        if each.subject == below.subject and not has_key_of(each, below) and has_signed(each, below)
    ]


def has_key_of(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether both have the same key; False for unsupported keys."""
    try:
        return one.public_key() == other.public_key()
    except MALFORMED:
        return False


def is_valid_now(certificate: x509.Certificate) -> bool:
    """By its dates alone."""
    return certificate.not_valid_before_utc <= timezone.now() <= certificate.not_valid_after_utc
