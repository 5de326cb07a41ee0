"""What supervisors ask."""

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from identity_manager.config.observability import health


def test_it_lives_without_a_database(client: Client) -> None:
    response = client.get("/health/live")
    assert (response.status_code, response.content) == (200, b"alive\n")
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.database
def test_it_is_ready_when_every_migration_is_applied(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get("/health/ready").status_code == 200

    latest = MigrationLoader(connection).graph.leaf_nodes("identity_manager")[0]
    MigrationRecorder(connection).record_unapplied(*latest)

    response = client.get("/health/ready")
    assert (response.status_code, response.content) == (503, b"not ready\n")
    assert "migrations are missing" in caplog.text


@pytest.mark.django_db
@pytest.mark.database
def test_it_is_not_ready_where_nothing_can_be_written(
    postgresql_only: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """As at a server that has become a standby."""
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    assert client.get("/health/ready").status_code == 503
    assert "the database takes no writes" in caplog.text


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_it_is_not_ready_without_a_database(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[Exception],
) -> None:
    """Strangers are told no more than that; the log has the reason."""

    def silent(*_: object) -> None:
        raise error

    monkeypatch.setattr(health, "MigrationRecorder", silent)
    response = client.get("/health/ready")
    assert (response.status_code, response.content) == (503, b"not ready\n")
    assert "the database does not answer" in caplog.text


def test_probes_come_by_any_address_and_with_any_cookie(client: Client, settings: Settings) -> None:
    """No database is at hand here: a session is not looked for."""
    settings.SECURE_SSL_REDIRECT = True
    client.cookies[settings.SESSION_COOKIE_NAME] = "somebody"
    assert client.get("/health/live", headers={"host": "10.42.0.7:8000"}).status_code == 200
    assert client.get("/elsewhere", headers={"host": "10.42.0.7:8000"}).status_code == 400


def test_it_only_answers_questions(client: Client) -> None:
    assert client.post("/health/live").status_code == 405
