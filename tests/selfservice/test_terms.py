"""Step 4 through its pages: accept with the box checked, decline, forged and stale forms."""

import re
import uuid
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

from identity_manager.models import RequestState, TermsText, TokenRequest
from identity_manager.workflow.requests import cancellation
from tests.selfservice.conftest import Desk, Visitor, page
from tests.tools import cast


def form(desk: Desk, **changes: Any) -> dict[str, Any]:
    """What the page of the terms sends when the box is checked."""
    sent = {
        "accept": "on",
        "snapshot_hash": desk.waiting.snapshot_hash,
        "texts": [str(desk.text_id)],
    }
    return sent | changes


def accept(desk: Desk, visit: Visitor, **changes: Any) -> HttpResponse:
    return visit(desk.uma).post(page("terms", desk.waiting.pk), form(desk, **changes))


def state(request: TokenRequest) -> str:
    return str(TokenRequest.objects.get(pk=request.pk).state)


def test_the_page_says_what_is_accepted_and_what_will_be_issued(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.uma).get(page("terms", desk.waiting.pk)).content.decode()
    assert "Text 1" in text
    assert "Version 1" in text
    assert "uma@example.com" in text
    for label, value in (("Name", "Uma Lindqvist"), ("E-mail", "uma@example.com")):
        assert re.search(rf"<dt>{label}</dt>\s*<dd[^>]*>\s*<bdi>{value}</bdi>", text), label
    assert desk.waiting.snapshot_hash in text
    assert str(desk.text_id) in text


def test_accepting_starts_the_issuance(desk: Desk, visit: Visitor) -> None:
    response = accept(desk, visit)
    assert response["Location"] == page("progress", desk.waiting.pk)
    assert state(desk.waiting) == RequestState.ISSUING
    assert desk.waiting.acceptances.get().text_id == desk.text_id


def test_the_box_is_demanded_at_its_field(desk: Desk, visit: Visitor) -> None:
    response = accept(desk, visit, accept="")
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response.context["form"].errors.keys() == {"accept"}
    assert state(desk.waiting) == RequestState.AWAITING_ACCEPTANCE


def test_a_forged_hash_is_refused(desk: Desk, visit: Visitor) -> None:
    response = accept(desk, visit, snapshot_hash="0" * 64)
    assert response.status_code == HTTPStatus.CONFLICT
    assert "has changed since you opened the page" in response.content.decode()
    assert state(desk.waiting) == RequestState.AWAITING_ACCEPTANCE


def test_forged_texts_are_refused(desk: Desk, visit: Visitor) -> None:
    for forged in ([str(uuid.uuid4())], ["no uuid"], []):
        assert accept(desk, visit, texts=forged).status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert state(desk.waiting) == RequestState.AWAITING_ACCEPTANCE


def test_newer_terms_have_to_be_read(desk: Desk, visit: Visitor) -> None:
    cast.publish_terms(cast.terms())
    response = accept(desk, visit)
    assert response.status_code == HTTPStatus.CONFLICT
    text = response.content.decode()
    assert "The terms have changed" in text
    assert "Text 2" in text
    assert state(desk.waiting) == RequestState.AWAITING_ACCEPTANCE


def test_newer_terms_are_not_accepted_by_the_box_that_was_checked_for_older_ones(
    desk: Desk, visit: Visitor
) -> None:
    """One more click on the page that comes back accepts nothing that was not read."""
    cast.publish_terms(cast.terms())
    response = accept(desk, visit)
    assert 'name="accept"' in response.text
    assert " checked" not in response.text
    assert " checked" not in accept(desk, visit, snapshot_hash="0" * 64).text


def test_a_second_click_says_where_it_stands(desk: Desk, visit: Visitor) -> None:
    accept(desk, visit)
    response = accept(desk, visit)
    assert response.status_code == HTTPStatus.CONFLICT
    text = response.content.decode()
    assert "does not wait for your acceptance any more" in text
    assert page("progress", desk.waiting.pk) in text
    assert desk.waiting.acceptances.count() == 1


def test_a_stale_page_leads_on(desk: Desk, visit: Visitor) -> None:
    accept(desk, visit)
    response = visit(desk.uma).get(page("terms", desk.waiting.pk))
    assert response["Location"] == page("progress", desk.waiting.pk)


def test_a_cancelled_request_says_so(desk: Desk, visit: Visitor) -> None:
    cancellation.cancel(actor=desk.ada, request_id=desk.waiting.pk, reason="left the project")
    response = accept(desk, visit)
    assert response.status_code == HTTPStatus.CONFLICT
    assert "left the project" in response.content.decode()


def test_the_text_in_another_language(desk: Desk, visit: Visitor) -> None:
    german = TermsText.objects.get(version__texts=desk.text_id, language="de")
    german.body = "Der deutsche Text"
    german.save()
    text = visit(desk.uma).get(page("terms", desk.waiting.pk), {"language": "de"}).content.decode()
    assert "Der deutsche Text" in text
    assert str(german.pk) in text
    assert accept(desk, visit, texts=[str(german.pk)]).status_code == HTTPStatus.FOUND


def test_an_unknown_language_falls_back(desk: Desk, visit: Visitor) -> None:
    response = visit(desk.uma).get(page("terms", desk.waiting.pk), {"language": "<script>"})
    assert response.status_code == HTTPStatus.OK
    assert "Text 1" in response.content.decode()


def test_the_text_as_a_file(desk: Desk, visit: Visitor) -> None:
    response = visit(desk.uma).get(page("terms-text", desk.waiting.pk, desk.text_id))
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="terms-1-en.txt"'
    assert "Text 1" in response.content.decode()


def test_declining_ends_the_request(desk: Desk, visit: Visitor) -> None:
    response = visit(desk.uma).post(page("decline", desk.waiting.pk), {"reason": "not for me"})
    assert response["Location"] == page("requests")
    assert state(desk.waiting) == RequestState.DECLINED
    assert TokenRequest.objects.get(pk=desk.waiting.pk).reason == "not for me"


def test_declining_twice_says_where_it_stands(desk: Desk, visit: Visitor) -> None:
    visit(desk.uma).post(page("decline", desk.waiting.pk))
    assert visit(desk.uma).post(page("decline", desk.waiting.pk)).status_code == HTTPStatus.CONFLICT
