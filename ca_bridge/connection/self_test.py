"""Connection self-test: issues a certificate for a throw-away key, verifies and revokes it.

Not journalled; what remains at the CA is reported to the operator.
"""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from ca_bridge.connection import faults, registry
from ca_bridge.connection.exception_boundary import connector_edge
from ca_bridge.contract import (
    Answer,
    CertificateContent,
    CertificateOrder,
    Connector,
    Issued,
    KeyAlgorithm,
    Pending,
    Refused,
    RevocationOutcome,
    RevocationReason,
    Unknown,
)
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.keys import keys
from ca_bridge.x509 import chains, csr, verification
from ca_bridge.x509.certificates import CertificateFacts, describe

COMMON_NAME = "Identity Manager connection test"
CLIENT_AUTH, EMAIL_PROTECTION = "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"
REVOKED = (RevocationOutcome.REVOKED, RevocationOutcome.ALREADY_REVOKED)


@dataclass
class SelfTestReport:
    """Result. trouble: errors, in sentences. to_do: what must be cleaned up manually at the CA."""

    done: list[str] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)


def try_out(alias: str, ca_profile: str, *, days: int, email: str = "") -> SelfTestReport:
    """Issue a test certificate, compare it with the order, revoke it.

    Raises CaError for an unknown alias or a malformed e-mail address; ImproperlyConfigured for invalid
    settings.
    """
    connector, order, report = registry.connector(alias), _order(ca_profile, days, email), SelfTestReport()
    try:
        with connector_edge():
            answer: Answer = connector.issue(order)
    except CaError as error:
        report.trouble.append(_words_of(error))
        return report
    except InDoubtError as error:
        answer = Unknown(f"{faults.in_words(faults.of_error(error))} {error}".strip())
    if isinstance(answer, Issued):
        _issued(report, connector, order, answer)
    else:
        _not_issued(report, order, answer)
    return report


def _order(ca_profile: str, days: int, email: str) -> CertificateOrder:
    key, now = keys.generate(KeyAlgorithm.EC_P256), timezone.now().replace(microsecond=0)
    content = CertificateContent(
        subject=(("commonName", COMMON_NAME),),
        subject_alt_names=(("email", email),) if email else (),
        key_usage=("digitalSignature",),
        extended_key_usage=(CLIENT_AUTH, EMAIL_PROTECTION) if email else (CLIENT_AUTH,),
    )
    return CertificateOrder(
        idempotency_key=f"test-{uuid4()}",
        csr=csr.build(content, key),
        content=content,
        ca_profile=ca_profile,
        not_before=now,
        not_after=now + timedelta(days=days),
    )


def _issued(report: SelfTestReport, connector: Connector, order: CertificateOrder, answer: Issued) -> None:
    facts = describe(answer.certificate)
    until = f"{facts.not_after:%Y-%m-%d %H:%M} UTC"
    report.done.append(f"It issued a test certificate: serial {facts.serial_hex}, valid until {until}.")
    trusted = connector.chain()
    answer = replace(answer, chain=chains.for_container(answer, trusted).path)
    found = verification.faults(order, answer, trusted)
    report.trouble += [f"It is not what was asked for: {each}." for each in found]
    if facts.not_after < order.not_after - verification.SHORTER:
        report.done.append("It is valid for a shorter time than was asked for.")
    _revoke(report, connector, answer.certificate, facts)


def _revoke(
    report: SelfTestReport, connector: Connector, certificate: bytes, facts: CertificateFacts
) -> None:
    by_hand = f"Revoke the test certificate at the CA by hand: serial {facts.serial_hex}, {COMMON_NAME}."
    try:
        with connector_edge():
            outcome = connector.revoke(certificate, RevocationReason.CESSATION_OF_OPERATION)
    except (CaError, InDoubtError) as error:
        report.trouble.append(f"It did not revoke it: {_words_of(error)}")
        report.to_do.append(by_hand)
        return
    if outcome in REVOKED:
        report.done.append("It revoked the test certificate.")
    elif outcome is RevocationOutcome.PENDING:
        report.done.append("It has taken the revocation, and carries it out later.")
    else:
        report.done.append("It cannot revoke by this connection.")
        report.to_do.append(by_hand)


def _not_issued(report: SelfTestReport, order: CertificateOrder, answer: Answer) -> None:
    look = f"the request {order.idempotency_key}, {COMMON_NAME}"
    match answer:
        case Refused():
            words = faults.in_words(faults.of_words(answer.detail))
            said = f"{answer.message} {answer.detail}".strip()
            report.trouble.append(f"It refused the test certificate. {words} {said}".replace("  ", " "))
        case Pending():
            report.done.append(
                "It has taken the request, and decides later: that is how it will be for persons, too."
            )
            report.to_do.append(f"Refuse at the CA, or revoke once it was issued: {look}.")
        case Unknown():
            report.trouble.append(f"Nobody knows whether it has issued. {answer.detail}")
            report.to_do.append(f"Look at the CA for {look}; revoke what was issued.")


def _words_of(error: CaError | InDoubtError) -> str:
    words = faults.in_words(faults.of_error(error))
    said = (error.words if isinstance(error, CaError) else str(error)).strip()
    return f"{words} ({said})" if words else said
