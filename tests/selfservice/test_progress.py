"""Three lines that fill, by htmx or by reloading; and what they say when it takes long or fails."""

import re
from datetime import timedelta
from http import HTTPStatus

import pytest
from django.utils import timezone

from identity_manager.models import Certificate, TokenRequest
from selfservice.progress import page as progress
from tests.selfservice.conftest import Desk, Visitor, page
from tests.tools import cast


def counts(request: TokenRequest) -> list[tuple[str, int, int]]:
    found = progress.of(TokenRequest.objects.get(pk=request.pk), now=timezone.now())
    return [(line.state.value, line.done, line.total) for line in found.lines]


def test_the_lines_fill(desk: Desk) -> None:
    assert counts(desk.moving) == [("now", 0, 1), ("next", 0, 1), ("next", 0, 1)]
    cast.issued(desk.moving)
    assert counts(desk.moving) == [("done", 1, 1), ("done", 1, 1), ("done", 1, 1)]


def test_nothing_is_done_before_the_acceptance(desk: Desk, visit: Visitor) -> None:
    assert counts(desk.waiting) == [("next", 0, 0), ("next", 0, 0), ("next", 0, 1)]
    text = visit(desk.uma).get(page("progress", desk.waiting.pk)).content.decode()
    assert "0 / 0" not in text
    assert "means-done" not in text


def test_the_page_moves_by_itself_and_without_scripts(desk: Desk, visit: Visitor) -> None:
    text = visit(desk.uma).get(page("progress", desk.moving.pk)).content.decode()
    assert f'hx-get="{page("progress-lines", desk.moving.pk)}"' in text
    assert re.search(r'<noscript>\s*<meta http-equiv="refresh"', text)


def test_it_leads_to_the_passphrase(desk: Desk, visit: Visitor) -> None:
    cast.issued(desk.moving)
    target = page("passphrase", desk.token_of(desk.moving).pk)
    client = visit(desk.uma)
    assert client.get(page("progress", desk.moving.pk))["Location"] == target
    assert client.get(page("progress-lines", desk.moving.pk))["HX-Redirect"] == target


def test_it_stops_when_there_is_nothing_to_wait_for(desk: Desk, visit: Visitor) -> None:
    request = desk.active.request
    response = visit(desk.uma).get(page("progress-lines", request.pk))
    assert response.status_code == HTTPStatus.OK
    assert "hx-trigger" not in response.content.decode()


@pytest.mark.parametrize("keys", [0, 1])
def test_a_slow_ca(desk: Desk, visit: Visitor, keys: int) -> None:
    if keys:
        Certificate.objects.filter(token__request=desk.moving).update(public_key_sha256="0" * 64)
    TokenRequest.objects.filter(pk=desk.moving.pk).update(accepted_at=timezone.now() - timedelta(minutes=1))
    text = visit(desk.uma).get(page("progress-lines", desk.moving.pk)).content.decode()
    assert ("The CA has not answered yet" in text) is bool(keys)
    assert "we will write to you" in text
    assert "hx-trigger" in text


def test_a_failed_request(desk: Desk, visit: Visitor) -> None:
    cast.failed(desk.moving)
    text = visit(desk.uma).get(page("progress", desk.moving.pk)).content.decode()
    assert "It could not be issued" in text
    assert "hx-trigger" not in text
    assert "http-equiv" not in text
