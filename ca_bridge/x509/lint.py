"""Linting before and after signing: RFC 5280 and, for public e-mail, the S/MIME Baseline Requirements.

pkilint is imported with the first certificate, so that web processes, the beat and commands start without it.
"""

from typing import TYPE_CHECKING

from cryptography import x509

from ca_bridge.errors import CaError
from ca_bridge.x509.certificates import load as load_certificate
from ca_bridge.x509.der import MALFORMED

if TYPE_CHECKING:
    from ca_bridge.x509.lint_engine import LintFinding

__all__ = ["check_draft", "errors", "findings", "is_linted", "load"]
VERSION_3, INTEGER = bytes.fromhex("a003020102"), 2  # DER
SERIAL_BITS = 159
LONGEST_HEAD = 4  # of a SEQUENCE of less than 64 kB


def load() -> None:
    """Import the linter in a process that will issue. 0.5 s, once."""
    from ca_bridge.x509 import lint_engine

    lint_engine.load()


def findings(der: bytes) -> "tuple[LintFinding, ...]":
    """All findings in a certificate (DER), worst first. 4 ms."""
    from ca_bridge.x509 import lint_engine

    return lint_engine.findings(der)


def errors(der: bytes) -> tuple[str, ...]:
    """Findings that forbid a certificate: clear violations of RFC 5280."""
    return tuple(str(finding) for finding in findings(der) if finding.is_error)


def is_linted(der: bytes, draft: bytes) -> bool:
    """Whether a certificate (DER) equals a linted draft octet by octet, so that it needs no second lint.

    Except for its serial number, which must be positive and of at most 20 octets (RFC 5280 4.1.2.2), and its
    signature. False for malformed DER.
    """
    try:
        drafted, said = (_behind_serial(load_certificate(each)) for each in (draft, der))
    except (CaError, *MALFORMED):
        return False
    return said is not None and said == drafted


def _behind_serial(certificate: x509.Certificate) -> bytes | None:
    """The octets of the TBSCertificate after version and serial number; None if those are malformed."""
    number = certificate.serial_number
    if not 0 < number.bit_length() <= SERIAL_BITS or number < 0:
        return None
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big")
    head, _found, rest = certificate.tbs_certificate_bytes.partition(
        VERSION_3 + bytes((INTEGER, len(octets))) + octets
    )
    return rest if len(head) <= LONGEST_HEAD and rest else None


def check_draft(der: bytes) -> None:
    """Lint a to-be-signed certificate. Raises a permanent CaError with the findings as detail."""
    if found := errors(der):
        raise CaError(
            "A certificate of this profile would break the rules for certificates.",
            "; ".join(found),
            permanent=True,
        )
