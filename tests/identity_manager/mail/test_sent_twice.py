"""A mail that is sent again, because nobody knows whether it went out, can be told to be the same."""

import uuid
from email.message import Message
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from identity_manager.mail import sending
from identity_manager.models import MailFault, OutgoingMail, Person
from tests.identity_manager.mail.servers import provider, provider_api, smtp_server

RESEND, BREVO = "anymail.backends.resend.EmailBackend", "anymail.backends.brevo.EmailBackend"
POSTMARK = "anymail.backends.postmark.EmailBackend"


@pytest.fixture
def mail() -> OutgoingMail:
    return OutgoingMail(
        message="information",
        person=Person(display_name="Ümü Lindqvist"),
        to_address="uma@example.com",
        language="de",
        subject="Ihr Antrag",
        body_text="Grüße\n",
        body_html="<p>Grüße</p>",
    )


def tried_again_by_an_officer(mail: OutgoingMail) -> None:
    mail.mark_failed(error="550 no such user", error_code="SMTP 550", now=timezone.now())
    mail.queue_again(now=timezone.now())


class Provider:
    """Sends once for each key, and answers a key that it knows as `again` says."""

    def __init__(self, again: tuple[int, object] | None) -> None:
        self.keys: list[str] = []
        self.contents: list[dict[str, Any]] = []
        self._again = again

    def resend(self, headers: Message, content: dict[str, Any]) -> tuple[int, object]:
        return self._answer(headers["Idempotency-Key"], content, {"id": headers["Idempotency-Key"]})

    def brevo(self, _headers: Message, content: dict[str, Any]) -> tuple[int, object]:
        return self._answer(content["headers"]["idempotencyKey"], content, {"messageId": "<1@brevo>"})

    def _answer(self, key: str, content: dict[str, Any], taken: object) -> tuple[int, object]:
        self.contents.append(content)
        known = key in self.keys
        self.keys += [] if known else [key]
        return self._again if known and self._again else (200, taken)


def test_a_mail_server_gets_the_same_bytes(settings: Settings, mail: OutgoingMail) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS = "127.0.0.1", False
    with smtp_server() as (settings.EMAIL_PORT, server):
        for _try in range(2):
            sending.send(mail)

    first, second = server.taken
    assert first == second
    assert f"Message-ID: <{mail.pk.hex}.".encode() in first
    assert b"dempotency" not in first


def test_resend_sends_once(settings: Settings, mail: OutgoingMail) -> None:
    settings.EMAIL_BACKEND, taker = RESEND, Provider(again=None)
    with provider(taker.resend) as url:
        settings.ANYMAIL = {"RESEND_API_KEY": "a secret", "RESEND_API_URL": url}
        names = [sending.send(mail) for _try in range(2)]

    assert taker.keys == [str(mail.pk)]
    assert names == [str(mail.pk)] * 2
    assert taker.contents[0] == taker.contents[1]  # another text under the same key is refused


def test_resend_at_work_on_the_same_mail_is_asked_later(settings: Settings, mail: OutgoingMail) -> None:
    settings.EMAIL_BACKEND = RESEND
    taker = Provider(again=(409, {"name": "concurrent_idempotent_requests"}))
    with provider(taker.resend) as url:
        settings.ANYMAIL = {"RESEND_API_KEY": "a secret", "RESEND_API_URL": url}
        sending.send(mail)
        with pytest.raises(sending.SendingError) as caught:
            sending.send(mail)
    assert caught.value.fault.kind == MailFault.PASSING


def test_brevo_sends_once_and_its_no_is_a_yes(settings: Settings, mail: OutgoingMail) -> None:
    settings.EMAIL_BACKEND = BREVO
    taker = Provider(again=(400, {"code": "duplicate_parameter", "message": "sent already"}))
    with provider(taker.brevo) as url:
        settings.ANYMAIL = {"BREVO_API_KEY": "a secret", "BREVO_API_URL": url}
        assert [sending.send(mail) for _try in range(2)] == ["<1@brevo>", ""]
    assert taker.keys == [str(mail.pk)]
    assert uuid.UUID(taker.keys[0])  # nothing else will do


@pytest.mark.parametrize("answer", [{"code": "invalid_parameter"}, ["duplicate_parameter"], b"no JSON"])
def test_any_other_no_of_brevo_is_a_no(settings: Settings, mail: OutgoingMail, answer: object) -> None:
    settings.EMAIL_BACKEND = BREVO
    with provider_api(400, answer) as (url, _posted):
        settings.ANYMAIL = {"BREVO_API_KEY": "a secret", "BREVO_API_URL": url}
        with pytest.raises(sending.SendingError) as caught:
            sending.send(mail)
    assert caught.value.fault.kind == MailFault.REFUSED


def test_the_same_no_of_another_provider_is_a_no(settings: Settings, mail: OutgoingMail) -> None:
    settings.EMAIL_BACKEND = POSTMARK
    with provider_api(400, {"code": "duplicate_parameter"}) as (url, posted):
        settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "a secret", "POSTMARK_API_URL": url}
        with pytest.raises(sending.SendingError):
            sending.send(mail)
    assert "dempotency" not in str(posted)


def test_what_an_officer_has_tried_again_is_sent_again(settings: Settings, mail: OutgoingMail) -> None:
    """A provider that took it, and sent it to nobody, would otherwise say that it is sent already."""
    settings.EMAIL_BACKEND, taker = RESEND, Provider(again=None)
    with provider(taker.resend) as url:
        settings.ANYMAIL = {"RESEND_API_KEY": "a secret", "RESEND_API_URL": url}
        sending.send(mail)
        tried_again_by_an_officer(mail)
        for _try in range(2):
            sending.send(mail)
    assert len(taker.keys) == 2
    assert len({content["headers"]["Message-ID"] for content in taker.contents}) == 2
