"""Single types are taken out of a mixed request; the rest goes on under its own hash."""

import uuid
from typing import Any

import pytest

from identity_manager.models import (
    ApprovalPolicy,
    AuditEvent,
    OutgoingMail,
    PersonState,
    SoftwareToken,
    TokenRequest,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Refused, Stale
from identity_manager.workflow import snapshot, step2_approve
from identity_manager.workflow.people import leave_and_return
from identity_manager.workflow.policy import approvers, eligibility
from identity_manager.workflow.requests import suspension
from tests.identity_manager.workflow.test_states_and_verbs import picture
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.fixture
def mixed(company: Company) -> TokenRequest:
    """SIGNATURE, which needs one approval, MAIL, which needs two, and VPN, which needs none."""
    mail = cast.token_type("mail", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    return cast.enabled(company.ada, company.uma, company.signature, mail, company.vpn)


def line(request: TokenRequest, code: str) -> SoftwareToken:
    return next(token for token in fresh(request).lines if token.type_code == code)


def fresh(request: TokenRequest) -> TokenRequest:
    return TokenRequest.objects.get(pk=request.pk)


def take_out(company: Company, request: TokenRequest, *codes: str, **changed: Any) -> TokenRequest:
    values: dict[str, Any] = {
        "actor": company.paul,
        "snapshot_hash": fresh(request).snapshot_hash,
        "lines": [line(request, code).pk for code in codes],
        "reason": "Research signs nothing.",
    }
    return step2_approve.take_out(request_id=request.pk, **(values | changed))


def test_the_rest_waits_under_its_own_hash(company: Company, mixed: TokenRequest) -> None:
    request = take_out(company, mixed, "signature")

    assert request.state == "requested"
    assert {token.type_code for token in request.lines} == {"mail", "vpn"}
    assert request.snapshot_hash == snapshot.digest(token.snapshot for token in request.lines)
    assert request.snapshot_hash != mixed.snapshot_hash
    (token,) = request.removed_tokens
    assert (token.state, token.is_open, token.taken_out_by) == ("cancelled", False, company.paul)
    assert token.reason == "Research signs nothing."
    assert AuditEvent.objects.get(name="request.reduced").facts["types"] == ["signature"]


def test_the_person_and_who_asked_are_told_what_and_why(company: Company, mixed: TokenRequest) -> None:
    take_out(company, mixed, "signature")

    mails = OutgoingMail.objects.filter(message="types_taken_out")
    assert {mail.person for mail in mails} == {company.uma, company.ada}
    for mail in mails:
        assert "Research signs nothing." in mail.body_text
        assert mail.body_text.index("- SIGNATURE") < mail.body_text.index("- MAIL")


def test_a_form_about_the_whole_is_stale_then(company: Company, mixed: TokenRequest) -> None:
    take_out(company, mixed, "signature")

    with pytest.raises(Stale) as refusal:
        step2_approve.approve(actor=company.petra, request_id=mixed.pk, snapshot_hash=mixed.snapshot_hash)

    assert refusal.value.reason == eligibility.ANOTHER_SNAPSHOT


def test_who_took_something_out_may_approve_the_rest(company: Company, mixed: TokenRequest) -> None:
    request = take_out(company, mixed, "mail")
    assert (request.state, request.approvals_needed) == ("requested", 1)

    assert cast.approved(company.paul, request).state == "awaiting_acceptance"


def test_an_approval_of_the_whole_counts_for_what_remains(company: Company, mixed: TokenRequest) -> None:
    cast.approved(company.petra, mixed)

    request = take_out(company, mixed, "mail")

    assert (request.state, request.approvals_needed) == ("awaiting_acceptance", 1)
    assert [approval.approver for approval in request.decisions] == [company.petra]


def test_what_needs_no_approval_goes_on_at_once(company: Company, mixed: TokenRequest) -> None:
    request = take_out(company, mixed, "mail", "signature")

    assert (request.state, request.approvals_needed) == ("awaiting_acceptance", 0)
    done = cast.delivered(cast.issued(cast.accepted(request)))
    cast.noted(line(done, "vpn"))
    assert fresh(done).state == "completed"


def test_what_was_taken_out_can_be_asked_for_again(company: Company, mixed: TokenRequest) -> None:
    take_out(company, mixed, "signature")

    assert cast.enabled(company.ada, company.uma, company.signature).state == "requested"


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_it_needs_a_reason(company: Company, mixed: TokenRequest, reason: str) -> None:
    before = picture()
    with pytest.raises(NotPossible) as refusal:
        take_out(company, mixed, "signature", reason=reason)
    assert (refusal.value.field, picture()) == ("reason", before)


def test_nothing_and_everything_are_refused(company: Company, mixed: TokenRequest) -> None:
    before = picture()
    for codes, reason in (
        ((), step2_approve.NO_LINE),
        (("signature", "mail", "vpn"), step2_approve.NOT_ALL),
    ):
        with pytest.raises(NotPossible) as refusal:
            take_out(company, mixed, *codes)
        assert (refusal.value.reason, refusal.value.field) == (reason, "lines")
    with pytest.raises(NotPossible):
        take_out(company, mixed, lines=[uuid.uuid4()])
    assert picture() == before


def test_nothing_goes_on_for_who_is_on_leave(company: Company) -> None:
    """What remains needs no approval; but nobody is invited, or gets a role, who is not here."""
    mail = cast.token_type("mail", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    request = cast.enabled(company.ada, company.uma, mail, company.vpn)
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="a year abroad")
    before = picture()

    with pytest.raises(NotPossible) as refusal:
        take_out(company, request, "mail")

    assert refusal.value.reason == eligibility.NOT_ACTIVE[PersonState.INACTIVE]
    assert picture() == before
    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    assert take_out(company, request, "mail").state == "awaiting_acceptance"


def test_four_eyes_hold_for_it_too(company: Company, mixed: TokenRequest) -> None:
    company.ada.roles.create(role="approver")
    for actor, reason in ((company.ada, approvers.OWN_REQUEST), (company.rita, approvers.NOT_APPROVER)):
        with pytest.raises(NotAllowed) as refusal:
            take_out(company, mixed, "signature", actor=actor)
        assert refusal.value.reason == reason


@pytest.mark.parametrize("state", ["rejected", "awaiting_acceptance", "issuing", "failed", "cancelled"])
def test_elsewhere_nothing_is_taken_out(company: Company, state: str) -> None:
    request = company.request_in(state)
    before = picture()
    with pytest.raises(Refused):
        step2_approve.take_out(
            actor=company.paul,
            request_id=request.pk,
            snapshot_hash=request.snapshot_hash,
            lines=[request.tokens.get().pk],
            reason="no",
        )
    assert picture() == before


# --- while the request is stopped by a change of the person


def renamed(company: Company, request: TokenRequest, surname: str) -> TokenRequest:
    """The person has another surname, and the request is compared with it."""
    company.uma.refresh_from_db()
    company.uma.surname = surname
    company.uma.save()
    suspension.check(request_id=request.pk)
    return fresh(request)


@pytest.mark.parametrize("kept", ["vpn", "signature"])
def test_what_is_left_of_a_stopped_request_goes_on_once_the_person_is_who_they_were(
    company: Company, mixed: TokenRequest, kept: str
) -> None:
    """With no approval to give, or with the one that was given of all: nobody could give one more."""
    surname = company.uma.surname
    if kept == "signature":
        cast.approved(company.paul, mixed)
    assert renamed(company, mixed, "Other").stopped_at is not None
    actor = company.petra if kept == "signature" else company.paul
    request = take_out(company, mixed, *({"mail", "vpn", "signature"} - {kept}), actor=actor)
    assert (request.state, request.stopped_at is None) == ("requested", False), "nothing goes on meanwhile"

    request = renamed(company, mixed, surname)
    assert (request.state, request.stopped_at) == ("awaiting_acceptance", None)
    assert OutgoingMail.objects.filter(message="information", request=mixed).count() == 1
    assert len(request.decisions) == (kept == "signature")


def test_what_is_left_of_it_waits_for_the_approvals_that_it_lacks(
    company: Company, mixed: TokenRequest
) -> None:
    surname = company.uma.surname
    renamed(company, mixed, "Other")
    take_out(company, mixed, "mail")
    request = renamed(company, mixed, surname)
    assert (request.state, request.stopped_at, request.approvals_needed) == ("requested", None, 1)
    assert cast.approved(company.petra, request).state == "awaiting_acceptance"


def test_it_does_not_go_on_before_who_is_on_leave_is_back(company: Company, mixed: TokenRequest) -> None:
    surname = company.uma.surname
    renamed(company, mixed, "Other")
    take_out(company, mixed, "mail", "signature")
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="a year abroad")
    assert renamed(company, mixed, surname).state == "requested"
    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    assert suspension.check_all() == 0
    assert fresh(mixed).state == "awaiting_acceptance"


@pytest.mark.parametrize("kept", ["vpn", "signature"])
def test_what_an_earlier_version_left_without_an_approval_to_give_goes_on(
    company: Company, mixed: TokenRequest, kept: str
) -> None:
    """It let the request go on after the stop, and left it to wait for approvals that were given already."""
    if kept == "signature":
        cast.approved(company.paul, mixed)
    renamed(company, mixed, "Other")
    take_out(company, mixed, *({"mail", "vpn", "signature"} - {kept}), actor=company.petra)
    company.uma.surname = "Lindqvist"
    company.uma.save()
    TokenRequest.objects.update(stopped_at=None)

    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="a year abroad")
    suspension.check_all()
    assert fresh(mixed).state == "requested"
    leave_and_return.activate(actor=company.rita, person_id=company.uma.pk)
    suspension.check_all()
    assert fresh(mixed).state == "awaiting_acceptance"


def test_what_waits_for_approvals_waits_on(company: Company, mixed: TokenRequest) -> None:
    suspension.check_all()
    cast.approved(company.paul, mixed)
    suspension.check_all()
    assert fresh(mixed).state == "requested"
