"""Reminders before terms and passphrases lapse: each once, at its moment, for whoever still waits."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from identity_manager.mail.faults import DeliveryFault
from identity_manager.models import OutgoingMail, Person, SoftwareToken, TokenRequest
from identity_manager.workflow.delivery import mail_relevance
from identity_manager.workflow.requests import lapse, reminders
from identity_manager.workflow.revocation import hold
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def number(message: str) -> int:
    return OutgoingMail.objects.filter(message=message).count()


@pytest.mark.parametrize(
    ("days_later", "mails"),
    [(15.9, 0), (16.1, 1), (23.1, 1), (27.1, 1), (29.1, 1), (30.1, 0)],
)
def test_one_mail_is_due_from_each_threshold_on(company: Company, days_later: float, mails: int) -> None:
    company.request_in("awaiting_acceptance")

    with time_machine.travel(timezone.now() + timedelta(days=days_later)):
        assert reminders.remind_of_acceptance() == mails
        assert reminders.remind_of_acceptance() == 0

    assert number("acceptance_reminder") == mails


def test_four_reminders_in_a_month(company: Company) -> None:
    company.request_in("awaiting_acceptance")
    start = timezone.now()

    for hour in range(0, 24 * 31, 6):
        with time_machine.travel(start + timedelta(hours=hour)):
            reminders.remind_of_acceptance()
            lapse.lapse_overdue()

    assert number("acceptance_reminder") == 4
    assert number("request_lapsed") == 1
    assert TokenRequest.objects.get().state == "lapsed"


def test_no_reminder_for_a_moment_before_the_invitation(company: Company, settings: Settings) -> None:
    settings.ACCEPTANCE_DAYS = 5
    company.request_in("awaiting_acceptance")

    assert reminders.remind_of_acceptance() == 0
    with time_machine.travel(timezone.now() + timedelta(days=2, minutes=1)):
        assert reminders.remind_of_acceptance() == 1


def test_no_reminders_where_the_installation_wants_none(company: Company, settings: Settings) -> None:
    settings.ACCEPTANCE_REMINDER_DAYS = []
    company.request_in("awaiting_acceptance")

    with time_machine.travel(timezone.now() + timedelta(days=29)):
        assert reminders.remind_of_acceptance() == 0


def test_who_is_on_leave_is_not_reminded(company: Company) -> None:
    company.request_in("awaiting_acceptance")
    company.uma.deactivate()
    company.uma.save()

    with time_machine.travel(timezone.now() + timedelta(days=29)):
        assert reminders.remind_of_acceptance() == 0


@pytest.mark.parametrize(
    "state", ["requested", "rejected", "declined", "lapsed", "issuing", "failed", "issued", "cancelled"]
)
def test_who_has_nothing_to_accept_is_not_reminded(company: Company, state: str) -> None:
    request = company.request_in(state)
    soon = timezone.now() + timedelta(hours=5)
    TokenRequest.objects.filter(pk=request.pk).update(accept_before=soon)

    assert reminders.remind_of_acceptance() == 0
    assert reminders.remind_to_accept(request.pk) is False


def test_a_stopped_request_neither_reminds_nor_lapses(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")
    TokenRequest.objects.filter(pk=request.pk).update(stopped_at=timezone.now())

    with time_machine.travel(timezone.now() + timedelta(days=31)):
        reminders.remind_of_acceptance()
        lapse.lapse_overdue()

    assert number("acceptance_reminder") == 0
    assert TokenRequest.objects.get().state == "awaiting_acceptance"


def test_three_reminders_before_a_passphrase_is_destroyed(company: Company) -> None:
    company.request_in("issued")
    start = timezone.now()

    for hour in range(0, 24 * 15, 6):
        with time_machine.travel(start + timedelta(hours=hour)):
            reminders.remind_of_passphrases()
            lapse.lapse_overdue()

    assert number("passphrase_reminder") == 3
    assert number("token_lapsed") == 1
    assert SoftwareToken.objects.get().state == "lapsed"


def test_a_noted_passphrase_needs_no_reminder(company: Company) -> None:
    token = company.request_in("issued").tokens.get()
    cast.noted(token)

    with time_machine.travel(timezone.now() + timedelta(days=13)):
        assert reminders.remind_of_passphrases() == 0
        assert reminders.remind_to_note(token.pk) is False


def test_nobody_is_reminded_of_the_passphrase_of_a_token_on_hold(company: Company) -> None:
    """It is not shown while the token is on hold; the mail that is on its way waits, too."""
    token = company.request_in("issued").tokens.get()
    assert token.passphrase_destroy_at is not None
    with time_machine.travel(token.passphrase_destroy_at - timedelta(hours=23)):
        hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="Lost?")
        assert reminders.remind_of_passphrases() == 0
        assert reminders.remind_to_note(token.pk) is False
        SoftwareToken.objects.filter(pk=token.pk).update(state="sealed")
        assert reminders.remind_of_passphrases() == 1
        SoftwareToken.objects.filter(pk=token.pk).update(state="on_hold")
        mail = OutgoingMail.objects.get(message="passphrase_reminder")
        assert isinstance(mail_relevance.obstacle(mail), DeliveryFault)


def test_what_a_stopped_request_asks_for_waits(company: Company) -> None:
    request = company.request_in("requested")
    mail = OutgoingMail.objects.filter(message="approval_needed").first()
    assert mail is not None
    assert mail_relevance.obstacle(mail) is None
    TokenRequest.objects.filter(pk=request.pk).update(stopped_at=timezone.now())
    waiting = mail_relevance.obstacle(OutgoingMail.objects.get(pk=mail.pk))
    assert isinstance(waiting, DeliveryFault)

    again = timezone.now() + timedelta(seconds=1)
    TokenRequest.objects.filter(pk=request.pk).update(stopped_at=None, round=2, round_started_at=again)
    obstacle = mail_relevance.obstacle(OutgoingMail.objects.get(pk=mail.pk))
    assert isinstance(obstacle, mail_relevance.NoLongerRelevant), "the new round has mails of its own"


def test_the_reminder_says_until_when_in_the_language_of_its_reader(company: Company) -> None:
    Person.objects.filter(pk=company.uma.pk).update(language="de")
    request = company.request_in("awaiting_acceptance")
    assert request.accept_before is not None

    with time_machine.travel(request.accept_before - timedelta(hours=23)):
        reminders.remind_of_acceptance()

    mail = OutgoingMail.objects.get(message="acceptance_reminder")
    assert mail.language == "de"
    assert str(timezone.localtime(request.accept_before).year) in mail.body_text
    assert f"/my/requests/{request.pk}/terms/" in mail.body_text
