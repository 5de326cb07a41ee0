"""The OpenAPI document says exactly what the API does: schemathesis, a validator and a generated client."""

import importlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from openapi_spec_validator import validate

from identity_manager.api.v1.schemas import RequestIn
from identity_manager.models import ApprovalPolicy, Role, TokenRequest
from tests.identity_manager.api.v1.conftest import Caller
from tests.tools import cast

pytestmark = [pytest.mark.django_db]
SECRETS = ("secret", "passphrase", "password", "private", "wrapped", "digest", "pin", "p12", "container")
HIDDEN = {"container_format"}  # how a file is to be sent again, and none of its content
# Refusals that no schema tells before: another scope, no such row, a state, a cursor, a used key.
REFUSED = {200, 201, 403, 404, 409, 412, 422, 429}


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Client().get("/api/v1/openapi.json").content)
    return found


def test_the_document_is_valid_and_names_every_error() -> None:
    found = document()
    validate(found)  # type: ignore[arg-type]  # a mapping
    assert found["openapi"] == "3.1.0"
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            assert {"400", "401", "403", "422", "429", "500"} <= set(operation["responses"]), (path, method)
            assert operation["security"], (path, method)


def test_no_answer_has_a_field_named_like_a_secret() -> None:
    named = [
        (name, field)
        for name, schema in document()["components"]["schemas"].items()
        for field in schema.get("properties", {})
        if field not in HIDDEN and any(secret in field.split("_") for secret in SECRETS)
    ]
    assert not named


def test_nothing_approves_confirms_recovers_or_gives_roles() -> None:
    verbs = [path for path, methods in document()["paths"].items() if "post" in methods]
    words = ("approv", "reject", "confirm", "recover", "role", "passphrase", "decide")
    assert not [path for path in verbs if any(word in path for word in words)]


@pytest.fixture
def described() -> Iterator[dict[str, Any]]:
    """The document; whoever reads on by WSGI ends requests, which would close the connection of the test.

    Django's own test client connects the signals again, so it comes first.
    """
    found = document()
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield found
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.long
@pytest.mark.parametrize("examples", [5, pytest.param(25, marks=pytest.mark.nightly)])
@pytest.mark.usefixtures("described")
def test_schemathesis_finds_nothing(caller: Caller, monkeypatch: pytest.MonkeyPatch, examples: int) -> None:
    import schemathesis
    from schemathesis import GenerationMode

    monkeypatch.setattr("identity_manager.people.api_access.api_clients.MOST_CALLS", 1_000_000)
    _some_rows()
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", WSGIHandler())
    schema.config.checks.positive_data_acceptance.expected_statuses = sorted(map(str, REFUSED))
    headers = {"Authorization": f"Bearer {caller.secret}"}
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        for found in schema.get_all_operations():
            strategy = found.ok().as_strategy(generation_mode=mode)

            @settings(
                max_examples=examples,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=strategy)
            def check(case: Any) -> None:
                case.call_and_validate(headers=headers)

            check()


@pytest.mark.nightly
@pytest.mark.usefixtures("described")
def test_schemathesis_follows_the_links_and_finds_nothing(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Operations one after the other, on what the one before has made: as a program uses them."""
    import schemathesis
    from schemathesis.config import SchemathesisConfig

    monkeypatch.setattr("identity_manager.people.api_access.api_clients.MOST_CALLS", 1_000_000)
    _some_rows()
    # By the scheme and not as a header: the check of authentication leaves that out.
    config = SchemathesisConfig.from_dict({"auth": {"openapi": {"Bearer": {"bearer": caller.secret}}}})
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", WSGIHandler(), config=config)
    schema.config.checks.positive_data_acceptance.expected_statuses = sorted(map(str, REFUSED))
    people = [str(cast.person(f"p{number}", sid="").pk) for number in range(8)]
    waiting = list[str]()
    followed: Counter[tuple[str, int]] = Counter()

    @schema.hook
    def map_body(context: Any, body: Any) -> Any:
        """No schema says who is there: what is valid asks for somebody who is."""
        if context.operation.definition.raw["operationId"] != "createRequest":
            return body
        try:
            RequestIn.model_validate_json(json.dumps(body))
        except (TypeError, ValueError):
            return body
        return {**body, "person": waiting.pop() if waiting else people[0], "types": ["vpn"]}

    class Machine(schema.as_state_machine()):  # type: ignore[misc]  # made of the document
        def setup(self) -> None:
            """Each walk begins with the same rows: hypothesis repeats some, step by step."""
            waiting[:] = people
            self.rows = transaction.atomic()
            self.rows.__enter__()

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self.rows.__exit__(None, None, None)

        def after_call(self, response: Any, case: Any) -> None:
            followed[case.operation.definition.raw["operationId"], response.status_code] += 1

    Machine.run(
        settings=settings(
            max_examples=200,
            stateful_step_count=8,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
    )
    reached = {operation for operation, status in followed if status < 300}
    assert {"createRequest", "getRequest", "cancelRequest", "getToken"} <= reached, followed


def _some_rows() -> TokenRequest:
    kind, uma = cast.token_type("vpn", approval=ApprovalPolicy.ALWAYS), cast.person("uma")
    return cast.enabled(cast.person("ada", roles=(Role.TOKEN_ADMINISTRATOR,)), uma, kind)


@pytest.mark.long
def test_a_generated_client_asks_and_reads_the_delivery(
    caller: Caller, described: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(described))
    program = Path(sys.executable).with_name("openapi-python-client")
    command = [
        program,
        "generate",
        "--path",
        "openapi.json",
        "--meta",
        "none",
        "--output-path",
        "generated_api",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    monkeypatch.syspath_prepend(str(tmp_path))
    generated = importlib.import_module("generated_api")
    ask = importlib.import_module("generated_api.api.requests.create_request")
    read = importlib.import_module("generated_api.api.requests.get_request")
    models = importlib.import_module("generated_api.models")

    client = generated.AuthenticatedClient(base_url="http://testserver", token=caller.secret)
    transport = httpx.WSGITransport(app=WSGIHandler())
    client.set_httpx_client(
        httpx.Client(
            base_url="http://testserver",
            transport=transport,
            headers={"Authorization": f"Bearer {caller.secret}"},
        )
    )
    kind, uma = cast.token_type("vpn", approval=ApprovalPolicy.ALWAYS), cast.person("uma")
    body = models.RequestIn(person=uma.pk, types=[kind.code])
    answer = ask.sync_detailed(client=client, body=body, idempotency_key="first")
    assert answer.status_code == 201
    assert answer.parsed.state == "requested"
    cast.approved(cast.person("paul", roles=(Role.APPROVER,)), TokenRequest.objects.get(pk=answer.parsed.id))
    delivered = cast.delivered(cast.issued(cast.accepted(TokenRequest.objects.get(pk=answer.parsed.id))))
    found = read.sync_detailed(delivered.pk, client=client).parsed
    assert found.tokens[0].delivered_at is not None
    again = ask.sync_detailed(client=client, body=body, idempotency_key="second")
    assert again.status_code == 422
    assert isinstance(again.parsed, models.Problem)
