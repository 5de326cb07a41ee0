"""What the e-mail service provider tells afterwards: bounces and complaints, once, and only from itself."""

from base64 import b64encode
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from identity_manager.api.webhooks import mail as mail_webhook
from identity_manager.mail import outbox, sending
from identity_manager.models import AuditEvent, MailEvent, OutgoingMail, SoftwareToken
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.delivery import outbox_actions, queueing
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls("tests.identity_manager.api.webhook_addresses"),
]
SECRET = "acme:correct-horse-battery-staple"
ADDRESS = "/webhooks/mail/postmark/"
ID = "883953f4-6105-42a2-a16a-77a8eac79483"


@pytest.fixture(autouse=True)
def _provider(settings: Settings) -> None:
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET}


@pytest.fixture
def mail(company: cast.Company) -> OutgoingMail:
    """A delivery that the provider took under its own name for it."""
    request = company.request_in("issued")
    mail = OutgoingMail.objects.get(request=request, message="delivery")
    step7_deliver.send(mail_id=mail.pk)
    OutgoingMail.objects.filter(pk=mail.pk).update(provider_id=ID)
    return OutgoingMail.objects.get(pk=mail.pk)


def bounce(**changes: Any) -> dict[str, Any]:
    """As Postmark's documentation has it."""
    return {
        "RecordType": "Bounce",
        "ID": 4323372036854775807,
        "Type": "HardBounce",
        "TypeCode": 1,
        "Name": "Hard bounce",
        "MessageID": ID,
        "Description": "The server was unable to deliver your message (ex: unknown user).",
        "Details": "smtp;550 5.1.1 The email account does not exist.",
        "Email": "uma@example.com",
        "BouncedAt": "2026-11-05T16:33:54.9070259Z",
    } | changes


def tell(words: object, *, secret: str = SECRET) -> HttpResponse:
    authorization = "Basic " + b64encode(secret.encode()).decode()
    client = Client(enforce_csrf_checks=True)
    return client.post(ADDRESS, words, "application/json", headers={"authorization": authorization})


@pytest.mark.database
@pytest.mark.parametrize("sign", ["\0", "\ud800"], ids=["NUL", "half of a surrogate"])
def test_words_that_no_database_takes_are_taken_all_the_same(mail: OutgoingMail, sign: str) -> None:
    assert tell(bounce(Details=f"550 no such{sign}user")).status_code == HTTPStatus.OK
    mail.refresh_from_db()
    assert (mail.state, mail.last_error.startswith("550 no such")) == ("bounced", True)


def test_a_delivered_mail_comes_back(mail: OutgoingMail) -> None:
    assert SoftwareToken.objects.get().delivery == "sent"

    assert tell(bounce()).status_code == HTTPStatus.OK

    row = OutgoingMail.objects.get(pk=mail.pk)
    assert (row.state, row.fault, row.error_code) == ("bounced", "bounced", "Postmark: bounced")
    assert "550 5.1.1" in row.last_error
    assert SoftwareToken.objects.get().delivery == "bounced"
    names = AuditEvent.objects.order_by("pk").values_list("name", flat=True)
    assert list(names)[-2:] == ["mail.bounced", "token.delivery-failed"]


@pytest.mark.parametrize("kind", [{}, {"RecordType": "SpamComplaint", "Type": "SpamComplaint"}])
def test_told_twice_it_happens_once(mail: OutgoingMail, kind: dict[str, str]) -> None:
    tell(bounce(**kind))
    events = AuditEvent.objects.count()
    assert tell(bounce(**kind)).status_code == HTTPStatus.OK
    assert AuditEvent.objects.count() == events
    assert MailEvent.objects.count() == 1


def test_our_own_message_id_does_too(mail: OutgoingMail) -> None:
    tell(bounce(MessageID=f"<{mail.pk}@example.com>"))
    assert OutgoingMail.objects.get(pk=mail.pk).state == "bounced"


def test_a_complaint_leaves_the_mail_sent(mail: OutgoingMail) -> None:
    tell(bounce(RecordType="SpamComplaint", Type="SpamComplaint"))
    row = OutgoingMail.objects.get(pk=mail.pk)
    assert row.state == "sent"
    assert row.complained_at is not None
    assert AuditEvent.objects.filter(name="mail.complained").count() == 1
    assert SoftwareToken.objects.get().delivery == "sent"


def test_a_delay_is_told_as_a_delay(mail: OutgoingMail) -> None:
    tell(bounce(Type="Transient"))
    row = OutgoingMail.objects.get(pk=mail.pk)
    assert (row.state, row.delayed_at is not None) == ("sent", True)
    assert SoftwareToken.objects.get().delivery == "sent"


@pytest.mark.parametrize("changes", [{"RecordType": "Open"}, {"RecordType": "Click"}])
def test_what_changes_nothing_is_left_alone(mail: OutgoingMail, changes: dict[str, str]) -> None:
    assert tell(bounce(**changes)).status_code == HTTPStatus.OK
    assert OutgoingMail.objects.get(pk=mail.pk).state == "sent"
    assert MailEvent.objects.count() == 0


@pytest.mark.parametrize(
    "name_of",
    [lambda _mail: ID, sending.message_id, lambda mail: sending.message_id(mail).strip("<>")],
    ids=["the provider's name", "our Message-ID", "without its brackets"],
)
def test_told_before_the_sending_is_settled(
    company: cast.Company, monkeypatch: pytest.MonkeyPatch, name_of: Callable[[OutgoingMail], str]
) -> None:
    """The provider refuses at once, and is quicker than our second transaction."""
    request = company.request_in("issued")
    mail = OutgoingMail.objects.get(request=request, message="delivery")

    def send(sent: OutgoingMail) -> str:
        tell(bounce(MessageID=name_of(sent)))
        return ID

    monkeypatch.setattr("identity_manager.mail.sending.send", send)
    step7_deliver.send(mail_id=mail.pk)

    assert OutgoingMail.objects.get(pk=mail.pk).state == "bounced"
    assert SoftwareToken.objects.get().delivery == "bounced"


def test_mails_of_others_are_kept_for_a_day_at_most(mail: OutgoingMail) -> None:
    tell(bounce(MessageID="somebody else's"))
    assert MailEvent.objects.get().mail is None
    MailEvent.objects.update(received_at="2020-01-01T00:00:00Z")
    tell(bounce(MessageID="another", ID=2))
    assert [event.message_id for event in MailEvent.objects.all()] == ["another"]


def test_a_fetched_file_stays_fetched(mail: OutgoingMail) -> None:
    SoftwareToken.objects.update(delivery="fetched")
    tell(bounce())
    assert SoftwareToken.objects.get().delivery == "fetched"
    assert OutgoingMail.objects.get(pk=mail.pk).state == "bounced"


def test_of_an_older_mail_the_newer_one_counts(company: cast.Company, mail: OutgoingMail) -> None:
    assert mail.token is not None
    newer = queueing.queue_delivery(mail.token, container_format="standard")
    outbox.settle_sent(newer, provider_id="other")
    tell(bounce())
    assert SoftwareToken.objects.get().delivery == "sent"


def test_a_newer_mail_that_nobody_sends_counts_for_nothing(mail: OutgoingMail) -> None:
    assert mail.token is not None
    newer = queueing.queue_delivery(mail.token, container_format="standard")
    outbox.discard(newer, reason="not needed")
    tell(bounce())
    assert SoftwareToken.objects.get().delivery == "bounced"


def test_nor_does_one_without_the_file(mail: OutgoingMail) -> None:
    assert mail.token is not None
    cast.shown(mail.token)
    told = OutgoingMail.objects.get(message="passphrase_shown")
    outbox.settle_sent(told, provider_id="other")
    tell(bounce())
    assert SoftwareToken.objects.get().delivery == "bounced"


@pytest.mark.parametrize("secret", ["acme:wrong", "", "acme:"])
def test_without_the_secret_nothing_is_believed(mail: OutgoingMail, secret: str) -> None:
    assert tell(bounce(), secret=secret).status_code == HTTPStatus.BAD_REQUEST
    assert OutgoingMail.objects.get(pk=mail.pk).state == "sent"
    assert MailEvent.objects.count() == 0


@pytest.mark.parametrize("words", ["no json", "[]", "[1]", "null", '"x"', "{}", '{"RecordType": "Inbound"}'])
def test_what_no_provider_writes_is_no_fault_of_ours(db: None, words: str) -> None:
    assert tell(words).status_code in (HTTPStatus.OK, HTTPStatus.BAD_REQUEST)
    assert MailEvent.objects.count() == 0


@pytest.mark.parametrize("method", ["get", "put", "delete", "options"])
def test_only_posts(db: None, method: str) -> None:
    assert getattr(Client(), method)(ADDRESS).status_code == HTTPStatus.METHOD_NOT_ALLOWED


def test_too_many_at_once(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {**settings.ACCOUNT_RATE_LIMITS, mail_webhook.ACTION: "2/m/ip"}
    settings.ACCOUNT_RATE_LIMITS = limits
    statuses = [tell(bounce(ID=number)).status_code for number in range(3)]
    assert statuses == [200, 200, 429]


# --- Sent again by an officer ---------------------------------------------------------------------
def test_a_complaint_about_a_sending_that_came_back_is_kept(
    mail: OutgoingMail, company: cast.Company
) -> None:
    tell(bounce())
    outbox_actions.retry(actor=company.ada, mail_id=mail.pk)
    step7_deliver.send(mail_id=mail.pk)

    tell(bounce(RecordType="SpamComplaint", Type="SpamComplaint", ID=2))
    mail.refresh_from_db()
    assert (mail.state, mail.complained_at is not None) == ("sent", True)


def test_the_name_of_the_first_sending_is_not_that_of_the_second(
    mail: OutgoingMail, company: cast.Company
) -> None:
    tell(bounce())
    outbox_actions.retry(actor=company.ada, mail_id=mail.pk)
    tell(bounce(ID=2))
    step7_deliver.send(mail_id=mail.pk)
    mail.refresh_from_db()
    assert (mail.state, mail.provider_id) == ("sent", "")


# --- Where it exists ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("backend", "anymail", "expected"),
    [
        ("anymail.backends.postmark.EmailBackend", {"WEBHOOK_SECRET": SECRET}, ["postmark/"]),
        ("anymail.backends.mandrill.EmailBackend", {"WEBHOOK_SECRET": SECRET}, ["mandrill/"]),
        ("anymail.backends.amazon_ses.EmailBackend", {"WEBHOOK_SECRET": SECRET}, ["amazon_ses/"]),
        ("anymail.backends.postmark.EmailBackend", {}, []),
        ("django.core.mail.backends.smtp.EmailBackend", {"WEBHOOK_SECRET": SECRET}, []),
    ],
)
def test_only_the_configured_provider_s_exists(
    settings: Settings, backend: str, anymail: dict[str, str], expected: list[str]
) -> None:
    settings.EMAIL_BACKEND, settings.ANYMAIL = backend, anymail
    assert [str(address.pattern) for address in mail_webhook.addresses()] == expected
