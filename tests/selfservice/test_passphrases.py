"""Step 6 through its pages: shown on a click after a recent sign-in, never stored, gone when noted."""

import re
from http import HTTPStatus

import pytest
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager.models import AuditEvent, DeliveryState, Person, SoftwareToken, TokenState
from identity_manager.workflow.requests import lapse
from identity_manager.workflow.revocation import revoke
from tests.selfservice.conftest import Desk, Visitor, page
from tests.tools import cast

GROUP = re.compile(r'class="secret-group">([A-Z0-9]{5})')
LONG_AGO = 16 * 60


def show(client: Client, token: SoftwareToken) -> HttpResponse:
    return client.post(page("passphrase", token.pk))


def note(client: Client, token: SoftwareToken, **changes: str) -> HttpResponse:
    return client.post(page("acknowledge", token.pk), {"noted": "on"} | changes)


def fresh(token: SoftwareToken) -> SoftwareToken:
    return SoftwareToken.objects.get(pk=token.pk)


def test_the_page_does_not_hold_it(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.uma).get(page("passphrase", desk.sealed.pk)).content.decode()
    assert "Show passphrase" in text
    assert not GROUP.search(text)


def test_a_click_shows_it_in_five_groups(desk: Desk, visit: Visitor) -> None:
    response = show(visit(desk.uma), desk.sealed)
    assert response.status_code == HTTPStatus.OK
    assert len(GROUP.findall(response.content.decode())) == 5
    assert "Shown 1 time." in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert fresh(desk.sealed).passphrase_shown == 1


def test_no_address_session_or_cookie_holds_it(desk: Desk, visit: Visitor) -> None:
    client = visit(desk.uma)
    groups = GROUP.findall(show(client, desk.sealed).content.decode())
    stored = [str(session.get_decoded()) for session in Session.objects.all()]
    cookies = [cookie.value for cookie in client.cookies.values()]
    assert groups
    assert stored
    assert not [group for group in groups for place in (*stored, *cookies) if group in place]


def test_an_old_sign_in_does_not_do(desk: Desk, visit: Visitor) -> None:
    response = show(visit(desk.uma, seconds_ago=LONG_AGO), desk.sealed)
    assert response.status_code == HTTPStatus.FOUND
    assert response["Location"].startswith("/account/reauthenticate/")
    assert fresh(desk.sealed).passphrase_shown == 0


def test_each_showing_is_counted(desk: Desk, visit: Visitor) -> None:
    client = visit(desk.uma)
    first = GROUP.findall(show(client, desk.sealed).content.decode())
    second = show(client, desk.sealed).content.decode()
    assert GROUP.findall(second) == first
    assert "Shown 2 times." in second


def test_confirming_needs_the_box(desk: Desk, visit: Visitor) -> None:
    client = visit(desk.uma)
    show(client, desk.sealed)
    response = note(client, desk.sealed, noted="")
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert response.context["form"].errors.keys() == {"noted"}
    assert not GROUP.search(response.content.decode())
    assert fresh(desk.sealed).passphrase_wrapped is not None


def test_confirming_unseen_is_refused(desk: Desk, visit: Visitor) -> None:
    response = note(visit(desk.uma), desk.sealed)
    assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
    assert "Show the passphrase first" in response.content.decode()
    assert fresh(desk.sealed).passphrase_wrapped is not None


def test_confirming_destroys_it(desk: Desk, visit: Visitor) -> None:
    client = visit(desk.uma)
    show(client, desk.sealed)
    assert note(client, desk.sealed)["Location"] == page("token", desk.sealed.pk) + "#installed"
    token = fresh(desk.sealed)
    assert token.passphrase_wrapped is None
    assert token.acknowledged_at is not None


def test_afterwards_it_is_gone(desk: Desk, visit: Visitor) -> None:
    client = visit(desk.uma)
    show(client, desk.sealed)
    note(client, desk.sealed)
    events = AuditEvent.objects.count()
    for response in (
        client.get(page("passphrase", desk.sealed.pk)),
        show(client, desk.sealed),
        note(client, desk.sealed),
        note(client, desk.sealed, noted=""),
    ):
        assert response.status_code == HTTPStatus.GONE
        assert "The passphrase is gone" in response.content.decode()
        assert reverse("selfservice:forgotten-passphrase") in response.content.decode()
    assert AuditEvent.objects.count() == events


@pytest.mark.parametrize("came", [True, False], ids=["the file came", "no file came"])
def test_one_that_lapsed_leads_to_another_not_to_the_lock(desk: Desk, visit: Visitor, *, came: bool) -> None:
    if came:
        cast.delivered(desk.sealed.request)
    SoftwareToken.objects.filter(pk=desk.sealed.pk).update(passphrase_destroy_at=timezone.now())
    assert lapse.lapse_overdue() == 1
    response = visit(desk.uma).get(page("passphrase", desk.sealed.pk))
    assert response.status_code == HTTPStatus.GONE
    assert ("delete it" in response.text) is came
    assert "revoke these certificates" not in response.text
    assert page("ask-again", desk.sealed.request_id) in response.text


@pytest.mark.parametrize("delivery", [DeliveryState.QUEUED, DeliveryState.OFFERED, DeliveryState.BOUNCED])
def test_who_locks_it_before_a_file_came_has_none_to_delete(
    desk: Desk, visit: Visitor, delivery: DeliveryState
) -> None:
    SoftwareToken.objects.filter(pk=desk.sealed.pk).update(delivery=delivery)
    revoke.revoke_token(actor=desk.uma, token_id=desk.sealed.pk, reason=RevocationReason.UNSPECIFIED)
    text = visit(desk.uma).get(page("passphrase", desk.sealed.pk)).text
    assert "Its certificates are not in use any more." in text
    assert "delete it" not in text


def test_the_file_of_one_that_was_noted_is_not_to_be_deleted(desk: Desk, visit: Visitor) -> None:
    revoke.revoke_token(actor=desk.uma, token_id=desk.active.pk, reason=RevocationReason.UNSPECIFIED)
    text = visit(desk.uma).get(page("passphrase", desk.active.pk)).text
    assert "Its certificates are not in use any more." in text
    assert "delete it" not in text


def test_the_next_passphrase_of_the_request_follows(desk: Desk, visit: Visitor) -> None:
    ada, uma = desk.ada, desk.uma
    request = cast.issued(
        cast.accepted(cast.enabled(ada, uma, cast.token_type("one"), cast.token_type("two")))
    )
    first, second = request.tokens.order_by("sealed_at")
    client = visit(uma)
    show(client, first)
    assert note(client, first)["Location"] == page("passphrase", second.pk)


def test_nothing_is_told_of_a_token_that_is_being_made(desk: Desk, visit: Visitor) -> None:
    token = desk.token_of(desk.moving)
    assert token.state == TokenState.ISSUING
    assert show(visit(desk.uma), token).status_code == HTTPStatus.NOT_FOUND


def test_on_leave_nothing_is_shown(desk: Desk, visit: Visitor) -> None:
    client = visit(desk.uma)
    person = Person.objects.get(pk=desk.uma.pk)
    person.deactivate()
    person.save()
    assert show(client, desk.sealed).status_code == HTTPStatus.FOUND
    assert fresh(desk.sealed).passphrase_shown == 0
