"""Step 7: one mail for each token; passing faults wait, refusals for good are told."""

import itertools
import smtplib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.utils import timezone
from pytest_django import Settings

from identity_manager.mail import mailbox, outbox, sending
from identity_manager.mail.mailbox import MailboxBackend
from identity_manager.models import OutgoingMail, SoftwareToken
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.delivery import bounces, mail_relevance, outbox_actions, resending
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _mailbox(settings: Settings, tmp_path: Path) -> None:
    """The embedded mode's own backend, where Django's tests would put one of theirs."""
    settings.EMAIL_BACKEND = "identity_manager.mail.mailbox.MailboxBackend"
    settings.MAILBOX_DIR = tmp_path


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(self: MailboxBackend, messages: object) -> None:
        raise error

    monkeypatch.setattr(MailboxBackend, "send_messages", refuse)


def delivery() -> OutgoingMail:
    return OutgoingMail.objects.get(message="delivery")


def test_the_mail_carries_the_containers_as_they_are(company: Company) -> None:
    request = cast.delivered(company.request_in("issued"))

    (stored,) = mailbox.stored_messages()
    ((name, media_type, content),) = stored.attachments()
    container = request.tokens.get().containers.get(format="standard")
    assert (name, media_type, content) == (container.file_name, "application/x-pkcs12", container.content)
    assert stored.recipients == ["uma@example.com"]
    assert delivery().state == "sent"


def test_no_passphrase_in_the_mail(company: Company) -> None:
    request = cast.delivered(company.request_in("issued"))
    secret = cast.shown(request.tokens.get())

    (stored,) = mailbox.stored_messages()
    assert secret not in stored.message.as_string()


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("down"),
        smtplib.SMTPServerDisconnected("gone"),
        smtplib.SMTPRecipientsRefused({"uma@example.com": (450, b"greylisted")}),
        smtplib.SMTPDataError(451, b"try later"),
        smtplib.SMTPAuthenticationError(535, b"bad credentials"),
        smtplib.SMTPSenderRefused(553, b"sender refused", "x@example.com"),
        TimeoutError("slow"),
    ],
)
def test_a_passing_fault_delays(company: Company, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    request = company.request_in("issued")
    with monkeypatch.context() as down:
        failing(down, error)
        cast.delivered(request)

    mail = delivery()
    assert (mail.state, mail.attempts) == ("queued", 1)
    assert mail.next_attempt_at > timezone.now()
    with time_machine.travel(mail.next_attempt_at + timedelta(seconds=1)):
        step7_deliver.send(mail_id=mail.pk)
    assert delivery().state == "sent"
    assert delivery().last_error_at is None, "the outbox shows when it was sent"
    assert len(list(mailbox.stored_messages())) == 1


def test_the_delay_doubles_up_to_an_hour(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    company.request_in("issued")
    failing(monkeypatch, smtplib.SMTPDataError(451, b"4.3.0 try later"))
    delays = []
    at = timezone.now()
    for _attempt in range(12):
        with time_machine.travel(at, tick=False):
            step7_deliver.send(mail_id=delivery().pk)
            at = delivery().next_attempt_at or timezone.now()
            delays.append((at - timezone.now()).total_seconds())

    assert delays[:4] == [5, 10, 20, 40]
    assert delays[-1] == 3600
    assert (delivery().state, delivery().attempts) == ("queued", 12)


def test_what_has_arrived_stays_delivered_while_it_is_sent_again(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    resending.send_again(actor=company.uma, token_id=token.pk, container_format="compatible")
    token.refresh_from_db()
    assert (token.delivery, token.state) == ("sent", "active")


@pytest.mark.parametrize(
    "at", [(mail_relevance, "obstacle"), (bounces, "apply_early")], ids=["act", "settle"]
)
def test_what_nobody_foresaw_stands_on_the_mail_which_is_tried_later_and_later(
    company: Company, monkeypatch: pytest.MonkeyPatch, at: tuple[object, str]
) -> None:
    """Else it would be sent each time that a lease ends, and no page would say so."""
    cast.issued(cast.accepted(cast.enabled(company.ada, company.uma)))
    mail = delivery()

    def slip(*_: object, **__: object) -> None:
        raise LookupError("a slip of ours")

    with monkeypatch.context() as patch:
        patch.setattr(*at, slip)
        with pytest.raises(LookupError):
            step7_deliver.send(mail_id=mail.pk)
    row = OutgoingMail.objects.get(pk=mail.pk)
    assert (row.state, row.leased_until, row.error_code) == ("queued", None, "LookupError")
    assert row.last_error
    assert row.next_attempt_at is not None
    assert row.next_attempt_at > timezone.now()
    assert OutgoingMail.objects.stuck().filter(pk=mail.pk).exists()

    with time_machine.travel(row.next_attempt_at):
        step7_deliver.send(mail_id=mail.pk)
    assert OutgoingMail.objects.get(pk=mail.pk).state == "sent"


def test_of_the_mails_of_a_message_each_is_sent_for_itself(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in range(3):
        cast.issued(cast.accepted(cast.enabled(company.ada, cast.person(f"u{each}"))))
    first, second, third = OutgoingMail.objects.filter(message="delivery").values_list("pk", flat=True)
    act = step7_deliver._act
    monkeypatch.setattr(step7_deliver, "_act", lambda mail: slip() if mail.pk == second else act(mail))

    def slip() -> str:
        raise LookupError("a slip of ours")

    with pytest.raises(LookupError):
        step7_deliver.send_all([first, second, third])
    states = OutgoingMail.objects.in_bulk([first, second, third])
    assert [states[pk].state for pk in (first, second, third)] == ["sent", "queued", "sent"]
    assert states[second].error_code == "LookupError"


def test_at_the_end_of_the_task_s_time_no_other_mail_of_the_message_is_begun(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows whether the mail of that moment was sent: it goes again when its lease ends."""
    for each in range(3):
        cast.issued(cast.accepted(cast.enabled(company.ada, cast.person(f"u{each}"))))
    keys = list(OutgoingMail.objects.filter(message="delivery").values_list("pk", flat=True))
    leased_until = timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)
    send_messages, begun = MailboxBackend.send_messages, list[object]()

    def slow(self: MailboxBackend, messages: object) -> int:
        begun.append(messages)
        if len(begun) == 2:
            raise SoftTimeLimitExceeded
        return send_messages(self, messages)

    monkeypatch.setattr(MailboxBackend, "send_messages", slow)
    with pytest.raises(SoftTimeLimitExceeded):
        step7_deliver.send_all(keys)
    sent, unknown, left = (OutgoingMail.objects.get(pk=pk) for pk in keys)
    assert (sent.state, unknown.state, left.state, len(begun)) == ("sent", "queued", "queued", 2)
    assert unknown.next_attempt_at is not None
    assert unknown.next_attempt_at >= leased_until
    assert (left.claim_id, left.attempts) == (None, 0)


def test_what_was_sent_and_cannot_be_written_down_is_not_sent_again_before_the_lease_is_over(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.issued(cast.accepted(cast.enabled(company.ada, company.uma)))
    mail, leased_until = delivery(), timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)

    def slip(*_: object, **__: object) -> None:
        raise LookupError("a slip of ours")

    monkeypatch.setattr(outbox, "settle_sent", slip)
    with pytest.raises(LookupError):
        step7_deliver.send(mail_id=mail.pk)
    row = OutgoingMail.objects.get(pk=mail.pk)
    assert row.next_attempt_at is not None
    assert row.next_attempt_at >= leased_until


def test_our_own_mistake_delays_one_mail_and_shows(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would be tried every five minutes for ever, and nobody could see why it does not come."""
    request = company.request_in("issued")
    with monkeypatch.context() as broken:
        failing(broken, KeyError("a bug, and what it was about"))
        cast.delivered(request)

    mail = delivery()
    assert (mail.state, mail.fault, mail.error_code) == ("queued", "passing", "KeyError")
    assert "a bug" not in mail.last_error
    assert mail.leased_until is None
    assert mail.next_attempt_at is not None
    with time_machine.travel(mail.next_attempt_at):
        step7_deliver.send(mail_id=mail.pk)
    assert delivery().state == "sent"


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPRecipientsRefused({"uma@example.com": (550, b"no such user")}),
        smtplib.SMTPDataError(554, b"attachments refused"),
        smtplib.SMTPSenderRefused(552, b"message too large", "x@example.com"),
    ],
)
def test_a_refusal_for_good_is_told_and_can_be_tried_again(
    company: Company, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    request = company.request_in("issued")
    with monkeypatch.context() as refusing:
        failing(refusing, error)
        cast.delivered(request)

    assert delivery().state == "failed"
    assert SoftwareToken.objects.get().delivery == "bounced"
    outbox_actions.retry(actor=company.ada, mail_id=delivery().pk)
    step7_deliver.send(mail_id=delivery().pk)
    assert delivery().state == "sent"
    assert SoftwareToken.objects.get().delivery == "sent"


def test_the_same_mail_keeps_its_message_id(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent, and the worker died before it could write that down: the second copy can be recognised."""
    request = company.request_in("issued")
    mail = delivery()
    with monkeypatch.context() as dying:
        dying.setattr("identity_manager.mail.outbox.settle_sent", _die)
        with pytest.raises(KeyboardInterrupt):
            cast.delivered(request)
    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        step7_deliver.send(mail_id=mail.pk)

    ids = {stored.message["Message-ID"] for stored in mailbox.stored_messages()}
    assert ids == {sending.message_id(mail)}


def test_the_provider_s_name_for_a_mail_outlives_a_crash(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bounce is told by that name, even where the provider says none when it is asked to send it again."""
    company.request_in("issued")
    mail = delivery()
    monkeypatch.setattr("identity_manager.mail.sending.send", lambda _mail: "provider-1")
    with monkeypatch.context() as dying:
        dying.setattr("identity_manager.mail.outbox.settle_sent", _die)
        with pytest.raises(KeyboardInterrupt):
            step7_deliver.send(mail_id=mail.pk)

    monkeypatch.setattr("identity_manager.mail.sending.send", lambda _mail: "")
    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        step7_deliver.send(mail_id=mail.pk)

    mail.refresh_from_db()
    assert (mail.state, mail.provider_id) == ("sent", "provider-1")


def _die(*args: object, **kwargs: object) -> None:
    raise KeyboardInterrupt


def test_sent_again_in_the_format_for_the_device(company: Company) -> None:
    request = company.request_in("completed")
    token = request.tokens.get()

    mail = resending.send_again(actor=company.uma, token_id=token.pk, container_format="compatible")
    step7_deliver.send(mail_id=mail.pk)

    newest = next(mailbox.stored_messages())
    ((name, _media_type, content),) = newest.attachments()
    assert content == token.containers.get(format="compatible").content
    assert name.endswith("-compatible.p12")


def _send_again(name: str, container_format: str) -> Callable[[Company, SoftwareToken], OutgoingMail]:
    return lambda company, token: resending.send_again(
        actor=getattr(company, name), token_id=token.pk, container_format=container_format
    )


@pytest.mark.parametrize(
    ("again", "kind"),
    [
        (_send_again("sam", "standard"), NotAllowed),
        (_send_again("paul", "standard"), NotAllowed),
        (_send_again("uma", "zip"), NotPossible),
        (_send_again("uma", "standard"), NotPossible),
    ],
)
def test_sending_again_is_refused(
    company: Company, again: Callable[..., object], kind: type[Exception]
) -> None:
    token = company.request_in("issued").tokens.get()  # its first delivery is queued still

    with pytest.raises(kind):
        again(company, token)


def test_nobody_makes_hundreds_of_mails(company: Company) -> None:
    token = cast.delivered(company.request_in("issued")).tokens.get()
    for name, container_format in itertools.islice(
        itertools.product(("uma", "ada"), ("standard", "compatible") * 3), resending.MOST_MAILS_A_DAY - 1
    ):
        step7_deliver.send(mail_id=_send_again(name, container_format)(company, token).pk)

    for name in ("uma", "ada"):
        with pytest.raises(NotPossible) as refused:
            _send_again(name, "standard")(company, token)
        assert refused.value.reason == resending.SENT_OFTEN
    with time_machine.travel(timezone.now() + timedelta(hours=24)):
        _send_again("uma", "standard")(company, token)
    assert OutgoingMail.objects.filter(message="delivery").count() == resending.MOST_MAILS_A_DAY + 1


def test_a_revoked_token_is_not_sent(company: Company) -> None:
    token = company.request_in("cancelled").tokens.get()

    with pytest.raises(Stale):
        _send_again("uma", "standard")(company, token)
