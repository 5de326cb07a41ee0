"""A source that SCIM writes to, and a client of it."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from identity_manager.directory import configuration
from identity_manager.models import DirectorySource, Role
from identity_manager.people.api_access import scim_tokens
from tests.tools import cast

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
FIELDS = {
    "personnel_number": "externalId",
    "given_name": "name.givenName",
    "surname": "name.familyName",
    "email": "emails",
    "department": "enterprise:department",
    "manager": "enterprise:manager",
    "upn": "userName",
}


@pytest.fixture
def source(settings: Settings, db: None) -> DirectorySource:
    given = {"kind": "scim", "fields": FIELDS}
    settings.DIRECTORY_SOURCES = {"entra": configuration.parse("entra", given, secret="")}
    return DirectorySource.objects.create(name="entra")


@pytest.fixture
def token(source: DirectorySource) -> str:
    first, second = (cast.person(f"admin{each}", roles=(Role.SYSTEM_ADMINISTRATOR,)) for each in "12")
    row, secret = scim_tokens.make(actor=first, source="entra", name="Entra", days=30)
    scim_tokens.confirm(actor=second, token_id=row.pk)
    return secret


class ScimClient:
    """Speaks as identity providers do."""

    def __init__(self, token: str) -> None:
        self.client, self.token = Client(), token

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self.client.generic(
            method,
            f"/scim/entra/v2{path}",
            b"" if body is None else json.dumps(body),
            content_type="application/scim+json",
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )

    def user(self, user_name: str, /, **more: Any) -> dict[str, Any]:
        body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": user_name, **more}
        answer = self.send("POST", "/Users", body)
        assert answer.status_code == 201, answer.content
        return dict(answer.json())

    def group(self, name: str, *members: str) -> dict[str, Any]:
        body = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "displayName": name,
            "members": [{"value": each} for each in members],
        }
        answer = self.send("POST", "/Groups", body)
        assert answer.status_code == 201, answer.content
        return dict(answer.json())

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> HttpResponse:
        schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
        return self.send("PATCH", path, {"schemas": [schema], "Operations": list(operations)}, **headers)

    def read(self, path: str) -> dict[str, Any]:
        answer = self.send("GET", path)
        assert answer.status_code == 200, answer.content
        return dict(answer.json())


@pytest.fixture
def client(token: str) -> ScimClient:
    return ScimClient(token)
