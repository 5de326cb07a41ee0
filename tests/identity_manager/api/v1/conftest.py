"""A confirmed client of the REST API, and what it calls with."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from identity_manager.models import ApiClient, ApiScope, Role
from identity_manager.people.api_access import api_clients
from tests.tools import cast

ALL = tuple(ApiScope.values)


class Caller:
    """Calls as one client does."""

    def __init__(self, row: ApiClient, secret: str) -> None:
        self.row, self.secret, self.browser = row, secret, Client(raise_request_exception=False)

    def get(self, path: str, **query: str) -> HttpResponse:
        headers = {"Authorization": f"Bearer {self.secret}"}
        return self.browser.get(f"/api/v1{path}", query, headers=headers)

    def read(self, path: str, **query: str) -> dict[str, Any]:
        answer = self.get(path, **query)
        assert answer.status_code == 200, answer.content
        return dict(json.loads(answer.content))

    def post(self, path: str, body: Any = None, *, key: str = "", **headers: str) -> HttpResponse:
        known = {"Authorization": f"Bearer {self.secret}", "Idempotency-Key": key or uuid.uuid4().hex}
        content = b"" if body is None else json.dumps(body)
        return self.browser.post(
            f"/api/v1{path}", content, content_type="application/json", headers={**known, **headers}
        )


def problem_of(answer: HttpResponse) -> tuple[int, str]:
    """Status and code of a problem; the answer has its form."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    body = json.loads(answer.content)
    assert body["status"] == answer.status_code
    assert body["detail"]
    return answer.status_code, body["code"]


def make_client(*, scopes: tuple[str, ...] = ALL, units: tuple[str, ...] = (), name: str = "HR") -> Caller:
    """A client that two System Administrators, named after it, have made."""
    first, second = (cast.person(f"{name}{each}", roles=(Role.SYSTEM_ADMINISTRATOR,)) for each in "12")
    wanted = api_clients.ApiClientInput(name=name, days=30, scopes=scopes, units=units)
    row, secret = api_clients.make(actor=first, wanted=wanted)
    return Caller(api_clients.confirm(actor=second, client_id=row.pk), secret)


@pytest.fixture
def caller(db: None) -> Caller:
    return make_client()


@pytest.fixture
def callers(db: None) -> Callable[..., Caller]:
    return make_client
