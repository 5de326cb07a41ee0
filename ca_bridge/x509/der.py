"""Certificates that others wrote, in DER or PEM: what reading them can raise, and what stands above what."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone

Extension = TypeVar("Extension", bound=x509.ExtensionType)

# RFC 5280 4.2.1.5 wants it critical, and clients know it; `cryptography` has no class for it.
POLICY_MAPPINGS = "2.5.29.33"
# What `cryptography` raises, some of it late, for a certificate that it cannot read, or a part of it.
MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


def of_pem(pem: str) -> bytes:
    """The certificate as DER. Raises one of MALFORMED for what is none."""
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def is_for(certificate: x509.Certificate, csr: bytes) -> bool:
    """Whether its key is the one of the request; not where the key is of a kind that nobody reads here."""
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
    """Whether it says that it is a CA's, and of its key nothing else (RFC 5280 6.1.4 k, n)."""
    constraints = extension(certificate.extensions, x509.BasicConstraints)
    usage = extension(certificate.extensions, x509.KeyUsage)
    return constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)


def unheard(present: x509.Extensions) -> Iterator[str]:
    """RFC 5280 4.2: who does not know an extension that is critical rejects the certificate."""
    for each in present:
        if each.critical and isinstance(each.value, x509.UnrecognizedExtension):
            yield each.oid.dotted_string


def unheard_of_issuer(issuer: x509.Certificate) -> set[str]:
    """The same of a CA's."""
    return {*unheard(issuer.extensions)} - {POLICY_MAPPINGS}


def has_signed(above: x509.Certificate, below: x509.Certificate) -> bool:
    """Whether it is the issuer by name and signature."""
    try:
        below.verify_directly_issued_by(above)
    except (InvalidSignature, *MALFORMED):
        return False
    return True


def above(certificate: x509.Certificate, others: Iterable[x509.Certificate]) -> tuple[bytes, ...]:
    """The certificate's issuers (DER) among others, nearest first; a root has none.

    A CA that has certified its own new key stands above that, and is not left out (RFC 9810 4.4).
    """
    left, chain, below = list(others), [], certificate
    while found := _issuer(below, left):
        chain.append(found.public_bytes(Encoding.DER))
        left.remove(found)
        below = found
    return tuple(chain)


def chain_of(certificate: x509.Certificate, came: Sequence[x509.Certificate]) -> tuple[bytes, ...]:
    """Those above it among what came with it, and then what a CA has certified of its own other key (DER)."""
    chain = above(certificate, came)
    rollovers = [each for each in came if is_self_issued(each) and not is_root(each, came)]
    return tuple(dict.fromkeys((*chain, *(each.public_bytes(Encoding.DER) for each in rollovers))))


def _issuer(below: x509.Certificate, others: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """By its name; of several, as of a CA that has a new key (RFC 5280 4.2.1.1), the one that has signed.

    Of several with the key that signed, one that is valid now: a root may have been renewed with its key.
    Then the root itself before what another root has certified of it: who stands above that may have ended.
    """
    if is_self_issued(below):
        signed = named = elder_keys(below, others)
    else:
        named = [each for each in others if each.subject == below.issuer]
        signed = [each for each in named if has_signed(each, below)] if len(named) > 1 else named
    chosen = sorted(signed, key=lambda each: (not is_valid_now(each), not is_root(each, others))) or named
    return chosen[0] if chosen else None


def is_self_issued(certificate: x509.Certificate) -> bool:
    """Whether it names itself as its issuer, as roots do, and CAs that have certified their own new key."""
    return certificate.subject == certificate.issuer


def is_root(certificate: x509.Certificate, others: Sequence[x509.Certificate]) -> bool:
    """Whether nobody stands above it: it is self-issued, and none of others has signed it with another key.

    Not asked of its own signature: a root is trusted whatever that is made with, be it unreadable here.
    """
    return is_self_issued(certificate) and not elder_keys(certificate, others)


def elder_keys(below: x509.Certificate, others: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Those of the same CA, with another key, that have signed it (RFC 5280 3.2: self-issued only)."""
    return [
        each
        for each in others
        if each.subject == below.subject and not has_key_of(each, below) and has_signed(each, below)
    ]


def has_key_of(one: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether both are for one key; not where it is of a kind that nobody reads here."""
    try:
        return one.public_key() == other.public_key()
    except MALFORMED:
        return False


def is_valid_now(certificate: x509.Certificate) -> bool:
    """By its dates alone."""
    return certificate.not_valid_before_utc <= timezone.now() <= certificate.not_valid_after_utc
