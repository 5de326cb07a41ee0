"""What is planned by itself: tokens from before, what time has changed, and the swap of a renewal."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from identity_manager.jobs import schedule
from identity_manager.models import Certificate, HoldBack, Placement, PlacementState
from identity_manager.workflow import step1_renew
from identity_manager.workflow.targets import planning, settlement, sole_delivery
from tests.tools import targets
from tests.tools.cast import Company, accepted, delivered, issued, noted
from tests.tools.targets import FakeTarget, placement, review, serve, switched_on, token_of

pytestmark = pytest.mark.long

P = PlacementState


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch, settings: Any, company: Company) -> FakeTarget:
    return targets.install(monkeypatch, settings)


def job() -> int:
    found = schedule.named("targets.review")
    assert found is not None
    return int(found.run())


def test_tokens_from_before_are_published_too(target: FakeTarget, company: Company) -> None:
    token = token_of(company)
    switched_on(HoldBack.NOTED)
    job()
    serve()
    assert target.holder("uma") == []  # not noted yet
    noted(token)
    job()
    serve()
    assert target.holder("uma") == [placement(token).certificate.der]
    assert job() == 0


def test_what_time_has_ended_is_taken_back(target: FakeTarget, company: Company) -> None:
    switched_on()
    token = token_of(company)
    serve()
    row = placement(token).certificate
    row.not_after = timezone.now() - timedelta(seconds=1)
    row.save()
    job()
    serve()
    assert target.holder("uma") == []


def test_a_placement_that_fails_keeps_back_no_other_and_no_later_scan(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    switched_on()
    bad, good = token_of(company), token_of(company, "sam")
    Certificate.objects.filter(token__in=(bad, good)).update(not_after=timezone.now() - timedelta(seconds=1))
    later = list[bool]()
    monkeypatch.setattr(sole_delivery, "arrive_late", lambda: later.append(True) or 0)
    differing = planning._differing

    def failing(rows: Sequence[Placement], now: datetime) -> list[Placement]:
        if any(row.certificate.token_id == bad.pk for row in rows):
            raise ValueError("bad")
        return differing(rows, now)

    monkeypatch.setattr(planning, "_differing", failing)
    with pytest.raises(ValueError, match="bad"):
        job()
    assert placement(bad).wanted
    assert not placement(good).wanted
    assert later == [True]


def renewed(company: Company) -> tuple[Any, Any]:
    """A token that is there, and its renewal, sealed."""
    switched_on(HoldBack.NOTED)
    old = token_of(company)
    delivered(old.request)
    noted(old)
    review(old)
    serve()
    row = placement(old).certificate
    row.not_after = timezone.now() + timedelta(days=20)
    row.save()
    request = step1_renew.renew(actor=company.uma, token_id=old.pk)
    new = issued(accepted(request)).tokens.get()
    return old, new


def test_a_renewal_swaps_in_one_modify_and_not_before_it_is_noted(
    target: FakeTarget, company: Company
) -> None:
    old, new = renewed(company)
    serve()
    assert target.holder("uma") == [placement(old).certificate.der]
    noted(new)
    review(new)
    serve()
    assert target.holder("uma") == [placement(new).certificate.der]
    assert (target.swaps, placement(old).state, placement(old).successor) == (1, P.GONE, placement(new))
    review(old)
    serve()
    assert target.holder("uma") == [placement(new).certificate.der]
    assert "take_back" not in target.calls, "the swap took it away"


def test_killed_in_the_middle_of_a_swap_the_old_value_goes_all_the_same(
    target: FakeTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = renewed(company)
    noted(new)
    review(new)
    with monkeypatch.context() as patched:
        patched.setattr(settlement, "settle", lambda *_given: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            serve()
    serve()
    serve()
    assert target.holder("uma") == [placement(new).certificate.der]
    assert (placement(old).state, placement(new).state) == (P.GONE, P.THERE)
