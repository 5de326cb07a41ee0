"""**Request softtoken** (step 1 of the option) and **My requests**."""

import uuid
from http import HTTPStatus

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from identity_manager.models import (
    ApprovalPolicy,
    DeliveryState,
    RequestState,
    SoftwareToken,
    TokenRequest,
    TokenType,
    VersionState,
)
from identity_manager.workflow.requests import lapse
from identity_manager.workflow.revocation import hold
from selfservice.requests import request_summaries
from tests.selfservice.conftest import Desk, Visitor, page
from tests.tools import cast
from tests.tools.sign_in import signed_in


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


@pytest.fixture
def company(db: None) -> cast.Company:
    return cast.Company()


def ask(company: cast.Company, visit: Visitor, *types: object) -> HttpResponse:
    return visit(company.uma).post(page("request-softtoken"), {"types": [str(chosen) for chosen in types]})


def test_the_cards_say_whether_somebody_approves(company: cast.Company, visit: Visitor) -> None:
    cast.token_type("double", approval=ApprovalPolicy.SELF_REQUESTED, approvers_needed=2)
    text = visit(company.uma).get(page("request-softtoken")).content.decode()
    assert "Nobody has to approve it." in text
    assert "Somebody approves it first." in text
    assert "2 persons approve it first." in text


def test_without_anything_on_offer_the_page_says_so(company: cast.Company, visit: Visitor) -> None:
    TokenType.objects.update(state=VersionState.RETIRED)
    text = visit(company.uma).get(page("request-softtoken")).content.decode()
    assert "Nothing is on offer yet" in text
    assert 'class="form' not in text


def test_without_approval_the_terms_come_next(company: cast.Company, visit: Visitor) -> None:
    response = ask(company, visit, company.vpn.pk)
    request = TokenRequest.objects.get(person=company.uma)
    assert request.origin == "self-service"
    assert response["Location"] == page("terms", request.pk)


def test_with_approval_somebody_decides(company: cast.Company, visit: Visitor) -> None:
    assert ask(company, visit, company.signature.pk)["Location"] == page("requests")
    assert TokenRequest.objects.get(person=company.uma).state == RequestState.REQUESTED


def test_none_checked(company: cast.Company, visit: Visitor) -> None:
    response = ask(company, visit)
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response.context["form"].errors["types"] == ["Check at least one software token type."]


@pytest.mark.parametrize("forged", [uuid.uuid4(), "vpn", "<script>"])
def test_forged_types(company: cast.Company, visit: Visitor, forged: object) -> None:
    response = ask(company, visit, forged)
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "types" in response.context["form"].errors
    assert not TokenRequest.objects.exists()


def test_a_type_that_changed_while_the_page_was_open_is_told_in_words(
    company: cast.Company, visit: Visitor
) -> None:
    TokenType.objects.filter(pk=company.vpn.pk).update(state=VersionState.RETIRED)
    response = ask(company, visit, company.vpn.pk)
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "What was checked is not offered any more as it was." in response.text
    assert str(company.vpn.pk) not in response.text


def test_a_type_that_is_under_way_says_why_not(company: cast.Company, visit: Visitor) -> None:
    cast.asked(company.uma, company.vpn)
    assert "Your request for this type is under way." in (
        visit(company.uma).get(page("request-softtoken")).content.decode()
    )
    response = ask(company, visit, company.vpn.pk)
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert TokenRequest.objects.count() == 1


def test_without_an_address_nothing_can_be_asked(visit: Visitor, db: None) -> None:
    cast.token_type("vpn")
    uma = cast.person("uma", email="")
    text = visit(uma).get(page("request-softtoken")).content.decode()
    assert "You have no e-mail address" in text
    assert 'name="types"' not in text


def test_withdrawing(company: cast.Company, visit: Visitor) -> None:
    request = cast.asked(company.uma, company.signature)
    client = visit(company.uma)
    assert "Withdraw the request" in client.get(page("withdraw", request.pk)).content.decode()
    assert client.post(page("withdraw", request.pk))["Location"] == page("requests")
    assert TokenRequest.objects.get(pk=request.pk).state == RequestState.CANCELLED
    response = client.post(page("withdraw", request.pk))
    assert response.status_code == HTTPStatus.CONFLICT
    assert "cannot be withdrawn" in response.content.decode()


@pytest.mark.parametrize("state", RequestState.values)
def test_every_state_has_its_words(company: cast.Company, visit: Visitor, state: str) -> None:
    request = company.request_in(state)
    assert request_summaries.line(request)
    response = visit(company.uma).get(page("requests"))
    assert response.status_code == HTTPStatus.OK
    assert request.reference in response.content.decode()
    assert visit(company.uma).get(page("withdraw", request.pk)).status_code == HTTPStatus.OK


@pytest.mark.parametrize("state", ["declined", "lapsed"])
def test_asking_again_is_offered_where_it_works(
    company: cast.Company, visit: Visitor, state: RequestState
) -> None:
    request = company.request_in(state)
    asking_again = page("ask-again", request.pk)
    client = visit(company.uma)
    with CaptureQueriesContext(connection) as asked:
        assert asking_again in client.get(page("requests")).text
    assert len(asked) <= 12

    current = TokenType.objects.filter(code=request.tokens.get().type_code)
    current.update(kinds=["external"])
    assert asking_again not in client.get(page("requests")).text
    assert client.get(page("terms", request.pk))["Location"] == page("requests")

    current.update(kinds=["employee"], state=VersionState.RETIRED)
    assert asking_again not in client.get(page("requests")).text


def test_what_was_asked_for_since_is_not_offered_again(company: cast.Company, visit: Visitor) -> None:
    declined = company.request_in("declined")
    cast.asked(company.uma, declined.tokens.get().token_type)
    text = visit(company.uma).get(page("requests")).text
    assert page("ask-again", declined.pk) not in text


@pytest.mark.parametrize(
    ("delivery", "line", "leads_to"),
    [
        (DeliveryState.QUEUED, "The file comes by mail.", ""),
        (DeliveryState.BOUNCED, "The file waits for you here.", "files"),
        (DeliveryState.OFFERED, "The file waits for you here.", "files"),
    ],
)
def test_an_issued_request_says_what_is_left_to_do(
    company: cast.Company, visit: Visitor, delivery: DeliveryState, line: str, leads_to: str
) -> None:
    token = company.request_in("issued").tokens.get()
    client = visit(company.uma)
    assert "It is issued. Note the passphrase" in client.get(page("requests")).text

    cast.noted(token)
    SoftwareToken.objects.filter(pk=token.pk).update(delivery=delivery)
    text = client.get(page("requests")).text
    assert line in text
    assert "Note the passphrase" not in text
    assert not leads_to or page(leads_to, token.pk) in text


@pytest.mark.parametrize("noted", [False, True], ids=["passphrase waits", "passphrase noted"])
def test_an_issued_request_on_hold_has_no_next_step(
    company: cast.Company, visit: Visitor, *, noted: bool
) -> None:
    token = company.request_in("issued").tokens.get()
    if noted:
        cast.noted(token)
    hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="asked by phone")
    client = visit(company.uma)
    text = client.get(page("requests")).text
    assert "what is still to be handed out is on hold at present." in text
    assert "Note the passphrase" not in text
    assert "The file comes by mail." not in text
    for address in (page("requests"), page("certificates"), page("token", token.pk)):
        assert page("passphrase", token.pk) not in client.get(address).text, address


def test_a_rejection_says_why(company: cast.Company, visit: Visitor) -> None:
    company.request_in("rejected")
    assert "not needed" in visit(company.uma).get(page("requests")).content.decode()


def test_a_stopped_request_is_told_and_not_offered(desk: Desk, visit: Visitor) -> None:
    TokenRequest.objects.filter(pk=desk.waiting.pk).update(stopped_at=timezone.now())
    client = visit(desk.uma)

    assert "It is stopped" in client.get(page("requests")).text
    assert page("terms", desk.waiting.pk) not in client.get(page("open-tasks")).text
    assert client.get(page("terms", desk.waiting.pk)).status_code == 302


def test_why_it_failed_is_told_in_the_language_of_the_person(desk: Desk, visit: Visitor) -> None:
    TokenRequest.objects.filter(pk=desk.moving.pk).update(
        state="failed", failure="refused", failure_facts={"profile": "Client", "message": "no such profile"}
    )

    text = visit(desk.uma).get(page("progress", desk.moving.pk)).text

    assert "The administrators have been told." in text
    assert "no such profile" not in text


def test_what_has_lapsed_is_offered_again_until_it_was_asked_for(desk: Desk, visit: Visitor) -> None:
    TokenRequest.objects.filter(pk=desk.waiting.pk).update(accept_before=timezone.now())
    lapse.lapse_overdue()
    client = visit(desk.uma)
    assert "WAITING has lapsed" in client.get(page("dashboard")).text

    response = client.get(page("ask-again", desk.waiting.pk), follow=True)
    chosen = response.context["form"].initial["types"]
    client.post(page("request-softtoken"), {"types": chosen})

    assert len(chosen) == 1
    assert "WAITING has lapsed" not in client.get(page("dashboard")).text


def test_what_came_to_nothing_is_not_said_to_be_there(company: cast.Company, visit: Visitor) -> None:
    token = company.request_in("issued").tokens.get()
    SoftwareToken.objects.filter(pk=token.pk).update(passphrase_destroy_at=timezone.now())
    client = visit(company.uma)
    tasks, page_of_it = client.get(page("open-tasks")).text, client.get(page("passphrase", token.pk)).text
    assert "can close at any moment" in tasks
    assert "Your time to note the passphrase is over." in page_of_it
    assert "Show passphrase" not in page_of_it
    refused = client.post(page("passphrase", token.pk))
    assert (refused.status_code, refused.text.count("It is not shown any more")) == (422, 1)
    officer = signed_in(company.ada).get(f"/requests/{token.request_id}/").text
    assert "to be destroyed since" in officer

    assert lapse.lapse_overdue() == 1
    text = client.get(page("requests")).text
    assert "The passphrase was destroyed before it was noted" in text
    assert page("ask-again", token.request_id) in text
    assert "What you got is under Certificates" not in text


@pytest.mark.parametrize("kept", [False, True], ids=["left out", "kept since an earlier round"])
def test_what_came_to_nothing_is_all_that_was_issued(
    company: cast.Company, visit: Visitor, *, kept: bool
) -> None:
    mail = cast.token_type("mail", profiles=("second",))
    request = cast.accepted(cast.enabled(company.ada, company.uma, company.vpn, mail))
    other, token = request.tokens.order_by("type_code")
    if kept:
        cast.delivered(cast.issued(request))
        cast.noted(other)
        SoftwareToken.objects.filter(pk=other.pk).update(round=0)
    else:
        other.cancel(reason="refused for good", now=timezone.now())
        other.save()
        cast.issued(request)
    SoftwareToken.objects.filter(pk=token.pk).update(passphrase_destroy_at=timezone.now())
    assert lapse.lapse_overdue() == 1

    text = visit(company.uma).get(page("requests")).text
    assert ("so nothing is in use" in text) is not kept
    assert ("What you got is under Certificates" in text) is kept
