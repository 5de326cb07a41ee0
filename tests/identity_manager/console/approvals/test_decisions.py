"""Step 2 on the page: approve, reject, postpone; and what an old, forged or unallowed form gets."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from identity_manager.console.approvals.forms import PostponeForm
from identity_manager.models import Person, RequestState, Role, TokenRequest
from identity_manager.workflow import step2_approve
from identity_manager.workflow.people import leave_and_return
from tests.identity_manager.console.visitors import officer, tasks
from tests.tools import cast
from tests.tools.sign_in import signed_in


@pytest.fixture
def request_(company: cast.Company) -> TokenRequest:
    """A request of ada for uma that waits for approval."""
    return company.request_in(RequestState.REQUESTED)


def page(row: TokenRequest, action: str = "") -> str:
    return reverse(f"console:request-{action}" if action else "console:request", args=[row.pk])


def state_of(row: TokenRequest) -> str:
    return str(TokenRequest.objects.get(pk=row.pk).state)


def in_days(days: int) -> str:
    return timezone.localtime(timezone.now() + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


def test_an_approver_finds_the_decision_on_the_page(paul: Client, request_: TokenRequest) -> None:
    text = paul.get(page(request_)).text

    for words in ("Approve", "Reject", "Postpone", request_.snapshot_hash):
        assert words in text


@pytest.mark.parametrize("where", [[], ["decide"]], ids=["on its page", "on OPEN TASKS"])
def test_why_nobody_can_approve_is_said_instead_of_the_button(
    paul: Client, request_: TokenRequest, company: cast.Company, where: list[str]
) -> None:
    leave_and_return.deactivate(actor=company.rita, person_id=company.uma.pk, reason="ill")

    text = paul.get(page(request_, *where), headers={"HX-Request": "true"} if where else {}).text

    assert "Approve: This person is Inactive." in text
    assert page(request_, "approve") not in text
    assert page(request_, "reject") in text
    assert page(request_, "postpone") in text


def test_approve_sends_the_request_on(paul: Client, request_: TokenRequest) -> None:
    response = paul.post(page(request_, "approve"), {"snapshot_hash": request_.snapshot_hash}, follow=True)

    assert response.redirect_chain == [(page(request_), 302)]
    assert "Request for Uma Lindqvist approved." in response.text
    assert state_of(request_) == RequestState.AWAITING_ACCEPTANCE


def test_the_first_of_two_approvals_says_that_another_is_needed(paul: Client, request_: TokenRequest) -> None:
    TokenRequest.objects.filter(pk=request_.pk).update(approvals_needed=2)

    response = paul.post(page(request_, "approve"), {"snapshot_hash": request_.snapshot_hash}, follow=True)

    assert "Another approver decides too." in response.text
    assert state_of(request_) == RequestState.REQUESTED


def test_reject_ends_it_with_the_reason(paul: Client, request_: TokenRequest) -> None:
    form = {"snapshot_hash": request_.snapshot_hash, "reason": "Research does not sign contracts."}

    response = paul.post(page(request_, "reject"), form, follow=True)

    assert state_of(request_) == RequestState.REJECTED
    assert "Ada Berg is told by mail." in response.text
    assert "Research does not sign contracts." in response.text


@pytest.mark.parametrize("reason", ["", "   ", "\n"])
def test_reject_without_a_reason_is_an_error_at_the_field(
    paul: Client, request_: TokenRequest, reason: str
) -> None:
    form = {"snapshot_hash": request_.snapshot_hash, "reason": reason}

    response = paul.post(page(request_, "reject"), form)

    assert response.status_code == 422
    assert response.context["form"].errors == {"reason": ["Say why you reject the request."]}
    assert state_of(request_) == RequestState.REQUESTED


def test_a_reason_that_is_too_long_is_an_error_at_the_field_and_is_kept(
    paul: Client, request_: TokenRequest
) -> None:
    form = {"snapshot_hash": request_.snapshot_hash, "reason": "why " * 501}

    response = paul.post(page(request_, "reject"), form)

    assert response.status_code == 422
    assert response.context["form"].errors == {"reason": ["At most 2000 characters; these are 2003."]}
    assert "why " * 501 in response.text
    assert "maxlength" not in response.text
    assert state_of(request_) == RequestState.REQUESTED


def test_postpone_takes_it_out_of_the_queue(paul: Client, request_: TokenRequest) -> None:
    form = {"snapshot_hash": request_.snapshot_hash, "until": in_days(3)}

    response = paul.post(page(request_, "postpone"), form, follow=True)

    assert response.redirect_chain == [(reverse("console:approvals"), 302)]
    assert tasks(response, "decisions") == []
    assert tasks(response, "postponed") == [request_]


@pytest.mark.parametrize(
    "until",
    ["", "yesterday", "0001-01-01T00:00", "2001-01-01T00:00", "9999-12-31T23:59", "2026-02-30T10:00"],
)
def test_postpone_to_no_good_time_is_an_error_at_the_field(
    paul: Client, request_: TokenRequest, until: str
) -> None:
    response = paul.post(
        page(request_, "postpone"), {"snapshot_hash": request_.snapshot_hash, "until": until}
    )

    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"until"}
    assert "Choose a time that lies ahead" in response.text
    assert not request_.postponements.exists()


@pytest.mark.parametrize(
    ("now", "until"), [("2027-03-01", "2027-03-28T02:30"), ("2026-10-01", "2026-10-25T02:30")]
)
def test_postpone_to_an_hour_in_which_the_clocks_change_is_told_in_plain_words(now: str, until: str) -> None:
    with time_machine.travel(now), timezone.override("Europe/Berlin"):
        form = PostponeForm({"snapshot_hash": "a" * 64, "until": until})

        assert form.errors == {
            "until": ["The clocks change then: this time comes twice, or not at all. Choose another hour."]
        }


def test_postpone_longer_than_allowed_is_an_error_at_the_field(paul: Client, request_: TokenRequest) -> None:
    form = {"snapshot_hash": request_.snapshot_hash, "until": in_days(120)}

    response = paul.post(page(request_, "postpone"), form)

    assert response.status_code == 422
    assert "at most 90 days" in str(response.context["form"].errors["until"])


@pytest.mark.parametrize("action", ["reject", "postpone"])
def test_the_page_of_a_decision_that_was_made_meanwhile_says_so_at_once(
    paul: Client, company: cast.Company, action: str
) -> None:
    row = company.request_in(RequestState.REJECTED)

    text = paul.get(page(row, action)).text

    assert str(step2_approve.NOT_WAITING) in text
    assert "See how it stands now" in text
    assert "snapshot_hash" not in text


@pytest.mark.parametrize("action", ["approve", "reject", "postpone"])
def test_an_old_form_says_what_happened_meanwhile(
    paul: Client, request_: TokenRequest, company: cast.Company, action: str
) -> None:
    cast.approved(company.petra, request_)
    form = {"snapshot_hash": request_.snapshot_hash, "reason": "x", "until": in_days(1)}

    response = paul.post(page(request_, action), form)

    assert response.status_code == 409
    assert "This request does not wait for a decision any more." in response.text
    assert "Meanwhile: Approved (<bdi>Petra Novák</bdi>," in " ".join(response.text.split())
    assert response.context["row"].state == RequestState.AWAITING_ACCEPTANCE


def test_a_form_about_another_snapshot_is_refused(paul: Client, request_: TokenRequest) -> None:
    response = paul.post(page(request_, "approve"), {"snapshot_hash": "0" * 64})

    assert response.status_code == 409
    assert "The request has changed since you opened the page." in response.text
    assert state_of(request_) == RequestState.REQUESTED


def test_a_form_without_a_snapshot_is_refused(paul: Client, request_: TokenRequest) -> None:
    assert paul.post(page(request_, "approve")).status_code == 422
    assert state_of(request_) == RequestState.REQUESTED


def test_changed_data_of_the_person_stop_the_approval_and_are_shown(
    paul: Client, request_: TokenRequest, company: cast.Company
) -> None:
    Person.objects.filter(pk=company.uma.pk).update(email="other@example.com")

    shown = paul.get(page(request_))
    response = paul.post(page(request_, "approve"), {"snapshot_hash": request_.snapshot_hash})

    assert "uma@example.com" in shown.text
    assert "other@example.com" in shown.text
    assert response.status_code == 409
    assert state_of(request_) == RequestState.REQUESTED


def test_who_asked_does_not_decide(request_: TokenRequest, company: cast.Company) -> None:
    company.ada.roles.create(role=Role.APPROVER)
    client = signed_in(company.ada)

    shown = client.get(page(request_))
    response = client.post(page(request_, "approve"), {"snapshot_hash": request_.snapshot_hash})

    assert "You asked for this. Somebody else decides on it." in shown.text
    assert "approve/" not in shown.text
    assert response.status_code == 403
    assert "You asked for this." in response.text
    assert state_of(request_) == RequestState.REQUESTED


def test_the_beneficiary_does_not_decide(request_: TokenRequest, company: cast.Company) -> None:
    company.uma.roles.create(role=Role.APPROVER)
    client = signed_in(company.uma)

    response = client.post(page(request_, "approve"), {"snapshot_hash": request_.snapshot_hash})

    assert response.status_code == 403
    assert "This is for yourself." in response.text


def test_an_approver_of_another_unit_does_not_find_it(request_: TokenRequest) -> None:
    client = signed_in(officer("olga", Role.APPROVER, unit="Süd"))

    for action in ("approve", "reject", "postpone"):
        form = {"snapshot_hash": request_.snapshot_hash, "reason": "x", "until": in_days(1)}
        assert client.post(page(request_, action), form).status_code == 404
    assert state_of(request_) == RequestState.REQUESTED


def test_a_request_that_comes_back_is_in_the_queue_again(
    paul: Client, request_: TokenRequest, company: cast.Company
) -> None:
    until = timezone.now() + timedelta(days=1)
    step2_approve.postpone(
        actor=company.petra, request_id=request_.pk, snapshot_hash=request_.snapshot_hash, until=until
    )
    request_.postponements.update(until=timezone.now() - timedelta(seconds=1))

    response = paul.get(reverse("console:approvals"))

    assert tasks(response, "decisions") == [request_]
    assert tasks(response, "postponed") == []


@pytest.fixture
def mixed(company: cast.Company) -> TokenRequest:
    """A request for SIGNATURE and VPN that waits for approval."""
    return cast.enabled(company.ada, company.uma, company.signature, company.vpn)


def lines_of(row: TokenRequest) -> dict[str, str]:
    return {token.type_code: str(token.pk) for token in row.lines}


def test_single_types_can_be_rejected(paul: Client, mixed: TokenRequest) -> None:
    form = {
        "snapshot_hash": mixed.snapshot_hash,
        "lines": [lines_of(mixed)["vpn"]],
        "reason": "Works in the office.",
    }

    response = paul.post(page(mixed, "reject"), form, follow=True)

    assert "Removed. Now decide on the remaining types." in response.text
    text = " ".join(response.text.split())
    assert "Removed by an approver" in text
    assert "VPN: Works in the office." in text
    assert state_of(mixed) == RequestState.REQUESTED
    row = TokenRequest.objects.get(pk=mixed.pk)
    assert row.snapshot_hash in response.text
    assert set(lines_of(row)) == {"signature"}


def test_all_types_checked_reject_the_request(paul: Client, mixed: TokenRequest) -> None:
    form = {
        "snapshot_hash": mixed.snapshot_hash,
        "lines": list(lines_of(mixed).values()),
        "reason": "Not needed.",
    }

    paul.post(page(mixed, "reject"), form)

    assert state_of(mixed) == RequestState.REJECTED


def test_no_type_checked_is_an_error_at_the_field(paul: Client, mixed: TokenRequest) -> None:
    response = paul.post(page(mixed, "reject"), {"snapshot_hash": mixed.snapshot_hash, "reason": "no"})

    assert response.status_code == 422
    assert response.context["form"].errors == {"lines": ["Check at least one type."]}
    assert state_of(mixed) == RequestState.REQUESTED


def test_a_line_that_was_taken_out_meanwhile_is_told(paul: Client, mixed: TokenRequest) -> None:
    form = {"snapshot_hash": mixed.snapshot_hash, "lines": [lines_of(mixed)["vpn"]], "reason": "no"}
    paul.post(page(mixed, "reject"), form)

    response = paul.post(page(mixed, "reject"), form)

    assert response.status_code in (409, 422)
    assert TokenRequest.objects.get(pk=mixed.pk).state == RequestState.REQUESTED


def test_a_stopped_request_is_not_decided_and_goes_round_again(
    paul: Client, ada: Client, request_: TokenRequest, company: cast.Company
) -> None:
    Person.objects.filter(pk=company.uma.pk).update(email="other@example.com")
    paul.post(page(request_, "approve"), {"snapshot_hash": request_.snapshot_hash})

    shown = ada.get(page(request_))
    assert page(request_, "resubmit") in shown.text
    assert page(request_, "resubmit") not in paul.get(page(request_)).text
    seen = shown.context["round_form"].initial["changes_hash"]
    old = ada.post(page(request_, "resubmit"), {"changes_hash": "0" * 64})
    response = ada.post(page(request_, "resubmit"), {"changes_hash": seen}, follow=True)

    assert old.status_code == 409
    assert "It is started again with the new data" in response.text
    assert TokenRequest.objects.get(pk=request_.pk).round == 2
    assert tasks(paul.get(reverse("console:approvals")), "decisions") == [request_]


def test_the_page_says_who_is_asked_and_where_nobody_can_decide(
    ada: Client, request_: TokenRequest, company: cast.Company
) -> None:
    assert "Paul Weber" in ada.get(page(request_)).text
    for approver in (company.paul, company.petra):
        approver.roles.all().delete()

    assert "Nobody can decide" in ada.get(page(request_)).text
