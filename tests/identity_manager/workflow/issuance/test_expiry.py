"""What ends by time: certificates, and the tokens of which none is left."""

import re
from datetime import datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.contract import RevocationReason
from identity_manager.audit import sealing
from identity_manager.jobs import retention, schedule
from identity_manager.models import (
    AuditEvent,
    Certificate,
    Container,
    Person,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.transactions import locking
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.issuance import containers, expiry, failures, partial_issue, retry
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import hold, revoke
from tests.tools import cast, one_step
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]


def the_day_after() -> datetime:
    """When the time of every certificate is over."""
    ends = [row.not_after for row in Certificate.objects.exclude(not_after=None) if row.not_after]
    return max(ends) + timedelta(days=1)


def test_a_token_ends_with_its_certificates_and_another_one_can_be_asked_for(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    assert expiry.expire_ended() == 0

    with time_machine.travel(the_day_after()):
        choice = eligibility.type_choices(Person.objects.get(pk=company.uma.pk))[1]
        assert choice.renews is not None, "until then another one would be its renewal"
        assert expiry.expire_ended() == 1
        assert expiry.expire_ended() == 0
        request = cast.enabled(company.ada, company.uma, company.vpn)
        assert (request.state, request.kind) == ("awaiting_acceptance", "initial")

    token.refresh_from_db()
    assert (token.state, Certificate.objects.get().state) == ("expired", "expired")
    for name in ("certificate.expired", "token.expired"):
        assert AuditEvent.objects.filter(name=name, token=token).count() == 1


def test_one_that_is_left_keeps_the_token(company: Company) -> None:
    pair = cast.token_type("pair", profiles=("client", "second"))
    cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, pair)))
    day = the_day_after()
    _first, second = Certificate.objects.all()
    Certificate.objects.filter(pk=second.pk).update(not_after=day + timedelta(days=1))

    with time_machine.travel(day):
        assert expiry.expire_ended() == 1
        assert SoftwareToken.objects.get().state == "sealed"
    with time_machine.travel(day + timedelta(days=2)):
        assert expiry.expire_ended() == 1
        assert SoftwareToken.objects.get().state == "expired"


@pytest.mark.parametrize("on_hold", [False, True], ids=["sealed", "on hold"])
def test_what_was_never_noted_is_destroyed_and_ends_its_request(company: Company, *, on_hold: bool) -> None:
    request = company.request_in("issued")
    token = request.tokens.get()
    if on_hold:
        hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="a laptop is missing")

    with time_machine.travel(the_day_after()):
        expiry.expire_ended()

    token.refresh_from_db()
    assert (token.state, token.passphrase_wrapped, token.is_open) == ("expired", None, False)
    assert TokenRequest.objects.get(pk=request.pk).state == "completed"
    assert AuditEvent.objects.filter(name="passphrase.destroyed", token=token).count() == 1


def test_what_is_to_be_revoked_is_left_to_its_worker(company: Company) -> None:
    token = company.request_in("completed").tokens.get()
    revoke.revoke_token(actor=company.uma, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)

    with time_machine.travel(the_day_after()):
        assert expiry.expire_ended() == 0
        revoke.revoke_at_ca(certificate_id=Certificate.objects.get().pk)

    assert (SoftwareToken.objects.get().state, Certificate.objects.get().state) == ("revoked", "expired")


def test_what_ended_long_ago_is_not_read_again(company: Company) -> None:
    """An index has states and ends together; of two states at once PostgreSQL takes that of ends alone."""
    with CaptureQueriesContext(connection) as asked:
        expiry.expire_ended()

    sql = " ".join(query["sql"] for query in asked)
    of_states = re.findall(r'"identity_manager_certificate"."state" IN \(([^)]*)\)', sql)
    assert of_states == ["'valid'", "'on_hold'"]


def test_the_log_and_the_request_of_an_ended_token_grow_old(company: Company, settings: Settings) -> None:
    company.request_in("completed")
    sealing.seal()
    settings.RETENTION_AUDIT_DAYS = settings.RETENTION_REQUEST_DAYS = 400

    with time_machine.travel(the_day_after()) as clock:
        expiry.expire_ended()
        clock.shift(timedelta(days=500))
        company.request_in("rejected")
        sealing.seal()
        assert retention.empty_requests() == 1
        assert retention.cut_audit_log() > 0


@pytest.mark.parametrize("failed", [False, True], ids=["late", "refused"])
def test_what_ends_before_its_token_is_handed_out_is_ordered_anew(company: Company, *, failed: bool) -> None:
    """Of two certificates the other one comes after the end of the first: nobody is given what has ended."""
    pair = cast.token_type("pair", profiles=("client", "second"), validity_days=1)
    request = cast.accepted(cast.enabled(company.ada, company.uma, pair))
    first, second = Certificate.objects.all()
    one_step.issue(first.pk)
    first.refresh_from_db()
    if failed:
        with transaction.atomic():
            row = locking.certificate(second.pk)
            failures.refuse(row, failures.of_refusal(row, message="no"))

    with time_machine.travel(the_day_after()):
        assert [expiry.expire_ended(), expiry.expire_ended()] == [1, 0]
        again = Certificate.objects.get(pk=first.pk)
        assert (again.state, again.serial, again.private_key_wrapped) == ("ordered", "", None)
        event = AuditEvent.objects.get(name="certificate.expired", token=again.token)
        assert event.facts["serial"] == first.serial
        if failed:
            retry.retry(actor=company.ada, request_id=request.pk)
        assert cast.issued(request).state == "issued"
        rows = Certificate.objects.all()
        assert [row.state for row in rows] == ["valid", "valid"]
        assert all(row.not_after > timezone.now() for row in rows)
        assert Certificate.objects.get(pk=first.pk).public_key_sha256 != first.public_key_sha256


def test_what_ends_again_and_again_before_it_is_handed_out_is_told_to_an_officer(company: Company) -> None:
    """It holds for a day, and the other certificate of its token never comes."""
    pair = cast.token_type("pair", profiles=("client", "second"), validity_days=1)
    request = cast.accepted(cast.enabled(company.ada, company.uma, pair))
    short = Certificate.objects.all()[0]

    def ends() -> None:
        one_step.issue(short.pk)
        clock.move_to(the_day_after())
        assert expiry.expire_ended() == 1

    with time_machine.travel(timezone.now()) as clock:
        for _time in range(expiry.IN_VAIN - 1):
            ends()
            assert TokenRequest.objects.get().state == "issuing"
        ends()
        failed, short = TokenRequest.objects.get(), Certificate.objects.get(pk=short.pk)
        assert (failed.state, failed.failure, short.state) == ("failed", failures.ENDED_IN_VAIN, "refused")
        assert short.private_key_wrapped is None
        assert f"issued {expiry.IN_VAIN} times" in failures.for_officers(failed.failure, failed.failure_facts)

        retry.retry(actor=company.ada, request_id=request.pk)
        for _time in range(expiry.IN_VAIN - 1):
            ends()
            assert TokenRequest.objects.get().state == "issuing"
        assert cast.issued(request).state == "issued"


@pytest.mark.parametrize("way", ["issued", "retried", "the rest is given"])
def test_what_has_ended_is_not_sealed_before_the_job_comes_by(company: Company, way: str) -> None:
    """It is ordered anew at once."""
    pair = cast.token_type("pair", profiles=("client", "second"), validity_days=1)
    request = cast.accepted(cast.enabled(company.ada, company.uma, pair))
    first, second = Certificate.objects.all()
    one_step.issue(first.pk)
    first.refresh_from_db()
    if way == "the rest is given":
        with transaction.atomic():
            row = locking.certificate(second.pk)
            failures.refuse(row, failures.of_refusal(row, message="no"))
    elif way == "retried":
        one_step.issue(second.pk)
        TokenRequest.objects.filter(pk=request.pk).update(state="failed")

    with time_machine.travel(the_day_after()):
        if way == "the rest is given":
            partial_issue.issue_remaining(actor=company.ada, request_id=request.pk, reason="enough")
        elif way == "retried":
            retry.retry(actor=company.ada, request_id=request.pk)
        assert cast.issued(request).state == "issuing"
        token, again = SoftwareToken.objects.get(), Certificate.objects.get(pk=first.pk)
        assert (token.state, token.claim_id, token.next_attempt_at) == ("issuing", None, None)
        assert (again.state, again.serial, again.private_key_wrapped) == ("ordered", "", None)
        assert not Container.objects.exists()
        event = AuditEvent.objects.get(name="certificate.expired", facts__serial=first.serial)
        assert event.token_id == token.pk
        assert expiry.expire_ended() == 0

        assert cast.issued(request).state == "issued"
        given = Certificate.objects.filter(containers__isnull=False)
        assert all(row.not_after and row.not_after > timezone.now() for row in given)


def test_what_is_ordered_anew_is_not_sealed_by_who_had_begun(company: Company) -> None:
    token = company.request_in("issuing").tokens.get()
    one_step.issue(Certificate.objects.get().pk)
    claim_id = SoftwareToken.objects.claim(token.pk, now=timezone.now())
    assert claim_id is not None
    sealed = step6_passphrase.build([containers.part_of(Certificate.objects.get())])
    with time_machine.travel(the_day_after()):
        assert expiry.expire_ended() == 1
        step6_passphrase._settle_sealed(token.pk, claim_id, sealed)
        assert SoftwareToken.objects.get().state == "issuing"
        assert cast.issued(TokenRequest.objects.get()).state == "issued"


def test_what_ends_during_a_leave_is_left_to_the_return(company: Company) -> None:
    request = company.request_in("issuing")
    one_step.issue(Certificate.objects.get().pk)
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="a year abroad")
    with time_machine.travel(the_day_after()):
        assert expiry.expire_ended() == 0
        leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    assert TokenRequest.objects.get(pk=request.pk).state == "cancelled"


def test_it_runs_by_itself() -> None:
    job = schedule.named("road.expire_ended")
    assert job is not None
    assert job.every == timedelta(hours=1)
