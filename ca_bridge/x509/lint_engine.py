"""pkilint engine: RFC 5280 and, for public e-mail, the S/MIME Baseline Requirements.

Imported lazily by lint.py, because it takes longer to load than the rest of a portal.
"""

import functools
from dataclasses import dataclass

import regex
from pkilint import loader, validation
from pkilint.cabf import smime
from pkilint.pkix import certificate, extension, name

_ERROR = validation.ValidationFindingSeverity.ERROR
# pkilint accepts only URIs whose host has a dot. RFC 5280 4.2.1.6 demands an absolute URI and, if it has a
# host, a fully qualified one: tag: and urn: have none, and in a private network it may be a single label.
_LEGAL_URI = regex.compile(
    r'Invalid URI syntax: "'
    r"(?:(?:tag|urn):[\x21-\x7e]+|https?://[A-Za-z0-9-]{1,63}(?::\d{1,5})?(?:/[\x21-\x7e]*)?)"
    r'"'
)
_INTERNAL = frozenset({"cabf.internal_domain_name", "cabf.internal_ip_address"})
_PUBLICATION = ("authorityinfoaccess", "crldistributionpoint")


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding; severity: FATAL, ERROR, WARNING, NOTICE, ...

    where: path of the node, such as certificate.tbsCertificate.subject.
    """

    severity: str
    code: str
    message: str
    is_error: bool
    where: str = ""

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code


@functools.cache
def _linter() -> validation.ValidatorContainer:
    """The rules of RFC 5280, without those of the CA/Browser Forum for public CAs. Takes 0.15 s, once."""
    return certificate.create_pkix_certificate_validator_container(
        certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
        [
            certificate.create_issuer_validator_container([]),
            certificate.create_validity_validator_container(),
            certificate.create_subject_validator_container([]),
            certificate.create_extensions_validator_container([]),
            certificate.create_spki_validator_container([]),
        ],
    )


@functools.cache
def _public_linter(
    level: smime.smime_constants.ValidationLevel, generation: smime.smime_constants.Generation
) -> validation.ValidatorContainer:
    """RFC 5280 and the S/MIME Baseline Requirements. Takes 0.15 s, once for each kind."""
    return certificate.create_pkix_certificate_validator_container(
        smime.create_decoding_validators(), smime.create_subscriber_validators(level, generation)
    )


def _linter_for(document: certificate.RFC5280Certificate) -> validation.ValidatorContainer:
    """The rule set for the policies in the certificate."""
    public = smime.determine_validation_level_and_generation(document)
    return _public_linter(*public) if public else _linter()


def findings(der: bytes) -> tuple[LintFinding, ...]:
    """Return everything that the linter finds in a certificate (DER), the worst first. 4 ms."""
    try:
        document = loader.load_der_certificate(der, "certificate")
    except ValueError as error:
        return (LintFinding("FATAL", "unreadable", str(error), is_error=True),)
    results = _linter_for(document).validate(document.root)
    described = [(each, result.node) for result in results for each in result.finding_descriptions]
    described.sort(key=lambda pair: pair[0].finding.severity)
    return tuple(
        LintFinding(
            severity=each.finding.severity.name,
            code=each.finding.code,
            message=each.message or "",
            is_error=each.finding.severity <= _ERROR and not _is_of_own_network(each, node.path),
            where=node.path,
        )
        for each, node in described
    )


def _is_of_own_network(description: validation.ValidationFindingDescription, where: str) -> bool:
    """The embedded CA may publish on this machine, so such host names are no finding."""
    if description.finding.code in _INTERNAL:
        return any(part in where.lower() for part in _PUBLICATION)
    is_about_uri = description.finding.code == "pkix.invalid_uri_syntax"
    return is_about_uri and _LEGAL_URI.fullmatch(description.message or "") is not None


def load() -> None:
    """Build the common rule set in advance."""
    _linter()
