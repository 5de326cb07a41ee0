"""Postfix's smtp-sink fails at each phase of a delivery: what passes delays, what is refused is told, and
every mail arrives in the end, once."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from identity_manager.mail import sending
from identity_manager.models import OutgoingMail, SoftwareToken
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.delivery import outbox_actions
from tests.interop.smtp_sink import Sink, smtp_sink, use_smtp
from tests.tools import cast
from tests.tools.running import free_port
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.needs_program("smtp-sink"), pytest.mark.long]
PASSING, CONFIGURATION, REFUSED = "passing", "configuration", "refused"
SOFT, HARD = "450 4.3.0 Error: command failed", "500 5.3.0 Error: command failed"


@dataclass
class Post:
    """A delivery that is due, and the server that it goes to."""

    settings: Settings
    directory: Path
    port: int
    ada: cast.Person

    def send(self, *options: str) -> Sink:
        """One try, while the server behaves so."""
        with smtp_sink(self.directory, *options, port=self.port) as sink:
            step7_deliver.send(mail_id=self.mail.pk)
            return sink

    @property
    def mail(self) -> OutgoingMail:
        return OutgoingMail.objects.get(message="delivery")

    def outbox(self) -> str:
        return signed_in(self.ada).get(reverse("console:outbox")).content.decode()

    def mine(self, sink: Sink) -> list[bytes]:
        """The deliveries that the sink took, by their Message-ID."""
        name = f"Message-ID: {sending.message_id(self.mail)}\n".encode()
        return [message for message in sink.taken() if name in message]


@pytest.fixture
def post(db: None, settings: Settings, tmp_path: Path) -> Iterator[Post]:
    company = cast.Company()
    company.request_in("issued")
    port = free_port()
    use_smtp(settings, port)
    settings.EMAIL_TIMEOUT = 1
    return Post(settings, tmp_path, port, company.ada)


def delivery_of_the_token() -> str:
    return str(SoftwareToken.objects.get().delivery)


PHASES = [
    # Passing: 4yz, 421 with a hang-up, a hang-up without a word, silence.
    (("-r", "CONNECT"), PASSING, "SMTP 450"),
    (("-Q", "CONNECT"), PASSING, "SMTP 421"),
    (("-q", "CONNECT"), PASSING, "SMTPServerDisconnected"),
    (("-r", "EHLO,HELO"), PASSING, "SMTP 450"),
    (("-q", "EHLO"), PASSING, "SMTPServerDisconnected"),
    (("-Q", "EHLO"), PASSING, "SMTPServerDisconnected"),  # it tries HELO then, as RFC 5321 3.2 has it
    (("-r", "MAIL"), PASSING, "SMTP 450 4.3.0"),
    (("-Q", "MAIL"), PASSING, "SMTP 421"),
    (("-q", "MAIL"), PASSING, "SMTPServerDisconnected"),
    (("-r", "RCPT"), PASSING, "SMTP 450 4.3.0"),
    (("-Q", "RCPT"), PASSING, "SMTP 421"),
    (("-q", "RCPT"), PASSING, "SMTPServerDisconnected"),
    (("-r", "DATA"), PASSING, "SMTP 450 4.3.0"),
    (("-q", "DATA"), PASSING, "SMTPServerDisconnected"),
    (("-r", "."), PASSING, "SMTP 450 4.3.0"),
    (("-W", "RCPT:3"), PASSING, "SMTPServerDisconnected"),
    # Every mail would fare the same: an operator's work.
    (("-f", "CONNECT"), CONFIGURATION, "SMTP 500"),
    (("-f", "EHLO,HELO"), CONFIGURATION, "SMTP 500"),
    (("-f", "MAIL"), CONFIGURATION, "SMTP 500 5.3.0"),
    # This one mail.
    (("-f", "RCPT"), REFUSED, "SMTP 500 5.3.0"),
    (("-f", "DATA"), REFUSED, "SMTP 500 5.3.0"),
    (("-f", "."), REFUSED, "SMTP 500 5.3.0"),
    (("-A", "0"), REFUSED, "SMTP 550"),
]


@pytest.mark.parametrize(
    ("options", "fault", "code"),
    [pytest.param(*each, id=" ".join(each[0])) for each in PHASES],
)
def test_a_fault_at_each_phase(post: Post, options: tuple[str, ...], fault: str, code: str) -> None:
    sink = post.send(*options)

    mail = post.mail
    assert mail.fault == fault
    assert mail.error_code.startswith(code)
    if "." not in options:  # the sink writes down what it refuses after the end, too
        assert post.mine(sink) == []
    outbox = post.outbox()
    assert mail.error_code in outbox
    assert mail.get_fault_display().partition(":")[0] in outbox
    if fault == REFUSED:
        assert (mail.state, delivery_of_the_token()) == ("failed", "bounced")
        outbox_actions.retry(actor=post.ada, mail_id=mail.pk)
    else:
        assert (mail.state, delivery_of_the_token()) == ("queued", "queued")
        assert mail.next_attempt_at is not None
        assert mail.next_attempt_at > timezone.now()
        assert post.mine(post.send()) == []  # not before its next try

    with time_machine.travel(post.mail.next_attempt_at or timezone.now()):
        sink = post.send()
    assert len(post.mine(sink)) == 1
    assert (post.mail.state, delivery_of_the_token()) == ("sent", "sent")
    assert post.mine(post.send()) == []  # once


@pytest.mark.parametrize("options", [("-q", "QUIT"), ("-Q", "QUIT"), ("-f", "QUIT"), ("-r", "QUIT"), ("-e",)])
def test_what_was_taken_is_sent(post: Post, options: tuple[str, ...]) -> None:
    """What goes wrong after the server has taken it changes nothing; nor does a server of 1982."""
    assert len(post.mine(post.send(*options))) == 1
    assert (post.mail.state, post.mail.fault) == ("sent", "")


@pytest.mark.parametrize("options", [("-q", "."), ("-W", ".:3")])
def test_an_answer_that_is_lost(post: Post, options: tuple[str, ...]) -> None:
    """Nobody knows whether it was taken (RFC 1047): it goes out again, and says that it is the same."""
    sink = post.send(*options)
    first = post.mine(sink)
    assert (post.mail.state, post.mail.fault) == ("queued", PASSING)

    with time_machine.travel(post.mail.next_attempt_at or timezone.now()):
        (second,) = post.mine(post.send())
    assert set(first) <= {second}
