"""Verification of issued certificates: comparison with the order, chain, linting."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise, takewhile

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.utils import timezone

from ca_bridge.contract import CertificateContent, CertificateOrder, Issued
from ca_bridge.errors import CaError
from ca_bridge.keys.keys import spki_sha256
from ca_bridge.x509 import algorithm_strength, csr, lint, name_constraints
from ca_bridge.x509.certificates import load
from ca_bridge.x509.chains import MAX_CHAIN_LENGTH
from ca_bridge.x509.der import (
    MALFORMED,
    extension,
    has_signed,
    is_root,
    is_self_issued,
    is_valid_now,
    issuers_of,
    may_sign_certificates,
    unknown_critical_extensions,
    unknown_critical_extensions_of_issuer,
)
from ca_bridge.x509.names import to_name
from ca_bridge.x509.subject_alt_names import SID_EXTENSION_OID, sid_extension, to_general_name

ANY_USAGE = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE.dotted_string
# CAs backdate notBefore because of slow clocks; by more than this, it is not the ordered validity.
BACKDATING = timedelta(hours=1)
# A certificate whose notBefore is later than this could be delivered before it is valid.
FAST_CLOCK = timedelta(hours=1)
# CAs may issue a shorter validity than ordered; if it is shorter by more than this, it is reported.
SHORTER = timedelta(hours=1)


def faults(
    order: CertificateOrder, answer: Issued, trusted: Sequence[bytes], *, draft: bytes | None = None
) -> tuple[str, ...]:
    """Return all differences between answer and order; empty if there are none. Never raises for bad DER.

    trusted: the CA's configured issuers (DER); the chain of the answer must end in one of them.
    draft: the linted draft of the order; a certificate with the same content is not linted again.
    """
    try:
        certificate = load(answer.certificate)
        found = [*_content_faults(order, certificate), *chain_faults(certificate, answer.chain, trusted)]
    except CaError as error:
        return (error.words,)
    except MALFORMED as error:
        return (f"malformed: {error}",)
    if draft is not None and lint.is_linted(answer.certificate, draft):
        return tuple(found)
    return (*found, *(f"lint: {each}" for each in lint.errors(answer.certificate)))


def _content_faults(order: CertificateOrder, certificate: x509.Certificate) -> Iterator[str]:
    request = x509.load_der_x509_csr(order.csr)
    if spki_sha256(certificate.public_key()) != spki_sha256(request.public_key()):
        yield "the public key is not the one of the request"
    if certificate.subject != to_name(order.content.subject):
        yield f"the subject is {certificate.subject.rfc4514_string()}"
    if certificate.not_valid_after_utc > order.not_after:
        yield f"it is valid until {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S}, longer than ordered"
    if certificate.not_valid_before_utc < order.not_before - BACKDATING:
        yield f"it is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S}, earlier than ordered"
    if certificate.not_valid_before_utc > max(order.not_before, timezone.now()) + FAST_CLOCK:
        yield f"it is valid from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S}, later than ordered"
    if certificate.not_valid_after_utc <= certificate.not_valid_before_utc:
        yield "it is never valid"
    yield from _extension_faults(order.content, certificate.extensions)


def _extension_faults(content: CertificateContent, present: x509.Extensions) -> Iterator[str]:
    constraints = extension(present, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        yield "it is a certificate of a CA"
    ordered = {to_general_name(kind, value) for kind, value in content.subject_alt_names}
    if _alternative_names(present) != ordered:
        yield "the subject alternative names are not as ordered"
    if extension(present, x509.KeyUsage) != csr.key_usage(content.key_usage):
        yield "the key usage is not as ordered"
    if _dotted(extension(present, x509.ExtendedKeyUsage)) != set(content.extended_key_usage):
        yield "the extended key usage is not as ordered"
    policies = extension(present, x509.CertificatePolicies) or ()
    if not set(content.policies) <= {policy.policy_identifier.dotted_string for policy in policies}:
        yield "a certificate policy is missing"
    yield from _sid_faults(content, present)
    for oid in unknown_critical_extensions(present):
        yield f"its extension {oid} is critical, and clients do not know it"


def _sid_faults(content: CertificateContent, present: x509.Extensions) -> Iterator[str]:
    oid = SID_EXTENSION_OID
    found = [extension.value for extension in present if extension.oid == oid]
    wanted = [sid_extension(content.sid)] if content.sid is not None else []
    if found != wanted:
        yield "the security identifier is not as ordered"


def _alternative_names(present: x509.Extensions) -> set[x509.GeneralName]:
    return set(extension(present, x509.SubjectAlternativeName) or ())


def _dotted(usage: x509.ExtendedKeyUsage | None) -> set[str]:
    return {oid.dotted_string for oid in usage or ()}


def chain_faults(
    certificate: x509.Certificate, chain: Sequence[bytes], trusted: Sequence[bytes]
) -> Iterator[str]:
    if len(chain) > MAX_CHAIN_LENGTH:
        yield f"a chain of {len(chain)} certificates came with it"
        return
    path, anchors = [certificate, *map(load, chain)], [*map(load, trusted)]
    whole = [*path, *takewhile(_is_legible, map(load, issuers_of(path[-1], anchors)))]
    if weak := list(algorithm_strength.faults(whole)):
        yield from weak  # with a weak signature in it, the chain proves nothing and is not verified
        return
    for below, issuer in pairwise(path):
        if not _is_issued_by(below, issuer):
            yield f"it does not lead to {_named(issuer)}"
    if path[-1] not in anchors and not any(_is_issued_by(path[-1], anchor) for anchor in anchors):
        yield "its chain does not end at this CA"
    for place, issuer in enumerate(whole[1:], start=1):
        yield from _issuer_faults(issuer, below=whole[1:place])
    yield from _usage_faults(certificate, whole[1:])
    yield from name_constraints.faults(whole)


def _is_legible(issuer: x509.Certificate) -> bool:
    """Whether the extensions of an issuer from chain_file, not in the reply, can be parsed."""
    try:
        return bool(issuer.public_key()) and issuer.extensions is not None
    except MALFORMED:
        return False


def _issuer_faults(issuer: x509.Certificate, *, below: Sequence[x509.Certificate]) -> Iterator[str]:
    """below: the CAs between this one and the certificate.

    Those that are self-issued use up nothing of a path length (RFC 5280 4.2.1.9, 6.1.4 l).
    """
    if not is_valid_now(issuer):
        yield f"its issuer {_named(issuer)} is not valid now"
    constraints = extension(issuer.extensions, x509.BasicConstraints)
    limit = constraints.path_length if constraints else None
    if limit is not None and limit < sum(not is_self_issued(each) for each in below):
        yield f"{_named(issuer)} allows no CA below it"
    for oid in unknown_critical_extensions_of_issuer(issuer):
        yield f"{_named(issuer)} has the critical extension {oid}, which clients do not know"


def _usage_faults(certificate: x509.Certificate, issuers: Sequence[x509.Certificate]) -> Iterator[str]:
    """Extended key usage, as clients nest it: each CA below the root has it, or has no such extension."""
    wanted = _dotted(extension(certificate.extensions, x509.ExtendedKeyUsage))
    for issuer in issuers:
        allowed = _dotted(extension(issuer.extensions, x509.ExtendedKeyUsage))
        if not allowed or ANY_USAGE in allowed or is_root(issuer, issuers):
            continue
        for oid in sorted(wanted - allowed):
            yield f"{_named(issuer)} is not for the extended key usage {oid}"


def _named(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string()


def _is_issued_by(below: x509.Certificate, above: x509.Certificate) -> bool:
    """Name and signature match, and the issuer is allowed to sign certificates (RFC 5280 6.1.4 k, n)."""
    return has_signed(above, below) and may_sign_certificates(above)
