"""What supervisors ask."""

import pytest
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from identity_manager.config import health


def test_it_lives_without_a_database(client: Client) -> None:
    response = client.get("/health/live")
    assert (response.status_code, response.content) == (200, b"alive\n")
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
@pytest.mark.database
def test_it_is_ready_when_every_migration_is_applied(client: Client) -> None:
    assert client.get("/health/ready").status_code == 200

    latest = MigrationLoader(connection).graph.leaf_nodes("identity_manager")[0]
    MigrationRecorder(connection).record_unapplied(*latest)

    response = client.get("/health/ready")
    assert (response.status_code, response.content) == (503, b"migrations are missing\n")


def test_it_is_not_ready_without_a_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object) -> None:
        raise OperationalError

    monkeypatch.setattr(health, "MigrationExecutor", silent)
    response = client.get("/health/ready")
    assert (response.status_code, response.content) == (503, b"the database does not answer\n")


def test_it_only_answers_questions(client: Client) -> None:
    assert client.post("/health/live").status_code == 405
