"""Passing, for good, or the configuration's fault: with real servers that answer as they are told."""

import json
import smtplib
import socket
import ssl
from email import message_from_bytes
from typing import Any

import pytest
import requests
from anymail import exceptions
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from identity_manager.mail import sending
from identity_manager.mail.faults import ERRORS, DeliveryFault, fault_of
from identity_manager.models import MailFault, OutgoingMail, Person
from tests.identity_manager.mail.servers import greeting_server, provider_api, smtp_server
from tests.tools.running import free_port

pytestmark = pytest.mark.long

PASSING, CONFIGURATION, REFUSED = MailFault.PASSING, MailFault.CONFIGURATION, MailFault.REFUSED
SMTP = "django.core.mail.backends.smtp.EmailBackend"
POSTMARK = "anymail.backends.postmark.EmailBackend"


def mail() -> OutgoingMail:
    return OutgoingMail(
        message="information",
        person=Person(display_name="Uma Lindqvist"),
        to_address="uma@example.com",
        subject="Your request",
        body_text="Hello\n",
        body_html="<p>Hello</p>",
    )


def fault() -> DeliveryFault:
    with pytest.raises(sending.SendingError) as caught:
        sending.send(mail())
    return caught.value.fault


# --- SMTP -----------------------------------------------------------------------------------------
@pytest.fixture
def smtp(settings: Settings) -> Settings:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = SMTP, "127.0.0.1"
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_TIMEOUT = 5
    return settings


def test_taken(smtp: Settings) -> None:
    with smtp_server() as (smtp.EMAIL_PORT, server):
        assert sending.send(mail()) == ""
    (content,) = server.taken
    assert message_from_bytes(content)["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    ("answers", "kind", "code"),
    [
        ({"rcpt": "550 5.1.1 no such user"}, REFUSED, "SMTP 550 5.1.1"),
        ({"rcpt": "552 5.2.2 mailbox full"}, REFUSED, "SMTP 552 5.2.2"),
        ({"rcpt": "553 mailbox name not allowed"}, REFUSED, "SMTP 553"),
        ({"rcpt": "450 4.7.1 greylisted"}, PASSING, "SMTP 450 4.7.1"),
        ({"rcpt": "452 4.2.2 over quota"}, PASSING, "SMTP 452 4.2.2"),
        ({"rcpt": "421 4.3.2 shutting down"}, PASSING, "SMTP 421 4.3.2"),
        ({"rcpt": "550 5.7.1 relaying denied"}, CONFIGURATION, "SMTP 550 5.7.1"),
        ({"rcpt": "530 5.7.0 authentication required"}, CONFIGURATION, "SMTP 530 5.7.0"),
        ({"data": "554 5.6.1 attachments refused"}, REFUSED, "SMTP 554 5.6.1"),
        ({"data": "451 4.3.0 try later"}, PASSING, "SMTP 451 4.3.0"),
        ({"data": "421 4.4.2 timeout"}, PASSING, "SMTP 421 4.4.2"),
        ({"mail": "553 5.7.1 sender not owned by you"}, CONFIGURATION, "SMTP 553 5.7.1"),
        ({"mail": "552 5.3.4 message too large"}, REFUSED, "SMTP 552 5.3.4"),
        ({"mail": "451 4.3.0 try later"}, PASSING, "SMTP 451 4.3.0"),
    ],
)
def test_what_the_server_answers(smtp: Settings, answers: dict[str, str], kind: MailFault, code: str) -> None:
    with smtp_server(**answers) as (smtp.EMAIL_PORT, server):
        found = fault()
    assert (found.kind, found.code) == (kind, code)
    place = f"{smtp.EMAIL_HOST}:{smtp.EMAIL_PORT}: " if kind == CONFIGURATION else ""
    assert found.detail == place + next(iter(answers.values()))
    assert server.taken == []


def test_what_no_database_takes_is_left_out_of_the_answer() -> None:
    """PostgreSQL takes no NUL: such a refusal could never be written down, and the mail went out for ever."""
    found = fault_of(smtplib.SMTPRecipientsRefused({"uma@example.com": (550, b"5.1.1 no such\0user")}))
    assert (found.kind, found.detail) == (REFUSED, "550 5.1.1 no such\ufffduser")


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_wrong_password(smtp: Settings) -> None:
    smtp.EMAIL_HOST_USER, smtp.EMAIL_HOST_PASSWORD = "im", "a wrong secret"
    with smtp_server(wants_sign_in=True) as (smtp.EMAIL_PORT, _server):
        found = fault()
    assert (found.kind, found.code) == (CONFIGURATION, "SMTP 535 5.7.8")
    assert found.detail.startswith(f"{smtp.EMAIL_HOST}:{smtp.EMAIL_PORT}: 535 ")
    assert "a wrong secret" not in found.detail


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_missing_password(smtp: Settings) -> None:
    with smtp_server(wants_sign_in=True) as (smtp.EMAIL_PORT, _server):
        assert fault().kind == CONFIGURATION


def test_nobody_listens(smtp: Settings) -> None:
    smtp.EMAIL_PORT = free_port()
    found = fault()
    assert (found.kind, found.code) == (PASSING, "ConnectionRefusedError")


def test_a_host_that_does_not_exist(smtp: Settings) -> None:
    smtp.EMAIL_HOST = "mail.invalid"
    assert fault().kind in (CONFIGURATION, PASSING)  # without a resolver it is "try again"


def test_a_server_without_starttls(smtp: Settings) -> None:
    smtp.EMAIL_USE_TLS = True
    with smtp_server() as (smtp.EMAIL_PORT, _server):
        assert fault().kind == CONFIGURATION


def test_tls_where_there_is_none(smtp: Settings) -> None:
    smtp.EMAIL_USE_SSL = True
    with greeting_server(b"220 plain text\r\n") as smtp.EMAIL_PORT:
        assert fault().kind == CONFIGURATION


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [(b"421 4.3.2 too busy\r\n", PASSING), (b"554 5.3.2 not for you\r\n", CONFIGURATION), (b"", PASSING)],
)
def test_the_greeting(smtp: Settings, greeting: bytes, kind: MailFault) -> None:
    with greeting_server(greeting) as smtp.EMAIL_PORT:
        smtp.EMAIL_TIMEOUT = 1
        assert fault().kind == kind


# --- A provider's API -----------------------------------------------------------------------------
@pytest.fixture
def postmark(settings: Settings) -> Settings:
    settings.EMAIL_BACKEND = POSTMARK
    settings.DEFAULT_FROM_EMAIL = "Tokens <tokens@acme.net>"
    return settings


def at(settings: Settings, url: str) -> None:
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "a secret token", "POSTMARK_API_URL": url}


def test_the_provider_names_what_it_took(postmark: Settings) -> None:
    answer = {"ErrorCode": 0, "Message": "OK", "MessageID": "abc-1", "To": "uma@example.com"}
    with provider_api(200, answer) as (url, posted):
        at(postmark, url)
        assert sending.send(mail()) == "abc-1"
    assert posted[0]["Subject"] == "Your request"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, REFUSED),
        (401, CONFIGURATION),
        (402, CONFIGURATION),
        (403, CONFIGURATION),
        (404, CONFIGURATION),
        (408, PASSING),
        (413, REFUSED),
        (422, REFUSED),
        (429, PASSING),
        (500, PASSING),
        (503, PASSING),
    ],
)
def test_the_status_of_the_api(postmark: Settings, status: int, kind: MailFault) -> None:
    with provider_api(status, {"ErrorCode": 0, "Message": "no"}) as (url, _posted):
        at(postmark, url)
        found = fault()
    assert (found.kind, found.code) == (kind, f"Postmark: HTTP {status}")
    assert "a secret token" not in found.detail


def test_a_recipient_whom_the_provider_refuses(postmark: Settings) -> None:
    """406: the address bounced before, and the provider has stopped sending to it."""
    answer = {
        "ErrorCode": 406,
        "Message": "You tried to send to recipient(s) that have been marked as inactive.\n"
        "Found inactive addresses: uma@example.com.\nInactive recipients are ones that have generated...",
    }
    with provider_api(422, answer) as (url, _posted):
        at(postmark, url)
        found = fault()
    assert (found.kind, found.code) == (REFUSED, "Postmark: recipient refused")


def test_an_answer_that_is_none(postmark: Settings) -> None:
    with provider_api(200, b"<html>maintenance</html>") as (url, _posted):
        at(postmark, url)
        assert fault().kind == PASSING


def test_an_api_that_is_not_there(postmark: Settings) -> None:
    at(postmark, f"http://127.0.0.1:{free_port()}/")
    found = fault()
    assert (found.kind, found.code) == (PASSING, "Provider: ConnectionError")


@pytest.mark.parametrize("url", ["postmark", "htps://x"])
def test_an_address_of_the_api_that_is_none(postmark: Settings, url: str) -> None:
    at(postmark, url)
    assert fault().kind == CONFIGURATION


def test_a_provider_without_its_key(postmark: Settings) -> None:
    postmark.ANYMAIL = {}
    assert fault().kind == CONFIGURATION


# --- What no server of these tests says -----------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (smtplib.SMTPServerDisconnected("gone"), PASSING),
        (smtplib.SMTPHeloError(550, b"who are you"), CONFIGURATION),
        (smtplib.SMTPNotSupportedError("AUTH"), CONFIGURATION),
        (smtplib.SMTPAuthenticationError(454, b"temporary failure"), CONFIGURATION),
        (smtplib.SMTPRecipientsRefused({"a@x": (550, b"no"), "b@x": (450, b"later")}), PASSING),
        (ssl.SSLCertVerificationError("self-signed"), CONFIGURATION),
        (ssl.SSLEOFError("eof"), PASSING),
        (socket.gaierror(socket.EAI_AGAIN, "again"), PASSING),
        (socket.gaierror(socket.EAI_NONAME, "no such host"), CONFIGURATION),
        (TimeoutError("slow"), PASSING),
        (requests.exceptions.SSLError("certificate"), CONFIGURATION),
        (requests.Timeout("slow"), PASSING),
        (ImproperlyConfigured("no key"), CONFIGURATION),
        (exceptions.AnymailUnsupportedFeature("headers"), CONFIGURATION),
        (exceptions.AnymailInvalidAddress("no address"), REFUSED),
        (exceptions.AnymailSerializationError("date"), REFUSED),
        (exceptions.AnymailAPIError("without a status"), PASSING),
        (ValueError("a line break in a header"), REFUSED),
        (UnicodeEncodeError("ascii", "ü", 0, 1, "no"), REFUSED),
    ],
)
def test_each_error_has_its_kind(error: Exception, kind: MailFault) -> None:
    assert isinstance(error, ERRORS)
    found = fault_of(error)
    assert found.kind == kind
    assert 0 < len(found.code) <= 60


def test_a_long_answer_is_cut() -> None:
    found = fault_of(smtplib.SMTPDataError(554, b"no " * 1000))
    assert len(found.detail) == 500


def test_nothing_of_the_mail_is_in_the_detail(postmark: Settings) -> None:
    """A provider that sends back what it got must not put a file into the database or the log."""
    secret = "MIIKEgIBAzCCCd" * 100
    with provider_api(422, {"ErrorCode": 300, "Message": "bad", "Attachments": [secret]}) as (url, _posted):
        at(postmark, url)
        found = fault()
    assert "MIIKEgIBAzCCCd" not in json.dumps([found.detail, found.code])


def test_anything_else_is_our_own_mistake() -> None:
    errors: tuple[Any, ...] = (KeyError("x"), AttributeError("x"))
    assert not any(isinstance(error, ERRORS) for error in errors)
