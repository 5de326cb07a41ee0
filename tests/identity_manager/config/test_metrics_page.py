"""Who may read /metrics."""

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from identity_manager.metrics import scraping

TOKEN = "a-token-for-the-tests-alone"

pytestmark = pytest.mark.django_db


def read(client: Client, **headers: str) -> tuple[int, bytes]:
    response = client.get("/metrics", headers=headers)
    return response.status_code, response.content


def test_nobody_reads_it_in_production_without_a_token(client: Client, settings: Settings) -> None:
    settings.EMBEDDED = False
    assert read(client) == (404, b"not found\n")
    assert read(client, authorization="Bearer ") == (404, b"not found\n")


@pytest.mark.parametrize("embedded", [True, False])
def test_with_the_token_alone(client: Client, settings: Settings, *, embedded: bool) -> None:
    settings.EMBEDDED, settings.METRICS_TOKEN = embedded, TOKEN
    for wrong in ("", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer ü"):
        assert read(client, authorization=wrong) == (401, b"a token is needed\n")
    status, text = read(client, authorization=f"Bearer {TOKEN}", host="10.42.0.7:8000")
    assert status == 200
    assert b"identity_manager_requests{" in text


def test_this_machine_reads_it_in_the_embedded_mode(client: Client) -> None:
    """By its own name: a page of another site that has its name lead here is refused."""
    assert read(client)[0] == 200
    assert read(client, host="elsewhere.example")[0] == 400


def test_it_says_so_when_the_database_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_accept: str) -> None:
        raise OperationalError

    monkeypatch.setattr(scraping, "exposition", silent)
    assert read(client) == (503, b"the database does not answer\n")


def test_nobody_posts_to_it(client: Client) -> None:
    assert client.post("/metrics").status_code == 405
