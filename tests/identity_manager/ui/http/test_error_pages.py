"""Error pages: the status, the words, no traceback and no database."""

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import RequestFactory
from django.urls import reverse

from identity_manager.models import Looks, Role
from identity_manager.queries import looks
from identity_manager.ui.http import error_pages
from tests.tools import cast


@pytest.fixture
def visit():
    return RequestFactory().get("/somewhere/")


@pytest.mark.parametrize(
    ("draw", "status", "words"),
    [
        (lambda r: error_pages.bad_request(r, ValueError()), 400, "We could not read that"),
        (lambda r: error_pages.permission_denied(r, PermissionDenied()), 403, "This is not open to you"),
        (lambda r: error_pages.csrf_failure(r, "token"), 403, "This form is too old"),
        (lambda r: error_pages.not_found(r, Http404()), 404, "There is no such page"),
        (lambda r: error_pages.only_by_a_button(r, "POST"), 405, "This address is no page"),
        (error_pages.gone, 410, "This is gone"),
        (error_pages.too_many_requests, 429, "Too many tries"),
        (error_pages.server_error, 500, "Something broke on our side"),
        (lambda r: error_pages.unavailable(r, 60), 503, "Not available at the moment"),
    ],
)
def test_an_error_page_says_what_happened(visit, draw, status, words):
    response = draw(visit)
    assert response.status_code == status
    assert f"<h1>{words}</h1>" in response.content.decode()


def test_a_named_refusal_is_told(visit):
    response = error_pages.permission_denied(visit, PermissionDenied("Who asks may not approve."))
    assert "Who asks may not approve." in response.content.decode()


@pytest.mark.django_db
def test_a_refused_officer_is_led_home_whatever_the_company_calls_its_portals(visit, settings, monkeypatch):
    monkeypatch.setattr(looks, "in_force", lambda: Looks(number=1, name="Contoso Trust"))
    reverse("console:start")  # the addresses are read now, so no later test lacks those of a portal
    settings.PORTALS = ["selfservice"]
    visit.person = cast.person("ada", roles=(Role.TOKEN_ADMINISTRATOR,))
    drawn = error_pages.permission_denied(visit, PermissionDenied()).content.decode()
    assert f'href="{settings.CONSOLE_BASE_URL}/"' in drawn
    assert "Go to Contoso Trust<" in drawn


@pytest.mark.django_db
def test_a_refused_person_is_led_to_self_service_by_the_name_it_has(visit, monkeypatch):
    monkeypatch.setattr(looks, "in_force", lambda: Looks(number=1, name="Contoso Trust"))
    visit.person = cast.person("uma")
    drawn = error_pages.permission_denied(visit, PermissionDenied()).content.decode()
    assert "Go to Contoso Trust Self-Service<" in drawn


def test_what_is_gone_says_what_became_of_it(visit):
    drawn = error_pages.gone(visit, "You have noted this passphrase, so it was destroyed.").content.decode()
    assert "so it was destroyed" in drawn
    assert "Nobody can bring it back" not in drawn


def test_too_many_tries_says_how_long(visit):
    assert error_pages.too_many_requests(visit, 300)["Retry-After"] == "300"


def test_a_missing_object_and_a_missing_page_look_alike(visit):
    missing = without_token(error_pages.not_found(visit, Http404("No TokenRequest matches the given query.")))
    assert "TokenRequest" not in missing
    assert missing == without_token(error_pages.not_found(visit, Http404()))


def without_token(response):
    """The CSRF token is masked anew each time."""
    return re.sub(r"[A-Za-z0-9]{64}", "", response.content.decode())
