"""What lies outside: certificate authorities, the mail server, the addresses that people and mails use."""

import smtplib
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import requests
from cryptography import x509
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.smtp import EmailBackend as SmtpBackend

from ca_bridge import care, registry, strength
from ca_bridge.der import MALFORMED, above
from ca_bridge.errors import CaError
from identity_manager.management.doctor.database import compared
from identity_manager.management.doctor.finding import Finding, failed, ok, warning

HTTP_SECONDS = 10
ENDS_SOON = timedelta(days=90)


# --- Certificate authorities -----------------------------------------------------------------------
def certificate_authorities() -> Iterator[Finding]:
    if not registry.aliases():
        yield failed("No certificate authority is configured.", "Set EMBEDDED_CA=true, or CA_CONNECTORS.")
    for alias in registry.aliases():
        health = registry.health(alias)
        if health.ok:
            yield ok(f"{alias}: {health.detail}")
            yield from _own_certificates(alias)
            yield from _concerns(alias)
        else:
            yield failed(f"{alias}: {health.detail}", "ADMIN, Certificate authorities, has the connection.")


def _own_certificates(alias: str) -> Iterator[Finding]:
    """The CA's own: what they sign cannot outlive them, and is worth no more than they are."""
    try:
        chain = [x509.load_der_x509_certificate(each) for each in registry.connector(alias).chain()]
    except CaError as error:
        yield failed(f"{alias}: {error.words}", "See the CA's connection.")
        return
    # The CA that issues now, and those above it; one that issued before may end.
    issuers = [chain[0], *map(x509.load_der_x509_certificate, above(chain[0], chain))]
    for certificate in issuers:
        ends = certificate.not_valid_after_utc
        name = certificate.subject.rfc4514_string()
        if ends <= datetime.now(UTC):
            yield failed(f"{alias}: the certificate of {name} ended on {ends:%Y-%m-%d}.", "Renew the CA.")
        elif ends <= datetime.now(UTC) + ENDS_SOON:
            yield warning(f"{alias}: the certificate of {name} ends on {ends:%Y-%m-%d}.", "Renew the CA.")
    with suppress(*MALFORMED):  # a key that nobody here knows
        for fault in strength.of_issuers(issuers):
            yield failed(f"{alias}: {fault}. What it issues is refused.", "Renew the CA.")


def _concerns(alias: str) -> Iterator[Finding]:
    try:
        for concern in registry.concerns(alias):
            yield warning(f"{alias}: {care.in_words(concern)}", "See docs/how-to/embedded-ca.md.")
    except CaError as error:
        yield failed(f"{alias}: {error.words}", "See the CA's connection.")


# --- Mail ------------------------------------------------------------------------------------------
def mail_server() -> Iterator[Finding]:
    """Connect and sign in; no mail is sent."""
    backend = get_connection(fail_silently=False)
    if isinstance(backend, SmtpBackend):
        yield _smtp(backend)
    elif settings.EMBEDDED:
        yield _mailbox(Path(settings.MAILBOX_DIR))
    else:
        name = settings.EMAIL_BACKEND.removeprefix("anymail.backends.").partition(".")[0]
        yield ok(f"{name} is asked when a mail is sent; try it with --send-test ADDRESS.")


def _smtp(backend: SmtpBackend) -> Finding:
    where = f"{backend.host}:{backend.port}"
    try:
        backend.open()
        backend.close()
    except (smtplib.SMTPException, OSError) as error:
        return failed(
            f"The mail server {where} cannot be used: {_reason(error)}.",
            "See SMTP_HOST, SMTP_PORT, SMTP_SECURITY, SMTP_USER, SMTP_PASSWORD. Mails wait meanwhile.",
        )
    return ok(f"The mail server {where} takes our connection.")


def _reason(error: Exception) -> str:
    """What kind of trouble; a server's own words could repeat what we sent."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return "it refuses the user name or the password"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _mailbox(directory: Path) -> Finding:
    directory.mkdir(parents=True, exist_ok=True)
    return ok(f"Mails stay on this machine, in {directory}.")


def send_test(address: str) -> Finding:
    """One mail to somebody who asked for it."""
    try:
        get_connection().send_messages([_test_mail(address)])
    except (smtplib.SMTPException, requests.RequestException, OSError, ValueError) as error:
        return failed(
            f"The test mail to {address} was not taken: {_reason(error)}.", "See the mail settings."
        )
    return ok(f"The test mail to {address} was taken; see that it arrives, and not as spam.")


def _test_mail(address: str) -> EmailMessage:
    """Plain words, without a link and without anybody's name."""
    return EmailMessage(
        subject="Identity Manager: test mail",
        body="Somebody who runs Identity Manager asked for this mail, to see that mails arrive.\n",
        to=[address],
        headers={"Auto-Submitted": "auto-generated"},
    )


# --- Addresses -------------------------------------------------------------------------------------
def portals() -> Iterator[Finding]:
    """The addresses in mails and certificates: the name resolves, and something of ours answers.

    Of what is published by http a proxy passes on no more than that, so a page would be looked for in vain.
    """
    for address in dict.fromkeys((settings.CONSOLE_BASE_URL, settings.SELFSERVICE_BASE_URL)):
        yield from _address(address, "/health/live", _is_alive)
    for address in _published():
        yield from _address(address, "/ocsp", _is_ocsp)


def _published() -> list[str]:
    """Where the CAs of this installation publish, as their certificates say."""
    options = (configuration.get("OPTIONS", {}) for configuration in settings.CA_CONNECTORS.values())
    return list(dict.fromkeys(each["publication_url"] for each in options if "publication_url" in each))


def _is_alive(answer: requests.Response) -> bool:
    return answer.text.strip() == "alive"


def _is_ocsp(answer: requests.Response) -> bool:
    """Asked about nothing, it says so in the words of OCSP."""
    return answer.headers.get("Content-Type") == "application/ocsp-response"


def _address(address: str, path: str, is_ours: Callable[[requests.Response], bool]) -> Iterator[Finding]:
    host = urlsplit(address).hostname or ""
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        yield failed(f"The name {host} is not known here.", "See the base URLs in the settings, and the DNS.")
        return
    try:
        answer = _get(f"{address}{path}")
    except requests.RequestException as error:
        yield failed(
            f"{address} does not answer: {type(error).__name__}.",
            "See that the web process and the proxy in front of it run, and the certificate of the host.",
        )
        return
    if answer.status_code != requests.codes.ok or not is_ours(answer):
        yield failed(
            f"{address} is answered by something else (status {answer.status_code}).",
            "See the proxy in front, ALLOWED_HOSTS and PROXY_ADDRESSES.",
        )
        return
    yield ok(f"{address} answers.")
    yield from _clock_of(address, answer)


def _clock_of(address: str, answer: requests.Response) -> Iterator[Finding]:
    if "Date" in answer.headers:
        yield from compared(address, parsedate_to_datetime(answer.headers["Date"]))


def clocks_of_authorities() -> Iterator[Finding]:
    """By the Date of whatever each CA answers over HTTP."""
    urls = {
        value
        for configuration in settings.CA_CONNECTORS.values()
        for name, value in configuration.get("OPTIONS", {}).items()
        if name != "publication_url" and str(value).startswith(("http://", "https://"))
    }
    for url in sorted(urls):
        try:
            yield from _clock_of(urlsplit(url).hostname or url, _get(url))
        except requests.RequestException as error:
            yield warning(f"{url} does not answer: {type(error).__name__}.", "See the CA's connection.")
    if not urls:
        yield ok("No certificate authority is asked over HTTP.")


def _get(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=HTTP_SECONDS, allow_redirects=False)
