"""What the pages of Self-Service say, and to whom."""

import pytest
from django.utils import timezone

from identity_manager.models import Person, PersonState, Role, TokenRequest
from identity_manager.workflow.policy import eligibility
from selfservice import access
from tests.selfservice.conftest import Desk, Visitor, page
from tests.tools import cast


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("state", "code"),
    [
        (PersonState.REGISTERED, "person-registered"),
        (PersonState.INACTIVE, "person-inactive"),
        (PersonState.LOCKED, "person-locked"),
    ],
)
def test_only_active_persons_may_use_it(state: str, code: str) -> None:
    reason = access.obstacle(cast.person("uma", state=state))
    assert reason is not None
    assert reason.code == code


@pytest.mark.django_db
def test_an_account_without_person_may_not_use_it() -> None:
    assert access.obstacle(None) is access.NO_PERSON
    assert access.obstacle(cast.person("uma")) is None
    assert access.obstacle(cast.person("nora", roles=(Role.APPROVER,))) is eligibility.NOT_SELF_SERVICE_USER


def test_the_dashboard_greets_and_leads_to_what_waits(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.uma).get(page("dashboard")).content.decode()
    assert "Uma Lindqvist" in text
    assert "2 things wait for you" in text
    assert "What do you want to do?" in text


def test_the_dashboard_leads_straight_to_the_only_task(visit: Visitor) -> None:
    company = cast.Company()
    request = cast.enabled(company.ada, company.uma)
    text = visit(company.uma).get(page("dashboard")).content.decode()
    assert "1 thing waits for you" in text
    assert page("terms", request.pk) in text


def test_open_tasks_lists_terms_passphrases_and_what_moves(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.uma).get(page("open-tasks")).content.decode()
    for address in (
        page("terms", desk.waiting.pk),
        page("passphrase", desk.sealed.pk),
        page("progress", desk.moving.pk),
    ):
        assert address in text


def test_what_others_decide_on_is_under_way(visit: Visitor) -> None:
    company = cast.Company()
    cast.asked(company.uma, company.signature)
    for name in ("dashboard", "open-tasks"):
        text = visit(company.uma).get(page(name)).text
        assert "SIGNATURE for you" in text
        assert "Somebody decides on it. You get a mail when they have." in text
        assert page("requests") in text


def test_what_somebody_else_asked_for_is_under_way_once_it_is_approved(visit: Visitor) -> None:
    company = cast.Company()
    request = cast.enabled(company.ada, company.uma, company.signature)
    client = visit(company.uma)
    assert "SIGNATURE" not in client.get(page("open-tasks")).text
    TokenRequest.objects.filter(pk=request.pk).update(stopped_at=timezone.now())
    assert "SIGNATURE" not in client.get(page("open-tasks")).text
    TokenRequest.objects.filter(pk=request.pk).update(state="awaiting_acceptance")
    assert "SIGNATURE for you" in client.get(page("open-tasks")).text


def test_what_they_asked_for_is_under_way_when_it_is_stopped_too(visit: Visitor) -> None:
    company = cast.Company()
    request = cast.asked(company.uma, company.signature)
    TokenRequest.objects.filter(pk=request.pk).update(stopped_at=timezone.now())
    text = visit(company.uma).get(page("open-tasks")).text
    assert "SIGNATURE for you" in text
    assert "It is stopped" in text


def test_who_did_not_ask_is_not_promised_a_mail_about_a_rejection(visit: Visitor) -> None:
    company = cast.Company()
    cast.enabled(company.ada, company.uma, company.signature)
    text = visit(company.uma).get(page("requests")).text
    assert "Somebody decides on it. You get a mail when it is approved." in text


def test_nothing_waits(visit: Visitor, db: None) -> None:
    uma: Person = cast.person("uma")
    client = visit(uma)
    assert "Nothing waits for you" in client.get(page("open-tasks")).content.decode()
    assert "You have no software token yet" in client.get(page("certificates")).content.decode()
    assert "No requests yet" in client.get(page("requests")).content.decode()
