"""What the type of a token does where nobody says that it is installed."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from identity_manager.console.access import installations
from identity_manager.jobs import schedule
from identity_manager.models import (
    AuditEvent,
    EndingRule,
    InstallationNotice,
    MailState,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenType,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Stale
from identity_manager.workflow import step7_deliver
from identity_manager.workflow.delivery import installation, installation_check
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.revocation import hold
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
DAYS = 14


@pytest.fixture
def start() -> datetime:
    return timezone.now()


def rule(policy: str) -> None:
    TokenType.objects.update(installation_policy=policy, installation_days=DAYS)


def run() -> int:
    job = schedule.named("tokens.check_installations")
    assert job is not None
    return int(job.run())


def days(start: datetime, *moments: float) -> Iterator[float]:
    """Run the job on each of these days; every mail that waits is sent."""
    for day in moments:
        with time_machine.travel(start + timedelta(days=day)):
            run()
            for mail in OutgoingMail.objects.filter(state=MailState.QUEUED):
                step7_deliver.send(mail_id=mail.pk)
            yield day


def mails(message: str = "installation_due") -> int:
    return OutgoingMail.objects.filter(message=message).count()


def fresh(token: SoftwareToken) -> SoftwareToken:
    return SoftwareToken.objects.get(pk=token.pk)


def told(company: Company) -> int:
    return installations.answered_by(company.ada).count()


def test_nothing(company: Company, token: SoftwareToken, start: datetime) -> None:
    assert [mails() for _day in days(start, 0, 8, 15, 100)] == [0, 0, 0, 0]
    assert not InstallationNotice.objects.exists()


def test_the_rules_of_other_types_do_not_count(token: SoftwareToken, start: datetime) -> None:
    rule("remind")
    assert [mails() for _day in days(start, 0)] == [0]
    TokenType.objects.filter(code=token.type_code).update(installation_policy="nothing", position=99)
    assert [mails() for _day in days(start, 15)] == [0]


def test_remind_three_times(token: SoftwareToken, start: datetime) -> None:
    rule("remind")
    assert [mails() for _day in days(start, 0, 13, 14.1, 15, 28.2, 42.3, 90)] == [0, 0, 1, 1, 2, 3, 3]
    assert fresh(token).state == "active"


def test_tell_the_officer_after_the_person(company: Company, token: SoftwareToken, start: datetime) -> None:
    rule("tell")
    found = [(mails(), told(company)) for _day in days(start, 0, 7.1, 13, 14.1, 16)]
    assert found == [(0, 0), (1, 0), (1, 0), (1, 1), (1, 1)]
    assert AuditEvent.objects.filter(name="token.installation-told").count() == 1
    rule("nothing")
    assert [told(company) for _day in days(start, 18)] == [0], "the rule has changed"


def test_revoke_after_a_warning(company: Company, token: SoftwareToken, start: datetime) -> None:
    rule("revoke")
    states = [(mails(), fresh(token).state) for _day in days(start, 0, 7.1, 12.5, 13.1, 14.1)]
    assert states == [(0, "active"), (1, "active"), (1, "active"), (2, "active"), (2, "revoked")]
    assert mails("installation_over") == 1
    assert AuditEvent.objects.filter(token=token, name="token.not-installed").count() == 1
    row = fresh(token).certificates.get()
    assert row.revocation_reason == "cessationOfOperation"
    assert [mails() for _day in days(start, 30)] == [2], "it has ended"


def test_a_confirmation_ends_it_and_taking_it_back_starts_anew(
    company: Company, token: SoftwareToken, start: datetime
) -> None:
    rule("revoke")
    assert len([*days(start, 0, 7.1, 13.1)]) == 3
    with time_machine.travel(start + timedelta(days=13.5)):
        row = installation.confirm(actor=company.uma, token_id=token.pk, device="macos")
    assert [fresh(token).state for _day in days(start, 14.1, 40)] == ["active", "active"]
    with time_machine.travel(start + timedelta(days=41)):
        installation.take_back(actor=company.uma, token_id=token.pk, installation_id=row.pk)
    assert [fresh(token).state for _day in days(start, 42, 50, 54, 56.2)] == ["active"] * 3 + ["revoked"]


def test_switched_on_later_revokes_no_older_token_at_once(token: SoftwareToken, start: datetime) -> None:
    assert [mails() for _day in days(start, 0)] == [0]
    rule("revoke")
    found = [(mails(), fresh(token).state) for _day in days(start, 200, 201, 207.2, 213.1, 214.2)]
    assert [each[1] for each in found] == ["active"] * 4 + ["revoked"]
    assert [each[0] for each in found] == [0, 0, 1, 2, 2]


def test_shorter_days_revoke_nobody_before_the_moment_of_the_warning(
    token: SoftwareToken, start: datetime
) -> None:
    TokenType.objects.update(installation_policy="revoke", installation_days=100)
    assert [mails() for _day in days(start, 0, 40)] == [0, 0]
    rule("revoke")
    assert [fresh(token).state for _day in days(start, 50.1, 51, 52.9, 53.2)] == ["active"] * 3 + ["revoked"]


@pytest.mark.parametrize("way", ["leave", "hold"])
def test_a_hold_stops_the_clock(company: Company, token: SoftwareToken, start: datetime, way: str) -> None:
    rule("revoke")
    assert len([*days(start, 0, 7.1)]) == 2
    with time_machine.travel(start + timedelta(days=8)):
        if way == "leave":
            leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="away")
        else:
            hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="mislaid")
    assert [fresh(token).state for _day in days(start, 14.1, 60)] == ["on_hold", "on_hold"]
    with time_machine.travel(start + timedelta(days=108)):
        if way == "leave":
            leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
        else:
            hold.reinstate(actor=company.ada, token_id=token.pk)
    assert [fresh(token).state for _day in days(start, 108.1, 113.5, 114.3)] == [
        "active",
        "active",
        "revoked",
    ]


def test_who_was_warned_by_nobody_is_not_revoked(
    company: Company, token: SoftwareToken, start: datetime
) -> None:
    rule("revoke")
    assert len([*days(start, 0, 7.1)]) == 2
    OutgoingMail.objects.filter(message="installation_due").update(state="bounced")
    assert [(fresh(token).state, told(company)) for _day in days(start, 13.1, 14.1)] == [
        ("active", 0),
        ("active", 1),
    ]


def test_a_warning_that_was_sent_late_gives_three_days(token: SoftwareToken, start: datetime) -> None:
    rule("revoke")
    for day in (0, 7.1):
        with time_machine.travel(start + timedelta(days=day)):
            run()  # the mail waits: the mail server is down
    states = [fresh(token).state for _day in days(start, 14, 15, 16.9, 17.2)]
    assert states == ["active", "active", "active", "revoked"]


def test_more_than_a_day_may_have_are_left_to_people(
    company: Company, token: SoftwareToken, start: datetime, settings: Settings
) -> None:
    settings.INSTALLATION_REVOCATIONS_A_DAY = 1
    second = cast.issued(cast.accepted(cast.enabled(company.ada, company.sam, company.vpn)))
    cast.delivered(second)
    cast.noted(second.tokens.get())
    rule("revoke")
    assert len([*days(start, 0, 7.1, 13.1)]) == 3
    for day in days(start, 14.1, 15.2, 18):
        states = {*SoftwareToken.objects.filter(state="revoked")}
        assert (len(states), told(company)) == (0, 2), day
    with time_machine.travel(start + timedelta(days=18.1)):
        installation_check.leave(actor=company.ada, token_id=token.pk, reason="She has no device yet.")
    assert len([*days(start, 19.2)]) == 1
    assert fresh(token).state == "active"
    assert fresh(second.tokens.get()).state == "revoked", "one alone is within the limit"


def test_an_officer_leaves_it_but_not_their_own(
    company: Company, token: SoftwareToken, start: datetime
) -> None:
    rule("tell")
    assert len([*days(start, 0, 7.1, 14.1)]) == 3

    def leave(actor: Person, reason: str = "A spare one.") -> InstallationNotice:
        return installation_check.leave(actor=actor, token_id=token.pk, reason=reason)

    for actor in (company.uma, company.paul, company.rita):
        with pytest.raises(NotAllowed):
            leave(actor)
    with pytest.raises(NotPossible):
        leave(company.ada, " ")
    leave(company.ada)
    with pytest.raises(Stale):
        leave(company.ada)
    assert [told(company) for _day in days(start, 30)] == [0]


def test_tokens_from_another_system_and_unfinished_ones_are_not_asked_about(
    company: Company, token: SoftwareToken, start: datetime
) -> None:
    rule("remind")
    SoftwareToken.objects.filter(pk=token.pk).update(kind="import", acknowledged_at=None)
    cast.issued(cast.accepted(cast.enabled(company.ada, company.sam)))
    assert [mails() for _day in days(start, 0, 14.1)] == [0, 0]
    assert not InstallationNotice.objects.exists()


def test_two_runs_at_once_mail_once(token: SoftwareToken, start: datetime) -> None:
    rule("remind")
    assert len([*days(start, 0)]) == 1
    with time_machine.travel(start + timedelta(days=14.1)):
        key = InstallationNotice.objects.get().pk
        assert installation_check.check(key)
        assert not installation_check.check(key)
        assert installation_check.ask([token.pk]) == 0
    assert mails() == 1


def test_a_leave_pauses_the_period_of_a_token_that_stays_valid(
    company: Company, token: SoftwareToken, start: datetime
) -> None:
    """Who is on leave cannot sign in to confirm; the token is not revoked meanwhile."""
    rule("revoke")
    TokenType.objects.update(on_leave=EndingRule.RUN_OUT)
    rita, uma = company.rita, company.uma
    assert [mails() for _day in days(start, 0, 1)] == [0, 0]
    with time_machine.travel(start + timedelta(days=1.1)):
        leave_and_return.deactivate(actor=rita, person_id=uma.pk, reason="leave")
    assert [fresh(token).state for _day in days(start, 8, 15, 40)] == ["active"] * 3
    assert mails() == 0
    with time_machine.travel(start + timedelta(days=41.1)):
        leave_and_return.activate(actor=rita, person_id=uma.pk)
    assert [mails() for _day in days(start, 42, 49)] == [0, 1]
    assert fresh(token).state == "active"
