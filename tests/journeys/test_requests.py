"""Every turn of a request: reminders, lapses, two approvers, postponed, nobody there, mixed, changed data."""

from datetime import timedelta

import pytest
from django.utils import timezone

from identity_manager.jobs import schedule, sweep
from identity_manager.mail.mailbox import StoredMessage
from identity_manager.models import (
    ApprovalPolicy,
    Person,
    RequestState,
    Role,
    RoleAssignment,
    SoftwareToken,
    TokenRequest,
)
from tests.journeys.office import Office, delivered_files, later, mails_to, worker
from tests.tools import cast

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


def run_jobs() -> None:
    """What the beat starts of requests, once; then the sweep, which has reminders sent."""
    for job in schedule.JOBS:
        if job.name.startswith("requests."):
            job.run()
    sweep.sweep()


def subject_of(stored: StoredMessage) -> str:
    return str(stored.message["Subject"])


def subjects(address: str) -> list[str]:
    return [subject_of(stored) for stored in mails_to(address)]


def test_terms_are_reminded_of_then_lapse_and_are_asked_for_again(office: Office) -> None:
    office.enable("VPN")
    for days in (16.1, 23.1, 27.1, 29.1):
        with later(days=days):
            run_jobs()
            run_jobs()
    reminders = [subject for subject in subjects("uma@example.com") if "Still open" in subject]
    assert len(reminders) == 4

    with later(days=30.1):
        run_jobs()
    assert TokenRequest.objects.get().state == RequestState.LAPSED
    for address in ("/my/", "/my/open-tasks/"):
        assert "VPN has lapsed" in office.uma.open(address).text

    office.uma.follow("Ask again: VPN has lapsed")
    office.uma.press("Next")

    assert TokenRequest.objects.latest("created_at").state == RequestState.AWAITING_ACCEPTANCE
    assert "VPN has lapsed" not in office.uma.open("/my/open-tasks/").text


def test_an_unnoted_passphrase_is_reminded_of_then_destroyed_and_the_person_asks_again(
    office: Office,
) -> None:
    request = office.enable("VPN")
    office.accept(request)
    for days in (7.1, 11.1, 13.1):
        with later(days=days):
            run_jobs()
    assert len([subject for subject in subjects("uma@example.com") if "Note the passphrase" in subject]) == 3

    with later(days=14.1):
        run_jobs()
        token = SoftwareToken.objects.get()
        assert (token.state, token.passphrase_wrapped) == ("lapsed", None)
    assert token.certificates.get().revocation_decided_at is not None
    mail = next(stored for stored in mails_to("uma@example.com") if "has lapsed" in subject_of(stored))
    address = f"/my/requests/{request.pk}/again/"
    assert address in mail.body("plain")

    office.uma.open(address)
    office.uma.press("Next")

    assert TokenRequest.objects.count() == 2


def test_two_approvers_and_the_second_sees_the_first(office: Office) -> None:
    cast.token_type("two", name="TWO", approval=ApprovalPolicy.ALWAYS, approvers_needed=2)
    request = office.enable("TWO")
    page = office.paul.open(f"/requests/{request.pk}/")
    assert "2 are needed" in page.text
    office.paul.press("Approve")
    assert "Another approver decides too." in office.paul.page.text

    page = office.petra.open(f"/requests/{request.pk}/")
    assert "Paul Weber" in page.text
    assert "1 is missing" in page.text
    office.petra.press("Approve")

    assert TokenRequest.objects.get().state == RequestState.AWAITING_ACCEPTANCE
    office.accept(request)
    assert len(delivered_files("uma@example.com")) == 1


def test_a_postponed_decision_comes_back(office: Office) -> None:
    request = office.enable("SIGNATURE")
    office.paul.open(f"/requests/{request.pk}/postpone/")
    form = office.paul.page.form("Postpone")
    until = next(control for control in form.controls if control.name == "until")
    until.value = (timezone.localtime() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    assert "comes back" in office.paul.send(form).text

    with later(days=3.1):
        run_jobs()

    assert any("Back again" in subject for subject in subjects("paul@example.com"))
    assert office.approve(request).status == 200
    assert TokenRequest.objects.get().state == RequestState.AWAITING_ACCEPTANCE


def test_when_the_approver_is_away_others_are_asked_and_the_person_sees_whom(office: Office) -> None:
    uma = office.company.uma
    Person.objects.filter(pk=uma.pk).update(manager=office.company.petra)
    cast.token_type("desk", name="DESK", approval=ApprovalPolicy.SELF_REQUESTED)
    request = office.ask("DESK")
    assert "Petra Novák is asked to decide" in office.uma.open("/my/requests/").text
    assert "Paul Weber" not in office.uma.page.text

    with later(days=2.1):
        run_jobs()
    assert any("Still waits for you" in subject for subject in subjects("petra@example.com"))
    with later(days=5.1):
        run_jobs()

    assert "Paul Weber is asked to decide" in office.uma.open("/my/requests/").text
    page = office.paul.open(f"/requests/{request.pk}/")
    assert "Asked because nobody had decided" in page.text
    office.paul.press("Approve")
    assert TokenRequest.objects.get().state == RequestState.AWAITING_ACCEPTANCE


def test_a_single_type_is_taken_out_and_the_rest_is_issued(office: Office) -> None:
    request = office.enable("SIGNATURE", "VPN")
    office.paul.open(f"/requests/{request.pk}/reject/")
    form = office.paul.page.form("Reject")
    for control in form.controls:
        if control.name == "lines" and control.label == "VPN":
            control.checked = False
        if control.name == "reason":
            control.value = "Research signs nothing."
    page = office.paul.send(form)
    assert "Removed. The remaining types need no more approval and go on." in page.text
    assert "Research signs nothing." in page.text

    assert "Research signs nothing." in office.ada.open(f"/requests/{request.pk}/").text
    assert "SIGNATURE was removed from the request by Paul Weber" in office.uma.open("/my/requests/").text
    office.accept(request)

    assert len(delivered_files("uma@example.com")) == 1
    told = next(stored for stored in mails_to("uma@example.com") if "not approved" in subject_of(stored))
    assert "Research signs nothing." in told.body("plain")


def rename(person: Person) -> None:
    """The directory has another name of the person from now on."""
    Person.objects.filter(pk=person.pk).update(surname="Berg", display_name="Uma Berg")


def stopped_at(office: Office, place: str) -> TokenRequest:
    """The person's name changes, and somebody notices there."""
    request = office.enable("SIGNATURE")
    if place == "approval":
        rename(office.company.uma)
        assert "have changed" in office.approve(request).text
        return request
    office.approve(request)
    if place == "acceptance":
        rename(office.company.uma)
        assert "An administrator decides how it goes on." in office.accept(request).text
        return request
    with worker(at_once=False):
        office.accept(request)
    rename(office.company.uma)
    with later(minutes=2):
        assert TokenRequest.objects.get().state == RequestState.FAILED
    return request


@pytest.mark.parametrize("place", ["approval", "acceptance", "issuance"])
def test_changed_data_stop_the_road_and_it_goes_round_again(office: Office, place: str) -> None:
    request = stopped_at(office, place)
    assert "Stopped: the person's data have changed" in office.ada.open("/open-tasks/").text
    assert "have changed" in office.uma.open("/my/requests/").text

    page = office.ada.open(f"/requests/{request.pk}/")
    assert "Uma Lindqvist" in page.text
    assert "Uma Berg" in page.text
    page = office.ada.press("Start again with new data")
    assert "It is started again with the new data" in page.text

    assert "Round 1, before the person's data changed" in page.text
    office.approve(request)
    office.accept(request)
    assert len(delivered_files("uma@example.com")) == 1
    assert TokenRequest.objects.get().state == RequestState.ISSUED
    assert SoftwareToken.objects.get(state="sealed").certificates.get().subject.count("Uma Berg") == 1


def test_changed_data_and_the_office_cancels(office: Office) -> None:
    request = stopped_at(office, "issuance")
    office.ada.open(f"/requests/{request.pk}/")
    office.ada.follow("Cancel the request")
    office.ada.press("Cancel the request", reason="Uma has another job now.")

    assert TokenRequest.objects.get().state == RequestState.CANCELLED
    assert "Uma has another job now." in office.uma.open("/my/requests/").text
    told = next(stored for stored in mails_to("uma@example.com") if "was cancelled" in subject_of(stored))
    assert "Uma has another job now." in told.body("plain")


def test_a_refusal_for_good_is_told_to_the_person_in_plain_words(office: Office) -> None:
    stopped_at(office, "issuance")

    told = next(
        stored for stored in mails_to("uma@example.com") if "could not be issued" in subject_of(stored)
    )
    assert "The administrators have been told." in told.body("plain")
    assert "The administrators have been told." in office.uma.open("/my/open-tasks/").text


def test_where_nobody_can_decide_the_office_and_the_page_say_so(office: Office) -> None:
    RoleAssignment.objects.filter(role=Role.APPROVER).delete()
    request = office.enable("SIGNATURE")

    assert any("Nobody decides" in subject for subject in subjects("ada@example.com"))
    assert "Nobody can decide" in office.ada.open(f"/requests/{request.pk}/").text
    assert request.reference in office.ada.open("/open-tasks/").text
