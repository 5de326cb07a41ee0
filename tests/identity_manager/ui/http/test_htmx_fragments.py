"""What a part of a page gets where its answer is a page of its own: the sign-in, or an error page."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.models import Account, PersonErasure, Role, TokenRequest
from tests.tools import cast
from tests.tools.cast import Company

PLACES = ("HX-Retarget", "HX-Reselect", "HX-Reswap")


@pytest.fixture
def request_in_queue(db: None) -> TokenRequest:
    return Company().request_in("requested")


def by_script(page: str) -> dict[str, Any]:
    """The headers that htmx sends from that page."""
    return {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}


def signed_in(name: str, *roles: Role) -> Client:
    person = cast.person(name, roles=roles)
    client = Client()
    client.force_login(Account.objects.create(person=person, username=person.personnel_number))
    return client


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("console:request-decide", "/open-tasks/?decisions=2"),
        ("selfservice:progress-lines", "/my/requests/"),
    ],
)
def test_whoever_has_been_signed_out_signs_in_on_a_page_and_comes_back(
    request_in_queue: TokenRequest, name: str, page: str
) -> None:
    part = reverse(name, args=[request_in_queue.pk])

    response = Client().get(part, headers=by_script(page))

    assert response.status_code == 200
    came_from = page.replace("?", "%3F").replace("=", "%3D")
    assert response["HX-Redirect"] == f"{reverse('account_login')}?next={came_from}"
    assert not response.content


@pytest.mark.parametrize("header", ["HX-Current-URL", "Referer"])
@pytest.mark.parametrize("page", ["http://[", "http://[testserver/open-tasks/", "//testserver]/", "\\"])
def test_who_comes_from_what_is_no_address_signs_in_where_they_wanted(
    db: None, header: str, page: str
) -> None:
    response = Client().get("/open-tasks/", headers={"HX-Request": "true", header: page})

    assert response.status_code == 200
    assert response["HX-Redirect"] == f"{reverse('account_login')}?next=/open-tasks/"


def test_a_decision_after_the_session_is_posted_never_again(request_in_queue: TokenRequest) -> None:
    approve = reverse("console:request-approve", args=[request_in_queue.pk])

    response = Client().post(approve, headers=by_script("/open-tasks/"))

    assert response["HX-Redirect"] == f"{reverse('account_login')}?next=/open-tasks/"


@pytest.mark.parametrize("elsewhere", ["//evil.example/", "///evil.example/"])
def test_nobody_is_led_elsewhere(request_in_queue: TokenRequest, elsewhere: str) -> None:
    part = reverse("console:request-decide", args=[request_in_queue.pk])

    response = Client().get(part, headers=by_script(elsewhere))

    assert response["HX-Redirect"] == f"{reverse('account_login')}?next={part}"


def test_a_page_is_led_as_ever(request_in_queue: TokenRequest) -> None:
    page = reverse("console:request", args=[request_in_queue.pk])

    response = Client().get(page)

    assert (response.status_code, response["Location"]) == (302, f"{reverse('account_login')}?next={page}")


def test_other_ways_on_are_gone_as_ever(request_in_queue: TokenRequest) -> None:
    paul = Client()
    paul.force_login(
        Account.objects.create(person=request_in_queue.waits_for[0].approver, username="P-approver")
    )

    response = paul.post(
        reverse("console:request-approve", args=[request_in_queue.pk]),
        {"snapshot_hash": request_in_queue.snapshot_hash, "from": "open-tasks"},
        headers=by_script("/open-tasks/"),
    )

    assert (response.status_code, response["Location"]) == (302, reverse("console:approvals"))


@pytest.mark.parametrize(
    ("role", "status", "words"),
    [
        (Role.SYSTEM_ADMINISTRATOR, 403, "This is not open to you"),
        (Role.APPROVER, 404, "There is no such page"),
    ],
)
def test_an_error_page_takes_the_place_of_the_content(
    request_in_queue: TokenRequest, role: Role, status: int, words: str
) -> None:
    TokenRequest.objects.update(approvals_needed=0)
    request_in_queue.asked_approvers.all().delete()
    client = signed_in("otto", role)
    part = reverse("console:request-decide", args=[request_in_queue.pk])

    by_hand = client.get(part)
    response = client.get(part, headers=by_script("/open-tasks/"))

    assert (by_hand.status_code, [name for name in PLACES if name in by_hand]) == (status, [])
    assert (response.status_code, [response[name] for name in PLACES]) == (
        status,
        ["#content", "#content", "outerHTML"],
    )
    assert words in response.text
    assert '<main class="entrance" id="content"' in response.text


def test_a_form_that_is_too_old_says_so_in_place(request_in_queue: TokenRequest) -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.post(
        reverse("console:request-approve", args=[request_in_queue.pk]), headers=by_script("/open-tasks/")
    )

    assert (response.status_code, response["HX-Retarget"]) == (403, "#content")


def test_every_page_has_a_sentence_for_what_did_not_work(request_in_queue: TokenRequest) -> None:
    for page in ("console:start", "account"):
        response = signed_in(f"otto-{page[-5:]}", Role.APPROVER).get(reverse(page))
        assert 'id="trouble"' in response.text
        assert "Nothing is half done" in response.text


# --- Without scripts
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def test_a_button_after_the_session_leads_back_to_its_page(request_in_queue: TokenRequest) -> None:
    page = reverse("console:request", args=[request_in_queue.pk])
    button = reverse("console:request-resubmit", args=[request_in_queue.pk])

    response = Client().post(button, headers={"Referer": f"http://testserver{page}"})

    assert (response.status_code, response["Location"]) == (302, f"{reverse('account_login')}?next={page}")


@pytest.mark.parametrize("referer", ["", "http://evil.example/requests/", "http://testserver//evil.example/"])
def test_a_button_of_an_unknown_page_leads_to_itself(request_in_queue: TokenRequest, referer: str) -> None:
    button = reverse("console:request-resubmit", args=[request_in_queue.pk])

    response = Client().post(button, headers={"Referer": referer})

    assert response["Location"] == f"{reverse('account_login')}?next={button}"


def test_who_proves_again_who_they_are_comes_back_to_the_page(request_in_queue: TokenRequest) -> None:
    rita = signed_in("rolf", Role.REGISTRATION_OFFICER)
    person = request_in_queue.person
    erasure = PersonErasure.objects.create(person=person, asked_by=request_in_queue.requested_by)
    page = reverse("console:person-erase", args=[person.pk])

    confirm = reverse("console:erasure-confirm", args=[erasure.pk])
    response = rita.post(confirm, headers={"Referer": f"http://testserver{page}"})

    assert response["Location"] == f"{reverse('account_reauthenticate')}?next={page}"


def test_the_address_of_a_button_is_told_from_a_page(request_in_queue: TokenRequest) -> None:
    client = signed_in("otto", Role.TOKEN_ADMINISTRATOR)
    button = reverse("console:request-resubmit", args=[request_in_queue.pk])

    response = client.get(button, headers=BROWSER)

    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "It belongs to a button" in response.text
    assert client.get(button).content == b""


def test_a_language_that_is_chosen_at_the_gate_is_kept(db: None) -> None:
    gate = f"{reverse('account_login')}?next=/search/"

    response = Client().post(
        reverse("set_language"),
        {"language": "de", "next": gate},
        headers={"Referer": f"http://testserver{gate}"},
    )

    assert response["Location"] == gate
    assert "language" in "".join(response.cookies)
