"""While the installation is worked on, or its database is away: a page says so, and when to come back."""

import pytest
from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

WORDS = "<h1>Not available at the moment</h1>"
SOMEBODY = "a" * 32


@pytest.fixture
def visitor(settings: Settings) -> Client:
    """Somebody with a session, which a page looks for in the database."""
    client = Client(raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE_NAME] = SOMEBODY
    return client


def silent(*_: object) -> None:
    raise OperationalError


def is_unavailable(response: HttpResponse, *, wait_seconds: int) -> bool:
    told = WORDS in response.content.decode() and "Content-Security-Policy" in response
    return told and (response.status_code, response["Retry-After"]) == (503, str(wait_seconds))


@pytest.mark.parametrize("address", ["/", "/search/", "/my/", "/account/login/", "/nowhere/"])
def test_maintenance_closes_every_page(visitor: Client, settings: Settings, address: str) -> None:
    """No database is at hand here: none is needed for it."""
    settings.MAINTENANCE = True
    response = visitor.get(address)
    assert is_unavailable(response, wait_seconds=300)
    assert response["Cache-Control"] == "no-store"
    assert f'href="{address}"' in response.content.decode()
    assert is_unavailable(visitor.post(address), wait_seconds=300)


def test_maintenance_speaks_the_language_of_the_browser(visitor: Client, settings: Settings) -> None:
    settings.MAINTENANCE = True
    drawn = visitor.get("/my/", headers={"accept-language": "de"}).content.decode()
    assert '<html lang="de"' in drawn
    assert "<h1>Zurzeit nicht erreichbar</h1>" in drawn


@pytest.mark.django_db
def test_maintenance_leaves_machines_and_files_alone(client: Client, settings: Settings) -> None:
    settings.MAINTENANCE = settings.WHITENOISE_USE_FINDERS = True
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 200
    assert client.get("/pki/nothing.crl").status_code == 404
    assert client.get("/static/ui/base.css").status_code == 200


def test_a_database_that_is_away_is_no_fault_of_ours(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", silent)
    assert is_unavailable(visitor.get("/my/"), wait_seconds=60)


@pytest.mark.django_db
def test_a_fault_is_a_fault_unless_an_upgrade_is_under_way(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", silent)
    monkeypatch.setattr("django.contrib.sessions.backends.cached_db.SessionStore.load", silent)
    assert visitor.get("/my/").status_code == 500

    latest = MigrationLoader(connection).graph.leaf_nodes("identity_manager")[0]
    MigrationRecorder(connection).record_unapplied(*latest)
    assert is_unavailable(visitor.get("/my/"), wait_seconds=60)
