"""Real threads: a file and a passphrase asked for at once in one sign-in; a bounce told while it is sent."""

import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from identity_manager import queue
from identity_manager.mail import sending
from identity_manager.models import (
    AuditEvent,
    Container,
    MailEvent,
    MailEventKind,
    OutgoingMail,
    SoftwareToken,
)
from identity_manager.transactions.refusals import NotAllowed
from identity_manager.workflow import step6_passphrase, step7_deliver
from identity_manager.workflow.delivery import bounces, channel_separation, download
from tests.identity_manager.workflow.test_races import together
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
BOUNCED = bounces.Notice("key", "Postmark", MailEventKind.BOUNCED, "provider-1", "Postmark: bounced", "gone")


@pytest.fixture
def company(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Company:
    monkeypatch.setattr(queue, "publish", lambda *_message: None)
    return Company()


def test_one_sign_in_gets_one_of_both(company: Company) -> None:
    token = company.request_in("issued").tokens.get()
    SoftwareToken.objects.update(delivery="bounced")
    container, signed_in = token.containers.get(format="standard"), timezone.now()

    results = together(
        lambda: download.fetch(actor=company.uma, container_id=container.pk, signed_in_at=signed_in),
        lambda: step6_passphrase.show(actor=company.uma, token_id=token.pk, signed_in_at=signed_in),
    )

    (refused,) = [result for result in results if isinstance(result, Exception)]
    assert isinstance(refused, NotAllowed)
    assert refused.reason in (channel_separation.PASSPHRASE_SHOWN, channel_separation.FILE_FETCHED)
    fetched, shown = Container.objects.get(pk=container.pk).downloads, SoftwareToken.objects.get()
    assert fetched + shown.passphrase_shown == 1


def test_each_download_is_counted(company: Company) -> None:
    token = company.request_in("issued").tokens.get()
    SoftwareToken.objects.update(delivery="bounced")
    container = token.containers.get(format="standard")

    def fetch() -> Container:
        return download.fetch(actor=company.uma, container_id=container.pk, signed_in_at=timezone.now())

    results = together(*[fetch] * 4)

    assert sorted(result.downloads for result in results) == [1, 2, 3, 4]
    assert OutgoingMail.objects.filter(message="file_fetched").count() == 4
    assert AuditEvent.objects.filter(name="token.file-fetched").count() == 4


def test_a_bounce_that_is_told_many_times_at_once_happens_once(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issued")
    mail = OutgoingMail.objects.get(message="delivery")
    monkeypatch.setattr(sending, "send", lambda _mail: "provider-1")
    step7_deliver.send(mail_id=mail.pk)

    results: list[Any] = together(*[lambda: bounces.receive_notice(notice=BOUNCED)] * 4)

    assert results == [None] * 4
    assert MailEvent.objects.count() == 1
    assert AuditEvent.objects.filter(name="mail.bounced").count() == 1
    assert OutgoingMail.objects.get(pk=mail.pk).state == "bounced"


def test_a_bounce_that_is_told_while_the_sending_is_settled_is_not_lost(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settle has just looked whether something was told, and has found nothing."""
    company.request_in("issued")
    mail = OutgoingMail.objects.get(message="delivery")
    told = threading.Thread(target=lambda: (bounces.receive_notice(notice=BOUNCED), connection.close()))
    apply_early = bounces.apply_early

    def look_and_be_told(mail: OutgoingMail) -> None:
        apply_early(mail)
        told.start()
        if connection.vendor == "postgresql":  # elsewhere nobody writes before the settle is over
            soon = time.monotonic() + 20
            while not MailEvent.objects.exists() and time.monotonic() < soon:
                time.sleep(0.02)

    monkeypatch.setattr(sending, "send", lambda _mail: "provider-1")
    monkeypatch.setattr(bounces, "apply_early", look_and_be_told)
    step7_deliver.send(mail_id=mail.pk)
    told.join(timeout=30)

    assert OutgoingMail.objects.get(pk=mail.pk).state == "bounced"
    assert SoftwareToken.objects.get().delivery == "bounced"


def test_a_word_by_our_own_name_of_the_mail_waits_for_its_settle(
    company: Company, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """The provider took the mail at an earlier try, and says no name of its own now."""
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "t"}
    company.request_in("issued")
    mail = OutgoingMail.objects.get(message="delivery")
    own = sending.message_id(mail).strip("<>")
    bounces.receive_notice(notice=replace(BOUNCED, message_id=own))
    assert OutgoingMail.objects.get(pk=mail.pk).state == "queued"

    monkeypatch.setattr(sending, "send", lambda _mail: "")
    step7_deliver.send(mail_id=mail.pk)

    assert OutgoingMail.objects.get(pk=mail.pk).state == "bounced"


def test_a_word_that_was_kept_before_a_crash_counts_when_it_is_told_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.request_in("issued")
    mail = OutgoingMail.objects.get(message="delivery")
    monkeypatch.setattr(sending, "send", lambda _mail: "provider-1")
    step7_deliver.send(mail_id=mail.pk)
    with monkeypatch.context() as dying:
        dying.setattr(bounces, "_mail_of", _die)
        with pytest.raises(KeyboardInterrupt):
            bounces.receive_notice(notice=BOUNCED)
    assert OutgoingMail.objects.get(pk=mail.pk).state == "sent"

    bounces.receive_notice(notice=BOUNCED)

    assert OutgoingMail.objects.get(pk=mail.pk).state == "bounced"


def _die(*_: object) -> None:
    raise KeyboardInterrupt
