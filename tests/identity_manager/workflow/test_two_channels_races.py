"""Real threads: a file and a passphrase asked for at once in one sign-in; a bounce told while it is sent."""

from typing import Any

import pytest
from django.utils import timezone

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
from identity_manager.workflow import bounces, download, step6_passphrase, step7_deliver, two_channels
from identity_manager.workflow.errors import NotAllowed
from tests.cast import Company
from tests.identity_manager.workflow.test_races import together

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture
def company(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Company:
    monkeypatch.setattr(queue, "publish", lambda task, row_id: None)
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
    assert refused.reason in (two_channels.PASSPHRASE_SHOWN, two_channels.FILE_FETCHED)
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
    notice = bounces.Notice(
        "key", "Postmark", MailEventKind.BOUNCED, "provider-1", "Postmark: bounced", "gone"
    )

    results: list[Any] = together(*[lambda: bounces.take_notice(notice=notice)] * 4)

    assert results == [None] * 4
    assert MailEvent.objects.count() == 1
    assert AuditEvent.objects.filter(name="mail.bounced").count() == 1
    assert OutgoingMail.objects.get(pk=mail.pk).state == "bounced"
