"""The commands for an embedded CA: each leaves one event in the audit log, and only where it was done."""

from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.management import CommandError, call_command
from django.db import OperationalError

from ca_bridge.connection import registry
from ca_bridge.contract import RevocationReason
from ca_bridge.errors import CaError
from identity_manager import audit
from identity_manager.models import AuditEvent
from tests.ca_bridge.scripted import ScriptedConnector, issuing_ca, root_ca

pytestmark = pytest.mark.django_db
NEXT = "CN=Scripted issuing CA"


class RollingConnector(ScriptedConnector):
    """Remembers what it was told to do; without the root's key it refuses."""

    def __init__(self, options: Any) -> None:
        super().__init__(options)
        self.done: list[Any] = []

    def initialise(self) -> bool:
        return ("initialise",) not in self.done and bool(self._do("initialise"))

    def roll_issuing_ca(self, root_key: Path | None) -> bytes:
        return self._do("roll", root_key)

    def request_issuing_ca(self) -> bytes:
        self._do("request")
        name = issuing_ca().certificate.subject
        request = x509.CertificateSigningRequestBuilder().subject_name(name)
        return request.sign(issuing_ca().key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def accept_issuing_ca(self, pem: bytes) -> bytes:
        return self._do("accept", pem)

    def revoke_issuing_ca(self, name: str, reason: RevocationReason, root_key: Path | None) -> bytes:
        return self._do("revoke", name, reason, root_key)

    def sign_root_crl(self, lifetime: timedelta, root_key: Path | None) -> None:
        self._do("sign", lifetime, root_key)

    def take_root_offline(self, to: Path, lifetime: timedelta) -> None:
        self._do("take away", to, lifetime)

    def holds_signing_keys(self) -> bool:
        return True

    def renew_crl_if_due(self) -> bool:
        self.done.append("renew")
        return True

    def _do(self, *what: Any) -> bytes:
        if what[-1] == Path("wrong"):
            raise CaError("The root's key is not here.", permanent=True)
        self.done.append(what)
        return issuing_ca().der


@pytest.fixture
def ca(settings: Any) -> RollingConnector:
    path = f"{__name__}.RollingConnector"
    settings.CA_CONNECTORS = {"other": settings.CA_CONNECTORS["corporate"], "house": {"CONNECTOR": path}}
    found: Any = registry.connector("house")
    found.done.clear()
    return found


def command(*arguments: Any) -> str:
    said = StringIO()
    call_command(*map(str, arguments), "--ca", "house", stdout=said)
    return said.getvalue()


def events() -> list[tuple[str, dict[str, Any]]]:
    assert not AuditEvent.objects.exclude(actor=None, person=None).exists()
    return list(AuditEvent.objects.order_by("pk").values_list("name", "facts"))


def the_one(expected: str) -> dict[str, Any]:
    """The facts of the only event."""
    ((name, facts),) = events()
    assert (name, facts["ca"]) == (expected, "house")
    return facts


def test_a_new_ca_once(ca: RollingConnector) -> None:
    said = StringIO()
    call_command("init_embedded_ca", stdout=said)
    made = "CA house: made, "
    assert (*(line.startswith(made) for line in said.getvalue().splitlines()),) == (False, True)
    facts = the_one("ca.made")
    assert (facts["issuer"], facts["until"]) == (
        NEXT,
        issuing_ca().certificate.not_valid_after_utc.isoformat(),
    )
    assert ca.done == [("initialise",), "renew"]
    call_command("init_embedded_ca", stdout=said)
    assert "CA house: exists, " in said.getvalue()
    the_one("ca.made")


def test_a_new_issuing_ca(ca: RollingConnector) -> None:
    assert command("roll_issuing_ca").startswith(f"{NEXT} issues from now on, until 20")
    facts = the_one("ca.issuing-ca-rolled")
    serial = issuing_ca().certificate.serial_number
    assert (facts["issuer"], int(facts["serial"], 16)) == (NEXT, serial)
    assert facts["until"] == issuing_ca().certificate.not_valid_after_utc.isoformat()
    assert ca.done == [("roll", None), "renew"]


def test_a_new_issuing_ca_below_another_root(ca: RollingConnector, tmp_path: Path) -> None:
    assert f"a request for {NEXT}." in command("roll_issuing_ca", "--csr", tmp_path / "ca.csr")
    assert the_one("ca.issuing-ca-requested") == {"ca": "house"}
    AuditEvent.objects.all().delete()
    chain = tmp_path / "chain.pem"
    chain.write_bytes(root_ca().certificate.public_bytes(Encoding.PEM))
    command("roll_issuing_ca", "--chain", chain)
    assert the_one("ca.issuing-ca-rolled")["issuer"] == NEXT
    assert ca.done == [("request",), ("accept", chain.read_bytes()), "renew"]


def test_a_former_issuing_ca_is_revoked(ca: RollingConnector) -> None:
    said = command("revoke_issuing_ca", "house", "--reason", "superseded", "--root-key", "safe")
    assert said == f"{NEXT} is on the root's CRL.\n"
    facts = the_one("ca.issuing-ca-revoked")
    assert (facts["issuer"], facts["reason"]) == (NEXT, "superseded")
    assert ca.done == [("revoke", "house", RevocationReason.SUPERSEDED, Path("safe"))]


def test_the_roots_crl(ca: RollingConnector) -> None:
    command("sign_root_crl", "--root-key", "safe", "--days", 90)
    assert the_one("ca.root-crl-signed")["days"] == 90
    assert ca.done == [("sign", timedelta(days=90), Path("safe"))]


def test_the_roots_key_leaves_the_house(ca: RollingConnector) -> None:
    command("sign_root_crl", "--take-away", "safe")
    facts = the_one("ca.root-taken-offline")
    assert facts == {"ca": "house", "days": 365}, "where the key lies is nobody's to read here"
    assert ca.done == [("take away", Path("safe"), timedelta(days=365))]


def test_a_ca_without_a_passphrase_has_none_to_change(ca: RollingConnector) -> None:
    for step in (("--finish",), ("--to", "new")):
        with pytest.raises(CommandError, match="under no passphrase here"):
            command("change_ca_passphrase", *step)
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("roll_issuing_ca", "--root-key", "wrong"),
        ("revoke_issuing_ca", "house", "--root-key", "wrong"),
        ("sign_root_crl", "--root-key", "wrong"),
    ],
)
def test_what_was_not_done_is_not_in_the_log(ca: RollingConnector, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        command(*arguments)
    assert events() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("roll_issuing_ca",),
        ("roll_issuing_ca", "--csr", "request"),
        ("roll_issuing_ca", "--chain", __file__),
        ("revoke_issuing_ca", "house"),
        ("sign_root_crl", "--root-key", "safe"),
        ("sign_root_crl", "--take-away", "safe"),
    ],
    ids=lambda each: " ".join(map(str, each[:2])),
)
def test_nothing_is_done_while_it_could_not_be_recorded(
    ca: RollingConnector, monkeypatch: pytest.MonkeyPatch, arguments: tuple[Any, ...]
) -> None:
    """A CA is files, which no transaction takes back."""

    def refuse(_events: Any) -> None:
        raise OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(audit, "append", refuse)
    with pytest.raises(CommandError, match=r"takes no writes; nothing was done\. attempt to write"):
        command(*arguments)
    assert ca.done == []


def test_a_ca_elsewhere_is_not_rolled_from_here(ca: RollingConnector) -> None:
    with pytest.raises(CommandError, match="no such embedded CA"):
        call_command("roll_issuing_ca", "--ca", "nowhere")
