"""The option: the person asks in Self-Service; approval, rejection, decline, withdrawal, cancellation."""

import pytest

from identity_manager.models import ApprovalPolicy, Postponement, RequestState, SoftwareToken, TokenRequest
from tests.journeys.office import Office, delivered_files, mails_to
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


@pytest.fixture(autouse=True)
def _a_type_for_the_option(office: Office) -> None:
    cast.token_type("desk", approval=ApprovalPolicy.SELF_REQUESTED)


def test_from_request_softtoken_to_the_certificate(office: Office) -> None:
    request = office.ask("DESK")
    assert (request.state, request.origin) == (RequestState.REQUESTED, "self-service")
    assert request.reference in office.uma.open("/my/requests/").text

    office.approve(request)
    office.accept(request)
    secret = office.show_passphrase(request)
    office.note_passphrase()

    assert len(secret) == 29
    assert len(delivered_files("uma@example.com")) == 1
    assert TokenRequest.objects.get().state == RequestState.COMPLETED


def test_rejected_with_a_reason_that_the_person_reads(office: Office) -> None:
    request = office.ask("DESK")
    office.paul.open(f"/requests/{request.pk}/reject/")
    assert office.paul.press("Reject", reason="").status == 422
    office.paul.press("Reject", reason="Your project has ended.")

    assert TokenRequest.objects.get().state == RequestState.REJECTED
    assert "Your project has ended." in office.uma.open("/my/requests/").text
    (mail,) = mails_to("uma@example.com")
    assert "Your project has ended." in mail.body("plain")
    assert SoftwareToken.objects.get().state == "cancelled"


def test_declined(office: Office) -> None:
    request = office.enable("VPN")
    office.uma.open(f"/my/requests/{request.pk}/terms/")
    office.uma.open(f"/my/requests/{request.pk}/decline/")
    office.uma.press("Decline")

    assert TokenRequest.objects.get().state == RequestState.DECLINED
    assert delivered_files("uma@example.com") == []
    assert "Declined" in office.ada.open(f"/requests/{request.pk}/").text


def test_withdrawn_by_the_person(office: Office) -> None:
    request = office.ask("DESK")
    office.uma.open(f"/my/requests/{request.pk}/withdraw/")
    office.uma.press("Withdraw the request")

    assert TokenRequest.objects.get().state == RequestState.CANCELLED
    page = office.paul.open(f"/requests/{request.pk}/")
    assert not any("Approve" in form.buttons for form in page.forms)


def test_cancelled_by_an_administrator(office: Office) -> None:
    request = office.enable("VPN")
    office.ada.open(f"/requests/{request.pk}/cancel/")
    assert office.ada.press("Cancel the request", reason="").status == 422
    office.ada.press("Cancel the request", reason="Wrong person.")

    assert TokenRequest.objects.get().state == RequestState.CANCELLED
    page = office.uma.open(f"/my/requests/{request.pk}/terms/")
    assert not any("Accept" in form.buttons for form in page.forms)


def test_a_stale_form_says_what_happened_meanwhile(office: Office) -> None:
    request = office.ask("DESK")
    office.paul.open(f"/requests/{request.pk}/")
    form = office.paul.page.form("Approve")
    office.approve(request, by=office.petra)

    page = office.paul.send(form)

    assert page.status == 409
    assert "does not wait for a decision any more" in page.text
    assert request.approvals.count() == 1


def test_postponed_and_back(office: Office) -> None:
    request = office.ask("DESK")
    office.paul.open(f"/requests/{request.pk}/postpone/")
    form = office.paul.page.form("Postpone")
    until = next(control for control in form.controls if control.name == "until")
    assert until.value or until.kind
    until.value = "2099-01-01T10:00"
    assert office.paul.send(form).status == 422
    assert not Postponement.objects.exists()
