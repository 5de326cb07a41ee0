"""Archived keys are re-addressed between the decisions on a recovery and its act: they open all the same."""

import pytest
from django.utils import timezone

from identity_manager.jobs import schedule
from identity_manager.models import (
    AuditEvent,
    OutgoingMail,
    Person,
    PersonState,
    Recovery,
    RecoveryCertificate,
    RequestState,
    ShareRound,
    TokenRequest,
)
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow.archive import readdressing, recovery_certificates, share_rounds
from identity_manager.workflow.recovery import decisions, moved_keys, officers_policy, sealed_decisions
from tests.identity_manager.workflow.recovery.test_decisions import (
    agreed,
    approve,
    asked,
    deputy,
    opened,
    state,
)
from tests.tools import recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]
SECOND = 1  # number of the ceremony after the first


@pytest.fixture
def staff() -> Officers:
    share_rounds.publish_keys()
    return recovery.officers()


def share(number: int, ceremony: int = 0) -> str:
    return recovery.ceremony(ceremony)[1].texts[number]


def move(staff: Officers, former: RecoveryCertificate) -> None:
    """Retire the certificate; its officers give their shares, and a worker moves the keys."""
    recovery_certificates.retire(actor=staff.ruth, certificate_id=former.pk)
    readdressing.give_share(actor=staff.rene, certificate_id=former.pk, share=share(0))
    readdressing.give_share(actor=staff.rosa, certificate_id=former.pk, share=share(1))
    assert readdressing.readdress_next() == 1


def run() -> int | str:
    job = schedule.named("recovery.choose_key_anew")
    assert job is not None
    return job.run()


def give(row: Recovery, staff: Officers, *, ceremony: int) -> None:
    row.refresh_from_db()
    for number, officer in enumerate((staff.rene, staff.rosa)):
        decisions.give_share(
            actor=officer,
            recovery_id=row.pk,
            seen=sealed_decisions.digest(row),
            share=share(number, ceremony),
        )


def test_the_officers_of_the_new_key_give_their_shares(company: Company, staff: Officers) -> None:
    former = recovery.in_force(staff)
    key = recovery.archived_key(company)
    row = agreed(staff, asked(company, key))
    decisions.give_share(
        actor=staff.rene, recovery_id=row.pk, seen=sealed_decisions.digest(row), share=share(0)
    )
    assert run() == 0, "nothing has moved"

    recovery.in_force(staff, SECOND)
    move(staff, former)
    assert run() == 1
    assert run() == 0
    ended = ShareRound.objects.of(row.request_id).get()
    assert (ended.state, ended.end_reason) == ("ended", moved_keys.KEYS_MOVED.code)
    asked_for = OutgoingMail.objects.filter(message="shares_needed", person=staff.ruth)
    assert asked_for.count() == 2, "the officers are asked for the share of another key"
    assert officers_policy.waiting_for(staff.rene, row.created_at).get() == row

    give(row, staff, ceremony=SECOND)
    assert opened(row).state == "sealed"


def test_a_share_of_the_former_key_opens_nothing(company: Company, staff: Officers) -> None:
    former = recovery.in_force(staff)
    row = agreed(staff, asked(company, recovery.archived_key(company)))
    recovery.in_force(staff, SECOND)
    move(staff, former)
    run()
    with pytest.raises(Refused):
        give(row, staff, ceremony=0)
    assert state(row) == ("requested", "")


def test_what_failed_with_the_former_key_takes_shares_of_the_new_one(
    company: Company, staff: Officers
) -> None:
    former = recovery.in_force(staff)
    row = agreed(staff, asked(company, recovery.archived_key(company)))
    give(row, staff, ceremony=0)
    recovery.in_force(staff, SECOND)
    move(staff, former)
    opened(row)
    assert TokenRequest.objects.get(pk=row.request_id).state == RequestState.FAILED
    assert run() == 1
    give(row, staff, ceremony=SECOND)
    assert opened(row).state == "sealed"


@pytest.mark.parametrize("failed", [False, True])
def test_an_online_key_opens_what_waits_and_nothing_that_failed(
    company: Company, staff: Officers, *, failed: bool
) -> None:
    """What has failed is started again by an officer, who has read why."""
    former = recovery.in_force(staff)
    row = agreed(staff, asked(company, recovery.archived_key(company)))
    if failed:
        give(row, staff, ceremony=0)
    recovery.online_in_force(staff)
    move(staff, former)
    if failed:
        opened(row)
    assert run() == 1
    assert state(row)[0] == ("failed" if failed else "issuing")
    if not failed:
        assert AuditEvent.objects.get(name="recovery.begun").actor is None
        assert opened(row).state == "sealed"


@pytest.mark.parametrize("how", ["one decision", "an officer lost the role"])
def test_it_is_chosen_for_nothing_that_two_have_not_decided(
    company: Company, staff: Officers, how: str
) -> None:
    former = recovery.in_force(staff)
    row = asked(company, recovery.archived_key(company))
    if how == "one decision":
        approve(row, staff.rene)
    else:
        agreed(staff, row)
    recovery.online_in_force(staff)
    move(staff, former)
    if how != "one decision":
        staff.rosa.roles.all().delete()
    assert run() == 0
    assert state(row) == ("requested", "")


@pytest.mark.parametrize("how", ["its last day is over", "the beneficiary is on leave", "they have changed"])
def test_nothing_begins_that_would_take_no_share_now(company: Company, staff: Officers, how: str) -> None:
    """An online key would open it at once, and it would fail for good or be handed to who has changed."""
    former = recovery.in_force(staff)
    row = agreed(staff, asked(company, recovery.archived_key(company), beneficiary=deputy()))
    recovery.online_in_force(staff)
    move(staff, former)
    dora = Person.objects.filter(pk=row.request.person_id)
    if how == "its last day is over":
        Recovery.objects.filter(pk=row.pk).update(expires_at=timezone.now())
    elif how == "the beneficiary is on leave":
        dora.update(state=PersonState.INACTIVE)
    else:
        dora.update(email="other@example.com")
    assert run() == 0
    request = TokenRequest.objects.get(pk=row.request_id)
    assert (request.state, request.is_stopped) == ("requested", how == "they have changed")
