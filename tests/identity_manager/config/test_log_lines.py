"""What lines of the log say of a task that settled with a fault, and of who visits from where."""

import logging
import smtplib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from django.test import Client
from pytest_django import Settings

from ca_bridge.connection import registry
from ca_bridge.errors import CaError
from identity_manager import tasks
from identity_manager.config.observability.logs import LineFormatter
from identity_manager.mail.mailbox import MailboxBackend
from identity_manager.models import Certificate, OutgoingMail
from identity_manager.telemetry import correlation
from tests.tools import cast
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = pytest.mark.django_db


class Lines(logging.Handler):
    """What would be written as text."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(LineFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def about(self, words: str) -> list[str]:
        return [line for line in self.lines if words in line]


@pytest.fixture
def company(db: None) -> Company:
    return Company()


@pytest.fixture
def lines(settings: Settings, tmp_path: Path) -> Iterator[Lines]:
    settings.LOG_REQUESTS = True
    settings.EMAIL_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
    settings.MAILBOX_DIR = tmp_path
    handler, logger = Lines(), logging.getLogger("identity_manager")
    logger.addHandler(handler)
    level, logger.level = logger.level, logging.INFO
    yield handler
    logger.level = level
    logger.removeHandler(handler)


@pytest.fixture
def mail(company: Company) -> OutgoingMail:
    company.request_in("awaiting_acceptance")
    return OutgoingMail.objects.get(message="information")


def sent(mail: OutgoingMail, error: Exception | None = None) -> None:
    """As a worker carries it out, with its signals."""
    wrong = mock.patch.object(MailboxBackend, "send_messages", side_effect=error)
    with wrong if error else mock.patch.object(MailboxBackend, "send_messages", return_value=1):
        tasks.send_mail.apply(args=[str(mail.pk)])


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (smtplib.SMTPDataError(451, b"4.3.0 try later"), "put off: "),
        (ConnectionRefusedError("down"), "put off: "),
        (smtplib.SMTPRecipientsRefused({"uma@example.com": (550, b"5.1.1 nobody")}), "refused: "),
    ],
)
@pytest.mark.parametrize("told", ["all are told", ""])
def test_a_mail_that_failed_says_so(
    mail: OutgoingMail, lines: Lines, settings: Settings, error: Exception, words: str, told: str
) -> None:
    settings.LOG_REQUESTS = bool(told)
    sent(mail, error)
    (line,) = lines.about("mail.send ")
    assert f" WARNING identity_manager.config.observability.monitoring mail.send {words}" in line
    mail.refresh_from_db()
    assert mail.error_code in line
    assert "SUCCESS" not in line
    assert "uma@example.com" not in line


def test_one_that_was_sent_is_a_success(mail: OutgoingMail, lines: Lines) -> None:
    sent(mail)
    (line,) = lines.about("mail.send ")
    assert " INFO identity_manager.config.observability.monitoring mail.send SUCCESS in " in line


def test_of_several_mails_the_line_says_the_worst(company: Company, mail: OutgoingMail, lines: Lines) -> None:
    cast.enabled(company.ada, company.sam, company.vpn)
    second = OutgoingMail.objects.get(person=company.sam)
    error = smtplib.SMTPDataError(451, b"4.3.0 try later")
    with mock.patch.object(MailboxBackend, "send_messages", side_effect=[1, error]):
        tasks.send_mail.apply(args=[str(mail.pk), str(second.pk)])
    (line,) = lines.about("mail.send ")
    assert " WARNING identity_manager.config.observability.monitoring mail.send put off: " in line
    assert "put off;" not in line


def test_an_order_that_waits_for_a_ca_is_no_success(company: Company, lines: Lines) -> None:
    company.request_in("issuing")
    certificate = Certificate.objects.filter(state="ordered").first()
    assert certificate is not None
    with mock.patch.object(type(registry.connector("corporate")), "issue", side_effect=CaError("down")):
        tasks.issue_certificate.apply(args=[str(certificate.pk)])
    (line,) = lines.about("road.issue_certificate ")
    assert "road.issue_certificate put off in " in line


def test_a_result_is_of_its_own_task_alone(mail: OutgoingMail, lines: Lines) -> None:
    sent(mail, ConnectionRefusedError("down"))
    OutgoingMail.objects.update(next_attempt_at=mail.created_at)
    sent(mail)
    assert "SUCCESS" in lines.about("mail.send ")[-1]


def test_a_visit_says_who_and_from_which_network(lines: Lines) -> None:
    person = cast.person("olga")
    signed_in(person).get("/my/", REMOTE_ADDR="10.20.30.40")
    Client().get("/account/login/", REMOTE_ADDR="10.20.31.41")
    first, second = lines.about("GET ")
    assert "network=10.20.30.0/24" in first
    assert f"user={person.pk}" in first
    assert "network=10.20.31.0/24" in second
    assert "user=" not in second, "whoever came before"
    assert not lines.about("10.20.30.40")
    assert correlation.facts() == {}


@pytest.mark.parametrize(
    ("forwarded", "sender", "count", "network"),
    [
        ("", "2001:db8:1:2::3", 0, "2001:db8:1::/48"),
        ("", "::ffff:10.1.2.3", 0, "10.1.2.0/24"),
        ("192.0.2.9, 198.51.100.7", "127.0.0.1", 1, "198.51.100.0/24"),
        ("192.0.2.9, 198.51.100.7", "127.0.0.1", 2, "192.0.2.0/24"),
        ("192.0.2.9", "127.0.0.1", 0, "127.0.0.0/24"),
        ("a\nb", "127.0.0.1", 1, ""),
        ("", "", 1, ""),
    ],
)
def test_the_network_is_that_of_the_client(
    lines: Lines, settings: Settings, forwarded: str, sender: str, count: int, network: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = count
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    Client().get("/no/such/page", REMOTE_ADDR=sender, **headers)
    (line,) = lines.about("GET ")
    assert (f"network={network}" in line) if network else ("network=" not in line)


def test_times_are_utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the host is, and whatever TIME_ZONE says."""
    record = logging.LogRecord("a", logging.INFO, "a.py", 1, "Said.", (), None)
    record.created, record.msecs = datetime(2026, 11, 28, 10, 0, 12, tzinfo=UTC).timestamp(), 500
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        line = LineFormatter().format(record)
    time.tzset()
    assert line == "2026-11-28T10:00:12.500Z INFO a Said."
