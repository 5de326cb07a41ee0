"""The expiry check: whom it tells when, once; what it starts by itself, once."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from identity_manager.jobs import schedule
from identity_manager.models import (
    OutgoingMail,
    Person,
    RenewalNotice,
    RenewalPolicy,
    RequestOrigin,
    SoftwareToken,
    TokenRequest,
    TokenType,
)
from identity_manager.workflow import step1_renew
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.renewal import expiry_check
from tests.identity_manager.workflow.renewal.conftest import At, given
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def run() -> int:
    job = schedule.named("renewals.expiry_check")
    assert job is not None
    return int(job.run())


def mails() -> int:
    return OutgoingMail.objects.filter(message="renewal_due").count()


@pytest.mark.long
def test_mails_at_each_threshold_then_daily_each_once(token: SoftwareToken, days_before: At) -> None:
    with days_before(70):
        start = timezone.now()
    told = []
    for hour in range(0, 24 * 71, 6):
        with time_machine.travel(start + timedelta(hours=hour)):
            before = mails()
            run()
            told += [round(hour / 24)] * (mails() - before)
    assert [70 - day for day in told[:4]] == [60, 30, 14, 7]
    assert len(told) == 4 + 6  # 60, 30, 14, 7, and one on each of the six days that are left


def test_before_the_window_nobody_is_told(token: SoftwareToken, days_before: At) -> None:
    with days_before(61):
        assert run() == 0
    assert not RenewalNotice.objects.exists()


def test_an_installation_that_wants_no_mails_still_shows_the_task(
    token: SoftwareToken, days_before: At, settings: Settings
) -> None:
    settings.RENEWAL_REMINDER_DAYS = []
    with days_before(3):
        run()
        assert mails() == 0
        assert RenewalNotice.objects.unanswered().count() == 1


def test_by_itself_it_starts_one_renewal_and_no_second(token: SoftwareToken, days_before: At) -> None:
    TokenType.objects.filter(code="vpn").update(renewal_policy=RenewalPolicy.AUTOMATIC)
    with days_before(29):
        assert run() == 1
        assert run() == 0
        request = TokenRequest.objects.get(kind="renewal")
        assert (request.origin, request.state) == ("expiry-check", "awaiting_acceptance")
        assert request.requested_by_id == token.person_id
        request.decline(reason="", now=timezone.now())
        request.save()
        for line in request.tokens.all():
            line.cancel(reason="", now=timezone.now())
            line.save()
        run()
        run()
    assert TokenRequest.objects.filter(kind="renewal").count() == 1
    assert mails() == 1, "the person is asked from then on"


def test_a_token_whose_renewal_fails_keeps_no_other_back(
    company: Company, token: SoftwareToken, days_before: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = given(company, cast.person("olga"))
    TokenType.objects.filter(code="vpn").update(renewal_policy=RenewalPolicy.AUTOMATIC)
    start = step1_renew.start_by_itself

    def failing(tokens: Sequence[SoftwareToken], *, origin: RequestOrigin) -> set[uuid.UUID]:
        if any(each.pk == other.pk for each in tokens):
            raise ValueError("olga")
        return start(tokens, origin=origin)

    monkeypatch.setattr(step1_renew, "start_by_itself", failing)
    with days_before(29):
        with pytest.raises(ValueError, match="olga"):
            run()
        assert TokenRequest.objects.get(kind="renewal").person_id == token.person_id
        monkeypatch.undo()
        run()
        assert TokenRequest.objects.filter(kind="renewal").count() == 2, "the next run renews the other one"


def test_automatic_renewals_are_spread_over_the_first_half_of_the_window(token: SoftwareToken) -> None:
    token_type = TokenType(renewal_days=60)
    now = timezone.now()
    days = set()
    for _each in range(200):
        notice = RenewalNotice(token_id=SoftwareToken().pk, ends_at=now)
        begins = expiry_check.starts_at(notice, token_type)
        assert begins == expiry_check.starts_at(notice, token_type)
        days.add((now - begins).days)
    assert min(days) >= 29
    assert max(days) <= 60
    assert len(days) > 20


def test_leave_stops_the_clock_and_the_return_asks(
    company: Company, token: SoftwareToken, days_before: At
) -> None:
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="parental leave")
    with days_before(20):
        assert run() == 0
        leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
        assert run() == 1
    assert mails() == 1


@pytest.mark.parametrize("state", ["revoked", "on_hold", "expired", "replaced"])
def test_what_is_not_active_is_not_renewed(token: SoftwareToken, days_before: At, state: str) -> None:
    SoftwareToken.objects.filter(pk=token.pk).update(state=state)
    with days_before(20):
        assert run() == 0
        assert not expiry_check.check([token.pk])
    assert mails() == 0


def test_a_person_who_lost_the_role_is_still_told(token: SoftwareToken, days_before: At) -> None:
    Person.objects.get(pk=token.person_id).roles.all().delete()
    with days_before(20):
        assert run() == 1
