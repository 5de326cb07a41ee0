"""A person who changes between request and issuance stops the request; an officer sends it round again."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from ca_bridge import contract as ca_contract
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    Approval,
    ApprovalPolicy,
    AuditEvent,
    Certificate,
    OutgoingMail,
    Person,
    Role,
    RoleAssignment,
    SoftwareToken,
    TermsAcceptance,
    TokenRequest,
)
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow import (
    completion,
    snapshot,
    step2_approve,
    step4_accept,
    step5_issue,
    step6_passphrase,
)
from identity_manager.workflow.issuance import failures, parked_orders, retry
from identity_manager.workflow.policy import approvers
from identity_manager.workflow.requests import cancellation, lapse, reminders, resubmission, suspension
from tests.identity_manager.workflow.policy.test_approval_rules import group_of
from tests.tools import cast, one_step
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.long_on_postgresql]


def move(person: Person, **fields: Any) -> None:
    """The directory has other data of the person from now on."""
    Person.objects.filter(pk=person.pk).update(**(fields or {"display_name": "Uma Berg"}))


def fresh(request: TokenRequest) -> TokenRequest:
    return TokenRequest.objects.get(pk=request.pk)


def changes_hash(request: TokenRequest) -> str:
    row = fresh(request)
    return snapshot.fingerprint(snapshot.differences(row.lines))


def sent_round(company: Company, request: TokenRequest) -> TokenRequest:
    return resubmission.resubmit(actor=company.ada, request_id=request.pk, changes_hash=changes_hash(request))


def stopped_in(company: Company, state: str) -> TokenRequest:
    """A request whose person has changed, noticed where it is noticed on the road."""
    request = company.request_in("issuing" if state == "failed" else state)
    move(company.uma)
    if state == "failed":
        cast.issued(request)
    else:
        suspension.check(request_id=request.pk)
    row = fresh(request)
    assert row.state == state
    assert row.stopped_at is not None
    return row


# --- it stops


def test_an_approval_that_notices_the_change_stops_the_request(company: Company) -> None:
    request = company.request_in("requested")
    move(company.uma)

    with pytest.raises(Stale) as refusal:
        cast.approved(company.paul, request)

    assert refusal.value.reason == step2_approve.PERSON_CHANGED
    assert fresh(request).stopped_at is not None
    assert not Approval.objects.exists()
    event = AuditEvent.objects.get(name="request.stopped")
    assert event.facts == {"fields": ["display_name"]}


def test_an_acceptance_that_notices_the_change_stops_the_request(company: Company) -> None:
    request = company.request_in("awaiting_acceptance")
    move(company.uma)

    with pytest.raises(Stale) as refusal:
        cast.accepted(request)

    assert refusal.value.reason == step4_accept.PERSON_CHANGED
    assert fresh(request).state == "awaiting_acceptance"
    assert fresh(request).stopped_at is not None
    assert not TermsAcceptance.objects.exists()
    assert not Certificate.objects.exists()


def test_it_is_stopped_once_however_often_somebody_tries(company: Company) -> None:
    request = company.request_in("requested")
    move(company.uma)

    for approver in (company.paul, company.petra, company.paul):
        with pytest.raises(Stale):
            cast.approved(approver, request)

    assert AuditEvent.objects.filter(name="request.stopped").count() == 1


@pytest.mark.parametrize("when", ["before it fails", "after it has failed"])
def test_a_request_that_failed_for_another_reason_is_stopped_too(company: Company, when: str) -> None:
    """No retry helps it, so it is listed with those that are started again, whatever it failed of."""
    request = company.request_in("issuing")
    if when == "before it fails":
        move(company.uma)
        Person.objects.filter(pk=company.uma.pk).update(email="")
        cast.issued(request)
    else:
        with transaction.atomic():
            refused = locking.certificate(Certificate.objects.get().pk)
            failures.refuse(refused, failures.of_refusal(refused, message="no"))
        assert fresh(request).stopped_at is None
        move(company.uma)
        assert suspension.check_all() == 1
    row = fresh(request)
    assert row.state == "failed"
    assert row.failure != failures.PERSON_CHANGED
    assert row.stopped_at is not None


@pytest.mark.parametrize("state", ["requested", "awaiting_acceptance"])
def test_the_job_notices_the_change_before_anybody_tries(company: Company, state: str) -> None:
    request = company.request_in(state)
    assert suspension.check_all() == 0
    move(company.uma)

    assert suspension.check_all() == 1
    assert suspension.check_all() == 1

    assert TokenRequest.objects.stopped().get() == request
    assert not TokenRequest.objects.awaiting_acceptance().exists()


def test_the_job_reads_nothing_of_whose_person_was_not_written_since(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[object] = []
    differences = snapshot.differences
    monkeypatch.setattr(snapshot, "differences", lambda lines: compared.append(1) or differences(lines))
    request = company.request_in("awaiting_acceptance")
    long_before = request.created_at - 2 * suspension.CLOCKS_DIFFER
    move(company.uma, updated_at=long_before)

    assert suspension.check_all() == 0
    assert compared == []

    company.uma.refresh_from_db()
    company.uma.display_name = "Uma Berg"
    company.uma.save()

    assert suspension.check_all() == 1
    assert compared != []


@pytest.mark.parametrize("state", ["requested", "awaiting_acceptance", "failed"])
def test_where_the_data_are_as_they_were_it_goes_on(company: Company, state: str) -> None:
    request = stopped_in(company, state)
    move(company.uma, display_name="Uma Lindqvist")

    assert suspension.check_all() == 0

    assert fresh(request).stopped_at is None
    assert AuditEvent.objects.filter(name="request.resumed").count() == 1


def test_it_goes_on_with_the_time_to_accept_that_it_had(company: Company) -> None:
    """While it is stopped it does not lapse; nor does it as soon as it goes on."""
    request = stopped_in(company, "awaiting_acceptance")
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        lapse.lapse_overdue()
        move(company.uma, display_name="Uma Lindqvist")
        suspension.check_all()
        lapse.lapse_overdue()

    before = request.accept_before
    request = fresh(request)
    assert request.state == "awaiting_acceptance"
    assert before is not None
    assert request.accept_before is not None
    assert timedelta(days=60, minutes=-5) < request.accept_before - before < timedelta(days=60, minutes=5)


def test_and_with_the_time_to_decide(company: Company) -> None:
    request = stopped_in(company, "requested")
    asked = OutgoingMail.objects.filter(request=request).count()
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        move(company.uma, display_name="Uma Lindqvist")
        suspension.check_all()
        reminders.escalate_all_undecided()
    assert OutgoingMail.objects.filter(request=request).count() == asked


def test_what_came_back_while_it_was_stopped_waits_from_when_it_goes_on(company: Company) -> None:
    """Not from a day to come, before which nobody would be reminded."""
    request = stopped_in(company, "requested")
    request.asked_approvers.update(waits_from=timezone.now() + timedelta(days=50))  # brought back then
    with time_machine.travel(timezone.now() + timedelta(days=60)):
        move(company.uma, display_name="Uma Lindqvist")
        suspension.check_all()
        now = timezone.now()
        for row in request.asked_approvers.all():
            assert now - timedelta(minutes=5) < row.waits_from <= now


def test_at_issuance_it_fails_with_a_code_and_the_person_is_told(company: Company) -> None:
    request = stopped_in(company, "failed")

    assert (request.failure, request.failure_facts) == (failures.PERSON_CHANGED, {"fields": ["display_name"]})
    mail = OutgoingMail.objects.get(message="issuance_failed")
    assert mail.to_address == "uma@example.com"
    assert "have changed" in mail.body_text
    assert "administrators have been told" in mail.body_text


def test_not_while_the_person_is_inactive(company: Company) -> None:
    request = stopped_in(company, "failed")
    Person.objects.filter(pk=company.uma.pk).update(state="inactive")

    with pytest.raises(Refused) as refusal:
        sent_round(company, request)

    assert refusal.value.reason.code == "person-inactive"
    assert fresh(request).round == request.round


def test_a_stopped_request_is_not_tried_again(company: Company) -> None:
    request = stopped_in(company, "failed")

    with pytest.raises(Stale) as refusal:
        retry.retry(actor=company.ada, request_id=request.pk)

    assert refusal.value.reason == retry.PERSON_CHANGED
    assert fresh(request).state == "failed"


@pytest.mark.parametrize("state", ["requested", "awaiting_acceptance", "failed"])
def test_a_stopped_request_can_be_cancelled(company: Company, state: str) -> None:
    request = stopped_in(company, state)

    cancellation.cancel(actor=company.ada, request_id=request.pk, reason="not any more")

    assert fresh(request).state == "cancelled"
    assert not TokenRequest.objects.stopped().exists()
    mail = OutgoingMail.objects.get(message="request_cancelled")
    assert mail.to_address == "uma@example.com"
    assert "not any more" in mail.body_text


# --- it goes round again


@pytest.mark.parametrize("state", ["requested", "awaiting_acceptance", "failed"])
def test_it_goes_round_with_the_data_of_now(company: Company, state: str) -> None:
    before = stopped_in(company, state)

    request = sent_round(company, before)

    (line,) = request.lines
    assert request.round == 2
    assert request.stopped_at is None
    assert line.snapshot["person"]["display_name"] == "Uma Berg"
    assert request.snapshot_hash == snapshot.digest([line.snapshot]) != before.snapshot_hash
    (old,) = SoftwareToken.objects.filter(request=request, round=1)
    assert (old.state, old.is_open) == ("cancelled", False)
    assert AuditEvent.objects.filter(name="request.sent-round").count() == 1


def test_it_is_approved_anew_where_the_policy_wants_it(company: Company) -> None:
    request = company.request_in("requested")
    cast.approved(company.paul, request)
    move(company.uma)
    with pytest.raises(Stale):
        cast.accepted(fresh(request))

    request = sent_round(company, request)

    assert request.state == "requested"
    assert [row.approver for row in request.waits_for] == [company.paul, company.petra]
    assert OutgoingMail.objects.filter(message="sent_round_again", person=company.uma).count() == 1
    assert cast.approved(company.paul, fresh(request)).state == "awaiting_acceptance"
    assert list(request.approvals.values_list("round", flat=True)) == [1, 2]
    assert OutgoingMail.objects.filter(message="information", person=company.uma).count() == 2


def test_an_earlier_approval_does_not_count_for_the_new_round(company: Company) -> None:
    two = cast.token_type("two", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    request = cast.enabled(company.ada, company.uma, two)
    cast.approved(company.paul, request)
    move(company.uma)
    suspension.check_all()
    request = sent_round(company, request)

    assert cast.approved(company.petra, fresh(request)).state == "requested"
    assert cast.approved(company.paul, fresh(request)).state == "awaiting_acceptance"


def test_without_approval_the_person_is_invited_again(company: Company) -> None:
    request = sent_round(company, stopped_in(company, "awaiting_acceptance"))

    assert request.state == "awaiting_acceptance"
    first, second = OutgoingMail.objects.filter(message="information").order_by("created_at")
    assert "made anew" in second.body_text
    assert "made anew" not in first.body_text
    assert not OutgoingMail.objects.filter(message="sent_round_again").exists()


def test_the_new_round_is_walked_to_its_end(company: Company) -> None:
    request = sent_round(company, stopped_in(company, "failed"))

    request = cast.delivered(cast.issued(cast.accepted(fresh(request))))
    cast.noted(request.lines[0])

    assert fresh(request).state == "completed"
    (certificate,) = Certificate.objects.filter(state="valid")
    assert "Uma Berg" in certificate.subject
    assert TermsAcceptance.objects.count() == 2


def half_issued(company: Company, monkeypatch: pytest.MonkeyPatch) -> TokenRequest:
    """The first certificate of two is there when the person changes."""
    pair = cast.token_type("pair", profiles=("client", "second"))
    request = cast.accepted(cast.enabled(company.ada, company.uma, pair))
    first, second = request.tokens.get().certificates.all()
    one_step.issue(first.pk)
    move(company.uma)
    one_step.issue(second.pk)
    return fresh(request)


def test_keys_and_certificates_of_the_old_round_are_ended(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = half_issued(company, monkeypatch)

    sent_round(company, request)

    issued, refused = Certificate.objects.order_by("position")
    assert (issued.state, issued.revocation_reason) == ("valid", RevocationReason.SUPERSEDED.value)
    assert issued.revocation_decided_at is not None
    assert refused.state == "refused"
    assert not Certificate.objects.exclude(private_key_wrapped=None).exists()


def one_handed_out(company: Company) -> tuple[TokenRequest, SoftwareToken]:
    """Of two tokens one was sealed when the person changed, and the other one fails."""
    mail = cast.token_type("mail", profiles=("second",))
    request = cast.accepted(cast.enabled(company.ada, company.uma, company.vpn, mail))
    first, second = request.tokens.order_by("type_code").reverse()
    one_step.issue(first.certificates.get().pk)
    step6_passphrase.seal(token_id=first.pk)
    move(company.uma)
    one_step.issue(second.certificates.get().pk)
    assert fresh(request).state == "failed"
    return fresh(request), SoftwareToken.objects.get(pk=first.pk)


def test_what_was_handed_out_stays_with_its_person(company: Company) -> None:
    request, token = one_handed_out(company)

    request = sent_round(company, request)

    assert [line.type_code for line in request.lines] == ["mail"]
    assert not snapshot.differences(request.lines)
    assert SoftwareToken.objects.get(pk=token.pk).state == "sealed"
    cast.noted(token)
    done = cast.delivered(cast.issued(cast.accepted(fresh(request))))
    cast.noted(done.lines[0])
    assert set(SoftwareToken.objects.values_list("state", flat=True)) == {"active", "cancelled"}
    assert fresh(request).state == "completed"


def test_what_an_officer_has_left_out_is_not_asked_for_again(company: Company) -> None:
    request = cast.accepted(cast.enabled(company.ada, company.uma, company.vpn, cast.token_type("mail")))
    left_out, other = request.tokens.all()
    left_out.cancel(reason="nothing of it is left", now=timezone.now())
    left_out.save()
    move(company.uma)
    one_step.issue(other.certificates.get().pk)

    request = sent_round(company, request)

    assert [line.type_code for line in request.lines] == [other.type_code]


def test_an_order_of_the_old_round_that_the_ca_answers_later_is_revoked(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CA has both; it answers for one; the request goes round; then it answers for the other."""
    pair = cast.token_type("pair", profiles=("client", "second"))
    request = cast.accepted(cast.enabled(company.ada, company.uma, pair))
    first, second = request.tokens.get().certificates.all()
    claim = one_step.claim(first.pk)
    assert claim is not None
    move(company.uma)
    one_step.issue(second.pk)
    sent_round(company, request)

    one_step.settle(claim, one_step.ask(claim))

    late = Certificate.objects.get(pk=first.pk)
    assert late.state == "valid"
    assert late.revocation_decided_at is not None
    assert fresh(request).state == "awaiting_acceptance"
    assert not SoftwareToken.objects.to_be_sealed().exists()


def lost_answer(company: Company) -> TokenRequest:
    """The CA has issued, the worker died before it could say so, and the person has changed since."""
    request = company.request_in("issuing")
    certificate = request.tokens.get().certificates.get()
    claim = one_step.claim(certificate.pk)
    assert claim is not None
    one_step.ask(claim)
    Certificate.objects.filter(pk=certificate.pk).update(leased_until=None)
    move(company.uma)
    one_step.issue(certificate.pk)

    row, left = fresh(request), Certificate.objects.get(pk=certificate.pk)
    assert (row.state, row.failure) == ("failed", "person-changed")
    assert (left.state, left.order_id, left.claim_id) == ("ordered", claim.order_id, None)
    assert left.private_key_wrapped is not None
    return row


@pytest.mark.parametrize("state", ["awaiting_acceptance", "issuing"])
def test_an_order_whose_answer_is_lost_is_revoked_once_the_request_goes_round(
    company: Company, state: str
) -> None:
    """Also where the request, in its new round, waits for certificates again."""
    request = lost_answer(company)
    old = request.lines[0].certificates.get()
    request = sent_round(company, request)
    if state == "issuing":
        request = cast.accepted(request)
    assert request.state == state

    step5_issue.resolve_orphaned_order(certificate_id=old.pk)
    Certificate.objects.filter(pk=old.pk).update(next_attempt_at=timezone.now(), leased_until=None)
    step5_issue.resolve_orphaned_order(certificate_id=old.pk)

    found = Certificate.objects.get(pk=old.pk)
    assert (found.state, found.private_key_wrapped) == ("valid", None)
    assert found.revocation_decided_at is not None


def test_the_new_round_is_decided_by_the_group_of_its_type(company: Company) -> None:
    group = group_of(company.petra)
    strict = cast.token_type("strict", approval="always", approvers_needed=1, approver_group=group)
    request = cast.enabled(company.ada, company.uma, strict)
    move(company.uma)
    suspension.check(request_id=request.pk)
    again = sent_round(company, fresh(request))
    assert again.round == 2
    assert list(approvers.undecided_approvers(fresh(request))) == [company.petra]


def test_a_no_to_the_old_round_does_not_end_the_new_one(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = lost_answer(company)
    old = request.lines[0].certificates.get()
    cast.accepted(sent_round(company, request))

    monkeypatch.setattr(step5_issue.issuing, "look_up", lambda _order: ca_contract.Refused("No.", ""))
    Certificate.objects.filter(pk=old.pk).update(next_attempt_at=timezone.now())
    step5_issue.resolve_orphaned_order(certificate_id=old.pk)

    assert Certificate.objects.get(pk=old.pk).state == "refused"
    assert fresh(request).state == "issuing"


def test_an_order_whose_answer_is_lost_is_used_where_the_data_are_again_as_they_were(
    company: Company,
) -> None:
    before = company.uma.display_name
    request = lost_answer(company)
    move(company.uma, display_name=before)

    retry.retry(actor=company.ada, request_id=request.pk)
    cast.issued(request)

    certificate = request.lines[0].certificates.get()
    assert (certificate.state, certificate.orders_made) == ("valid", 1)
    assert IssuedCertificate.objects.count() == 1
    assert fresh(request).state == "issued"


def test_a_ca_that_is_configured_no_more_leaves_what_it_may_have_issued_to_officers(
    company: Company, settings: Settings
) -> None:
    request = company.request_in("issuing")
    certificate = request.tokens.get().certificates.get()
    claim = one_step.claim(certificate.pk)
    assert claim is not None
    one_step.ask(claim)
    settings.CA_CONNECTORS = {}

    one_step.settle(claim, one_step.ask(claim))

    row = Certificate.objects.get(pk=certificate.pk)
    assert (row.state, row.order_id) == ("ordered", claim.order_id)
    assert row.last_error
    assert fresh(request).failure == "refused"
    assert list(Certificate.objects.parked()) == [row]

    parked_orders.give_up(actor=company.ada, certificate_id=row.pk, reason="looked at the CA: nothing")
    assert Certificate.objects.get(pk=row.pk).state == "refused"


def test_what_it_has_surely_not_issued_is_refused_there(company: Company, settings: Settings) -> None:
    request = company.request_in("issuing")
    certificate = request.tokens.get().certificates.get()
    claim = one_step.claim(certificate.pk)
    assert claim is not None
    settings.CA_CONNECTORS = {}

    one_step.settle(claim, one_step.ask(claim))

    assert Certificate.objects.get(pk=certificate.pk).state == "refused"
    assert fresh(request).failure == "refused"


def test_late_messages_about_the_old_round_do_nothing(company: Company) -> None:
    request = stopped_in(company, "failed")
    old = request.lines[0]
    request = cast.accepted(sent_round(company, request))

    for certificate in old.certificates.all():
        one_step.issue(certificate.pk)
        step5_issue.resolve_orphaned_order(certificate_id=certificate.pk)
    step6_passphrase.seal(token_id=old.pk)
    completion.issue_request(SoftwareToken.objects.select_related("request").get(pk=old.pk))

    assert fresh(request).state == "issuing"
    assert SoftwareToken.objects.get(pk=old.pk).state == "cancelled"


# --- who may, and what is refused


def test_only_an_administrator_of_the_unit_sends_it_round(company: Company) -> None:
    request = stopped_in(company, "requested")
    for actor in (company.paul, company.uma, company.rita):
        with pytest.raises(NotAllowed):
            resubmission.resubmit(actor=actor, request_id=request.pk, changes_hash=changes_hash(request))
    assert fresh(request).round == 1


def test_who_sends_it_round_does_not_approve_it(company: Company) -> None:
    RoleAssignment.objects.create(person=company.petra, role=Role.TOKEN_ADMINISTRATOR)
    request = stopped_in(company, "requested")
    request = resubmission.resubmit(
        actor=company.petra, request_id=request.pk, changes_hash=changes_hash(request)
    )

    with pytest.raises(NotAllowed) as refusal:
        cast.approved(company.petra, request)

    assert refusal.value.reason == approvers.OWN_REQUEST
    assert [row.approver for row in request.waits_for] == [company.paul]
    assert not TokenRequest.objects.decidable_by(company.petra).exists()


def test_who_sends_their_own_round_needs_an_approver(company: Company) -> None:
    RoleAssignment.objects.create(person=company.uma, role=Role.TOKEN_ADMINISTRATOR)
    request = stopped_in(company, "awaiting_acceptance")
    uma = Person.objects.get(pk=company.uma.pk)

    request = resubmission.resubmit(actor=uma, request_id=request.pk, changes_hash=changes_hash(request))

    assert (request.state, request.approvals_needed) == ("requested", 1)


def test_nor_do_they_go_without_one_where_they_had_asked_in_self_service(company: Company) -> None:
    RoleAssignment.objects.create(person=company.uma, role=Role.TOKEN_ADMINISTRATOR)
    request = cast.asked(company.uma, company.vpn)
    assert request.approvals_needed == 0
    move(company.uma)
    suspension.check(request_id=request.pk)
    uma = Person.objects.get(pk=company.uma.pk)

    request = resubmission.resubmit(actor=uma, request_id=request.pk, changes_hash=changes_hash(request))

    assert (request.state, request.approvals_needed) == ("requested", 1)


def test_a_second_change_since_the_page_was_opened_is_refused(company: Company) -> None:
    request = stopped_in(company, "requested")
    seen = changes_hash(request)
    move(company.uma, department="Elsewhere")

    with pytest.raises(Stale) as refusal:
        resubmission.resubmit(actor=company.ada, request_id=request.pk, changes_hash=seen)

    assert refusal.value.reason == resubmission.CHANGED_AGAIN
    assert fresh(request).round == 1


def test_data_that_no_certificate_can_say_are_refused_before_anything_is_ended(company: Company) -> None:
    request = stopped_in(company, "requested")
    move(company.uma, display_name="")

    with pytest.raises(NotPossible):
        sent_round(company, request)

    assert fresh(request).round == 1
    assert SoftwareToken.objects.get().state == "ordered"


@pytest.mark.parametrize(
    "state",
    ["approved", "rejected", "declined", "lapsed", "issuing", "issued", "completed", "cancelled"],
)
def test_elsewhere_it_cannot_go_round(company: Company, state: str) -> None:
    request = company.request_in(state)
    move(company.uma)

    with pytest.raises(Refused):
        sent_round(company, request)

    assert fresh(request).round == 1
    assert fresh(request).state == state


@pytest.mark.parametrize("state", ["requested", "awaiting_acceptance", "failed"])
def test_without_a_change_it_does_not_go_round(company: Company, state: str) -> None:
    request = company.request_in(state)

    with pytest.raises(Stale) as refusal:
        sent_round(company, request)

    assert refusal.value.reason == resubmission.NOT_STOPPED
