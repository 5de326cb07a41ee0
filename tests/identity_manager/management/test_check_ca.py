"""manage.py check_ca: what it says of a CA, its status, and the test certificate that it leaves nowhere."""

import socket
from io import StringIO
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.management import CommandError, call_command
from django.utils import timezone

from ca_bridge.connection import registry, self_test
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.contract import Pending, Refused, RevocationOutcome
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from tests.ca_bridge.scripted import Issuance, ScriptedConnector, answers, fails, issued, issuing_ca

pytestmark = pytest.mark.django_db


@pytest.fixture
def scripted(settings: Any) -> ScriptedConnector:
    settings.CA_CONNECTORS = {"test": {"CONNECTOR": "tests.ca_bridge.scripted.ScriptedConnector"}}
    instance: Any = registry.connector("test")
    instance.script.clear()
    instance.revoked.clear()
    instance.outcome = RevocationOutcome.REVOKED
    return instance


def check(*arguments: str) -> str:
    out = StringIO()
    call_command("check_ca", *arguments, stdout=out)
    return out.getvalue()


def fault(*arguments: str) -> tuple[int, str]:
    """The status and everything that was said."""
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("check_ca", *arguments, stdout=out)
    return error.value.returncode, f"{out.getvalue()}{error.value}"


@pytest.mark.database
def test_the_embedded_ca_issues_and_revokes() -> None:
    said = check("corporate", "--issue", "person", "--email", "test@example.com")
    assert "corporate answers (" in said
    assert "It issued a test certificate: serial " in said
    assert "It revoked the test certificate." in said
    row = IssuedCertificate.objects.get()
    assert row.revoked_at is not None
    assert not CaOrder.objects.exists()


def test_what_is_no_address_is_refused_before_the_ca_is_asked(scripted: ScriptedConnector) -> None:
    status, said = fault("test", "--issue", "person", "--email", "nonsense")
    assert status == 2
    assert "'nonsense' cannot stand in a certificate as e-mail." in said


def test_health_alone_issues_nothing(scripted: ScriptedConnector) -> None:
    said = check("test")
    assert "test answers" in said
    assert "Limit: It knows no hold" in said
    assert scripted.calls == []


def test_who_does_not_answer_has_the_fault_named(settings: Any, tmp_path: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    chain = tmp_path / "chain.pem"
    chain.write_bytes(issuing_ca().certificate.public_bytes(Encoding.PEM))
    token = tmp_path / "token"
    token.write_text("a-secret-token")
    options = {
        "url": f"http://127.0.0.1:{port}",
        "chain_file": str(chain),
        "mount": "pki",
        "token_file": str(token),
    }
    vault = "ca_bridge.connectors.vault.connector.VaultConnector"
    settings.CA_CONNECTORS = {"vault": {"CONNECTOR": vault, "OPTIONS": options}}
    status, said = fault("vault", "--issue", "person")
    assert status == 1
    assert "Nothing listens there" in said
    assert "a-secret-token" not in said


def test_an_alias_that_is_not_there_and_one_that_is_configured_wrongly(settings: Any) -> None:
    settings.CA_CONNECTORS = {"broken": {"CONNECTOR": "no.such.Connector"}}
    assert fault("nobody")[0] == 2
    status, said = fault("broken")
    assert status == 2
    assert "dotted path" in said


def test_what_was_refused_names_the_profile(scripted: ScriptedConnector) -> None:
    scripted.script.append(
        answers(Refused("The certificate authority refused the request.", "HTTP 400: unknown role: x"))
    )
    status, said = fault("test", "--issue", "x")
    assert status == 1
    assert "It does not know the profile" in said
    assert "unknown role: x" in said


def test_a_ca_that_cannot_revoke_leaves_work(scripted: ScriptedConnector) -> None:
    scripted.script.append(issued())
    scripted.outcome = RevocationOutcome.UNSUPPORTED
    said = check("test", "--issue", "person")
    assert "To do: Revoke the test certificate at the CA by hand: serial" in said


def test_what_is_not_as_asked_is_said_and_revoked_all_the_same(scripted: ScriptedConnector) -> None:
    scripted.script.append(issued(Issuance(drop=("2.5.29.37",))))
    status, said = fault("test", "--issue", "person")
    assert status == 1
    assert "the extended key usage is not as ordered" in said
    assert "It revoked the test certificate." in said
    assert len(scripted.revoked) == 1


@pytest.mark.parametrize(
    ("step", "words", "status"),
    [
        (answers(Pending("17", timezone.now())), "decides later", 0),
        (fails(TimeoutError("read")), "Nobody knows whether it has issued. It did not answer in time", 1),
        (fails(CaError("No.", "HTTP 403 nothing for you")), "It does not take our credentials", 1),
    ],
)
def test_what_else_may_come(scripted: ScriptedConnector, step: Any, words: str, status: int) -> None:
    scripted.script.append(step)
    found, said = fault("test", "--issue", "p") if status else (0, check("test", "--issue", "p"))
    assert found == status
    assert words in said
    assert "HTTP 403" in said or self_test.COMMON_NAME in said
