"""Checks of certificate authorities and the mail server."""

import smtplib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests
from cryptography import x509
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from ca_bridge.connection import faults, maintenance_needs, registry
from ca_bridge.errors import CaError
from ca_bridge.x509 import algorithm_strength
from ca_bridge.x509.der import MALFORMED, issuers_of
from identity_manager import mail_connection
from identity_manager.management.doctor.check_result import CheckResult, failed, ok, warning

ENDS_SOON = timedelta(days=90)


# --- Certificate authorities -----------------------------------------------------------------------
def certificate_authorities() -> Iterator[CheckResult]:
    if not registry.aliases():
        yield failed("No certificate authority is configured.", "Set EMBEDDED_CA=true, or CA_CONNECTORS.")
    for alias in registry.aliases():
        health = registry.health(alias)
        if health.ok:
            yield ok(f"{alias}: {health.detail}")
            yield from _own_certificates(alias)
            yield from _concerns(alias)
            yield from _keys_at_hand(alias)
        else:
            yield failed(f"{alias}: {health.detail}", "ADMIN, Certificate authorities, has the connection.")


def _own_certificates(alias: str) -> Iterator[CheckResult]:
    """Expiry and algorithms of the CA's own certificates."""
    try:
        chain = [x509.load_der_x509_certificate(each) for each in registry.connector(alias).chain()]
    except CaError as error:
        yield failed(f"{alias}: {error.words}", "See the CA's connection.")
        return
    # The CA that issues now, and those above it; one that issued before may end.
    issuers = [chain[0], *map(x509.load_der_x509_certificate, issuers_of(chain[0], chain))]
    for certificate in issuers:
        ends = certificate.not_valid_after_utc
        name = certificate.subject.rfc4514_string()
        if ends <= datetime.now(UTC):
            yield failed(f"{alias}: the certificate of {name} ended on {ends:%Y-%m-%d}.", "Renew the CA.")
        elif ends <= datetime.now(UTC) + ENDS_SOON:
            yield warning(f"{alias}: the certificate of {name} ends on {ends:%Y-%m-%d}.", "Renew the CA.")
    with suppress(*MALFORMED):  # a key that nobody here knows
        for fault in algorithm_strength.of_issuers(issuers):
            yield failed(f"{alias}: {fault}. What it issues is refused.", "Renew the CA.")


def _keys_at_hand(alias: str) -> Iterator[CheckResult]:
    """Warn of CA keys in a process that issues nothing, because it holds no ring of private keys."""
    if settings.VAULT_KEYS["private-keys"] or not registry.holds_signing_keys(alias):
        return
    yield warning(
        f"{alias}: this process issues nothing, and has the keys of the CA and their passphrase.",
        "Give it an empty CA_PASSPHRASE_FILE, and take the CA's directory from it: "
        "docs/how-to/embedded-ca.md, Who holds which key.",
    )


def _concerns(alias: str) -> Iterator[CheckResult]:
    try:
        for concern in registry.due_maintenance(alias):
            yield warning(
                f"{alias}: {maintenance_needs.in_words(concern)}", "See docs/how-to/embedded-ca.md."
            )
    except CaError as error:
        yield failed(f"{alias}: {error.words}", "See the CA's connection.")


# --- Mail ------------------------------------------------------------------------------------------
def mail_server() -> Iterator[CheckResult]:
    """Connect and sign in; no mail is sent."""
    backend = mail_connection.connection()
    if isinstance(backend, SmtpBackend):
        yield _smtp(backend)
    elif settings.EMBEDDED:
        yield _mailbox(Path(settings.MAILBOX_DIR))
    else:
        yield ok(
            f"{mail_connection.provider()} is asked when a mail is sent; try it with --send-test ADDRESS."
        )


def _smtp(backend: SmtpBackend) -> CheckResult:
    where = mail_connection.place(backend)
    try:
        backend.open()
        backend.close()
    except (smtplib.SMTPException, OSError) as error:
        return failed(
            f"The mail server cannot be used. {_reason(where, error)}",
            "See SMTP_HOST, SMTP_PORT, SMTP_SECURITY, SMTP_USER, SMTP_PASSWORD. Mails wait meanwhile.",
        )
    return ok(f"The mail server {where} takes our connection.")


def _reason(where: str, error: Exception) -> str:
    """Host and kind of error; never the server's own text, which could quote credentials."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"{where}: It refuses the user name or the password."
    return faults.sentence(where, error)


def _mailbox(directory: Path) -> CheckResult:
    directory.mkdir(parents=True, exist_ok=True)
    return ok(f"Mails stay on this machine, in {directory}.")


def send_test(address: str) -> CheckResult:
    """Send a test mail to this address."""
    where = mail_connection.provider()
    try:
        backend = mail_connection.connection()
        where = mail_connection.place(backend)
        backend.send_messages([_test_mail(address)])
    except (smtplib.SMTPException, requests.RequestException, OSError, ValueError) as error:
        return failed(
            f"The test mail to {address} was not taken. {_reason(where, error)}", "See the mail settings."
        )
    return ok(f"The test mail to {address} was taken; see that it arrives, and not as spam.")


def _test_mail(address: str) -> EmailMessage:
    """The test mail: plain text without links and names."""
    return EmailMessage(
        subject="Identity Manager: test mail",
        body="Somebody who runs Identity Manager asked for this mail, to see that mails arrive.\n",
        to=[address],
        headers={"Auto-Submitted": "auto-generated"},
    )
