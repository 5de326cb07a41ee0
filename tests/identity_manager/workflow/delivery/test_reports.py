"""Delivery reports that come by mail: what they change, and what a forged or replayed one cannot."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from identity_manager.jobs import schedule
from identity_manager.mail import sending
from identity_manager.mail.delivery_reports import report_mailbox
from identity_manager.models import (
    AuditEvent,
    Container,
    DeliveryProblem,
    MailEvent,
    MailEventKind,
    OutgoingMail,
    SoftwareToken,
)
from identity_manager.transactions.refusals import NotAllowed, Stale
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.delivery import arrival, bounces, download, outbox_actions, reports
from tests.identity_manager.mail.test_delivery_reports import report
from tests.interop.tls_certificates import Authority, server_context
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.imap_server import Folder, imap_server

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long]


@pytest.fixture
def mail(company: Company, settings: Settings) -> OutgoingMail:
    """A delivery that was sent."""
    settings.REPORT_MAILBOX_HOST = "localhost"
    request = company.request_in("issued")
    cast.delivered(request)
    return OutgoingMail.objects.get(request=request, message="delivery")


def name_of(mail: OutgoingMail) -> str:
    return sending.message_id(mail).strip("<>")


def fresh(mail: OutgoingMail) -> OutgoingMail:
    return OutgoingMail.objects.get(pk=mail.pk)


def facts() -> tuple[object, ...]:
    return (
        list(OutgoingMail.objects.values_list("pk", "version", "state")),
        list(SoftwareToken.objects.values_list("version", "delivery")),
        DeliveryProblem.objects.count(),
        MailEvent.objects.count(),
        AuditEvent.objects.count(),
    )


def test_a_failure_marks_the_mail_and_opens_a_task_but_no_download(mail: OutgoingMail) -> None:
    assert reports.receive(report(name_of(mail)))
    assert (fresh(mail).state, fresh(mail).error_code) == ("bounced", "report 5.1.1")
    problem = DeliveryProblem.objects.open().get()
    assert (problem.kind, problem.domain, problem.mail_id) == ("came-back", "example.com", mail.pk)
    token = SoftwareToken.objects.get()
    assert token.delivery == "sent"
    assert download.fetch_obstacle(token) == download.COMES_BY_MAIL


def test_a_delay_is_told_as_a_delay(mail: OutgoingMail) -> None:
    assert reports.receive(report(name_of(mail), action="delayed", status="4.4.1"))
    assert fresh(mail).state == "sent"
    assert fresh(mail).delayed_at is not None
    assert not DeliveryProblem.objects.exists()
    assert AuditEvent.objects.filter(name="mail.delayed").count() == 1
    assert reports.receive(report(name_of(mail)))
    assert fresh(mail).state == "bounced", "it failed in the end"


def test_a_delay_of_an_earlier_sending_says_nothing_of_the_present_one(mail: OutgoingMail) -> None:
    event = MailEvent(provider=bounces.BY_MAILBOX, message_id="1@example.com", kind=MailEventKind.DELAYED)
    bounces._apply_delay(event, mail, is_newest=False)
    assert fresh(mail).delayed_at is None
    assert not AuditEvent.objects.filter(name="mail.delayed").exists()


@pytest.mark.parametrize("way", ["id alone", "wrong tag", "short tag", "another mail's tag", "none of ours"])
def test_a_forged_report_changes_nothing(mail: OutgoingMail, company: Company, way: str) -> None:
    """Who knows the mail's id, as officers do from addresses, does not know its second part."""
    cast.enabled(company.ada, company.sam)
    other = OutgoingMail.objects.filter(person=company.sam).get()
    tag = name_of(mail).partition("@")[0].partition(".")[2]
    name = {
        "id alone": f"{mail.pk}@example.com",
        "wrong tag": f"{mail.pk.hex}.{'a' * 16}@example.com",
        "short tag": f"{mail.pk.hex}.{tag[:8]}@example.com",
        "another mail's tag": f"{mail.pk.hex}.{name_of(other).partition('.')[2]}",
        "none of ours": "20261129.4711@mx.example.com",
    }[way]
    before = facts()
    assert not reports.receive(report(name))
    assert facts() == before


def test_a_replayed_report_changes_nothing(mail: OutgoingMail, company: Company) -> None:
    first = report(name_of(mail))
    assert reports.receive(first)
    before = facts()
    assert reports.receive(first)
    assert reports.receive(report(name_of(mail), diagnostic="550 again"))
    assert facts() == before

    outbox_actions.retry(actor=company.ada, mail_id=mail.pk)
    step7_deliver.send(mail_id=mail.pk)
    assert fresh(mail).state == "sent"
    before = facts()
    assert not reports.receive(first), "it is about the sending before"
    assert facts() == before


def test_a_report_before_the_settle_waits_for_it(company: Company, settings: Settings) -> None:
    settings.REPORT_MAILBOX_HOST = "localhost"
    request = company.request_in("issued")
    mail = OutgoingMail.objects.get(request=request, message="delivery")
    assert reports.receive(report(name_of(mail)))
    assert fresh(mail).state == "queued"
    step7_deliver.send(mail_id=mail.pk)
    assert fresh(mail).state == "bounced"
    assert DeliveryProblem.objects.open().exists()


def test_a_report_hands_out_no_file_to_who_could_forge_it(mail: OutgoingMail, company: Company) -> None:
    """Even the receiver of the mail, who knows all of its id, opens nothing by it."""
    assert reports.receive(report(name_of(mail)))
    container = Container.objects.filter(token=mail.token).first()
    assert container is not None
    with pytest.raises(Stale):
        download.fetch(actor=company.uma, container_id=container.pk, signed_in_at=container.created_at)
    with pytest.raises(NotAllowed):
        arrival.open_download(actor=company.uma, problem_id=DeliveryProblem.objects.get().pk)


# --- The mailbox


@pytest.fixture
def folder(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Folder]:
    authority = Authority.make()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle(tmp_path)))
    with imap_server(server_context(authority.server(tmp_path, "localhost"))) as folder:
        settings.REPORT_MAILBOX_HOST, settings.REPORT_MAILBOX_PORT = "localhost", folder.port
        settings.REPORT_MAILBOX_USER = folder.user
        settings.REPORT_MAILBOX_PASSWORD = folder.password
        yield folder


def run() -> int:
    job = schedule.named("mail.read_reports")
    assert job is not None
    return int(job.run())


def test_the_mailbox_is_read_once(mail: OutgoingMail, folder: Folder) -> None:
    ours = folder.put(report(name_of(mail)))
    foreign = folder.put(report("somebody.else@example.net"))
    words = folder.put(b"Subject: Hello\r\n\r\nNo report.\r\n")
    assert run() == 1
    assert fresh(mail).state == "bounced"
    assert ours not in folder.messages, "what came back does not stay"
    assert folder.flags == {foreign: {"Seen"}, words: {"Seen"}}
    assert run() == 0


def test_killed_before_it_marks_anything_it_reads_again(mail: OutgoingMail, folder: Folder) -> None:
    folder.put(report(name_of(mail)))
    folder.fails = "STORE"
    assert run() == 1
    assert fresh(mail).state == "bounced"
    folder.fails = ""
    before = facts()
    assert run() == 1
    assert facts() == before


@pytest.mark.parametrize("fault", ["password", "certificate", "SELECT", "nobody"])
def test_what_cannot_be_read_is_said_without_the_password(
    folder: Folder, settings: Settings, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    secret = "a secret that nobody prints"
    if fault == "password":
        settings.REPORT_MAILBOX_PASSWORD = secret
    elif fault == "certificate":
        monkeypatch.delenv("SSL_CERT_FILE")
    elif fault == "nobody":
        settings.REPORT_MAILBOX_PORT = 1
    folder.fails = fault
    with pytest.raises(report_mailbox.MailboxError) as error:
        run()
    assert secret not in str(error.value)
    assert error.value.__cause__ is None
    if fault == "certificate":
        assert "LOGIN" not in folder.commands


def test_without_a_host_nothing_is_read(settings: Settings) -> None:
    settings.REPORT_MAILBOX_HOST = ""
    assert run() == 0
