"""Linting before and after signing: RFC 5280 and, for public e-mail, the S/MIME Baseline Requirements.

pkilint is imported with the first certificate, so that web processes, the beat and commands start without it.
"""

from typing import TYPE_CHECKING

from ca_bridge.errors import CaError

if TYPE_CHECKING:
    from ca_bridge.x509.lint_engine import LintFinding

__all__ = ["check_draft", "errors", "findings", "load"]


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


def check_draft(der: bytes) -> None:
    """Lint a to-be-signed certificate. Raises a permanent CaError with the findings as detail."""
    if found := errors(der):
        raise CaError(
            "A certificate of this profile would break the rules for certificates.",
            "; ".join(found),
            permanent=True,
        )
