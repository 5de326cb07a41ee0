"""What is peculiar to CFSSL: its serial numbers, its order of names, doors that stand open, its database."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.cfssl import wire
from ca_bridge.connectors.cfssl.options import CfsslOptions
from ca_bridge.contract import Issued, Refused, RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.x509 import verification
from ca_bridge.x509.certificates import describe
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import Neighbour
from tests.ca_bridge.connectors.servers import cfssl as server

pytestmark = [pytest.mark.needs_program("cfssl"), pytest.mark.long]


@pytest.fixture
def arranged():
    return server.arranged


def rows(neighbour: Neighbour) -> dict[int, tuple[str, int]]:
    """What CFSSL's database says: serial number to status and reason."""
    folder = Path(neighbour.options["chain_file"]).parent
    with closing(sqlite3.connect(folder / "certificates.sqlite")) as database:
        found = database.execute("SELECT serial_number, status, reason FROM certificates")
        return {int(serial): (status, reason) for serial, status, reason in found}


def test_an_order_is_signed_once_only(cfssl, ordered):
    """The number is made from the order, and CFSSL's database takes it once."""
    connector, order, before = cfssl.make(), ordered(), len(rows(cfssl))
    first = connector.issue(order)
    assert describe(first.certificate).serial == wire.serial_of(order)
    assert connector.issue(order) == first == connector.find(order)
    assert len(rows(cfssl)) == before + 1
    assert wire.serial_of(replace(order, idempotency_key="another")) != wire.serial_of(order)


def test_a_subject_that_it_would_write_otherwise_is_refused_before(cfssl, ordered, content):
    connector, last = cfssl.make(), (*content.subject[1:], content.subject[0])
    for subject in (last, (*content.subject, ("organizationName", "Another"))):
        order = ordered()
        answer = connector.issue(replace(order, content=replace(order.content, subject=subject)))
        assert isinstance(answer, Refused)
        assert "organizationName, commonName, serialNumber" in answer.detail
        assert connector.find(order) is None


def test_the_reason_and_time_of_a_revocation_stay(cfssl, ordered):
    connector = cfssl.make()
    certificate = connector.issue(ordered()).certificate
    assert connector.revoke(certificate, RevocationReason.KEY_COMPROMISE) == RevocationOutcome.REVOKED
    assert connector.revoke(certificate, RevocationReason.SUPERSEDED) == RevocationOutcome.ALREADY_REVOKED
    assert rows(cfssl)[describe(certificate).serial] == ("revoked", 1)


def test_what_it_has_not_issued_is_not_revoked(cfssl, ordered, tmp_path):
    file, _key = TestCa("Another", tmp_path).identity("jane")
    der = x509.load_pem_x509_certificate(Path(file).read_bytes()).public_bytes(Encoding.DER)
    with pytest.raises(CaError) as fault:
        cfssl.make().revoke(der, RevocationReason.KEY_COMPROMISE)
    assert fault.value.permanent


def test_the_issuers_come_from_the_configuration(tmp_path, ordered):
    """CFSSL sends none: a CA below the root is given along, the root is not."""
    with server.cfssl(tmp_path, subordinate=True) as neighbour:
        connector, order = neighbour.make(), ordered()
        answer = connector.issue(order)
        assert answer.chain == tuple(connector.chain()[:1])
        assert describe(answer.chain[0]).subject == "CN=issuing"
        assert verification.faults(order, answer, connector.chain()) == ()
        assert connector.find(order) == answer
        assert connector.revoke(answer.certificate, RevocationReason.SUPERSEDED) == RevocationOutcome.REVOKED
        assert connector.health().ok


def test_a_longer_validity_than_ordered_is_its_own(cfssl, ordered):
    """It takes no end from us; the bridge compares (test_contract.py)."""
    order = ordered(not_after=ordered().not_before + timedelta(days=3))
    assert describe(cfssl.make().issue(order).certificate).not_after > order.not_after


def test_doors_that_stand_open_are_told(tmp_path, ordered):
    opened = {"default": server.PROFILE | {"auth_key": ""}, "open": server.PERSON | {"auth_key": ""}}
    with server.cfssl(tmp_path, profiles=opened, closed="") as neighbour:
        connector = neighbour.make(profiles=["person", "open"])
        health = connector.health()
        assert not health.ok
        for sentence in (
            "The default profile has no auth key",
            "The profile open has no auth key",
            "Its newcert signs for whoever reaches it",
        ):
            assert sentence in health.detail
        assert "person" not in health.detail
        answer = connector.issue(ordered(ca_profile="open"))
        assert isinstance(answer, Refused)
        assert answer.detail == wire.NO_KEY


def test_a_profile_with_numbers_of_its_own_is_noticed_and_its_certificate_revoked(tmp_path, ordered):
    own = {"person": {**server.PERSON, "ClientProvidesSerialNumbers": False}}
    default = {"default": server.PROFILE}
    with server.cfssl(tmp_path, profiles=own | default) as neighbour:
        answer = neighbour.make().issue(ordered())
        assert isinstance(answer, Refused)
        assert "ClientProvidesSerialNumbers" in answer.detail
        assert list(rows(neighbour).values()) == [("revoked", 4)]
        assert "also for unknown names" in neighbour.make().health().detail


def test_without_a_database_it_cannot_revoke(tmp_path, ordered):
    """And with a TLS client certificate before all of it."""
    folder = tmp_path / "clients"
    folder.mkdir()
    certificate, key = TestCa("Clients", folder).identity("identity-manager")
    asked = ("-mutual-tls-ca", str(folder / "ca.pem"))
    with server.cfssl(tmp_path, *asked, database=False) as neighbour:
        with pytest.raises(CaError) as fault:
            neighbour.make().health()
        assert not fault.value.permanent
        connector = neighbour.make(client_certificate_file=certificate, client_key_file=key)
        answer = connector.issue(ordered())
        assert isinstance(answer, Issued)
        outcome = connector.revoke(answer.certificate, RevocationReason.KEY_COMPROMISE)
        assert outcome == RevocationOutcome.UNSUPPORTED
        assert "It has no database" in connector.health().detail
        with pytest.raises(CaError) as fault:
            connector.find(ordered())
        assert not fault.value.permanent


def test_a_ca_certificate_of_somebody_else_is_noticed(cfssl, tmp_path):
    TestCa("Another", tmp_path)
    health = cfssl.make(chain_file=str(tmp_path / "ca.pem")).health()
    assert not health.ok
    assert "info" in health.detail


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"success": true, "result": {"certificate": "x"}}', b'{"success": false}']
)
def test_an_answer_that_is_none_leaves_doubt(body):
    with pytest.raises(InDoubtError):
        wire.certificate_of(Reply(200, {}, body, in_doubt=True), "certificate")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"profiles": []}, "profiles must be a list"),
        ({"profiles": "person"}, "profiles must be a list"),
        ({"auth_key_file": "/nowhere"}, "auth_key_file: /nowhere cannot be read"),
    ],
)
def test_options_say_what_is_wrong(cfssl, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        CfsslOptions(**{**cfssl.options, **changes})


def test_a_key_that_is_none_is_told(cfssl, ordered, tmp_path):
    (tmp_path / "key").write_text("no hexadecimal", encoding="ascii")
    with pytest.raises(CaError) as fault:
        cfssl.make(auth_key_file=str(tmp_path / "key")).issue(ordered())
    assert (fault.value.permanent, "hexadecimal" in fault.value.detail) == (False, True)


def test_the_profiles_are_those_of_the_option(cfssl):
    assert cfssl.make().profiles() == ["person"]
