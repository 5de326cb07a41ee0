"""What is peculiar to step-ca: tokens that count once, X5C, provisioners, and what its options must say."""

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.step_ca import wire
from ca_bridge.connectors.step_ca.options import StepCaOptions
from ca_bridge.contract import Issued, Refused, RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.x509 import verification
from tests.ca_bridge.connectors.issuers import TestCa

pytestmark = [
    pytest.mark.needs_program("go", "dpkg-query"),
    pytest.mark.nightly,  # it is compiled first
    pytest.mark.xdist_group("step_ca"),
]

STEP_PROVISIONER = x509.ObjectIdentifier("1.3.6.1.4.1.37476.9000.64.1")


@pytest.fixture
def ca(step_ca_running):
    return step_ca_running[0]


def signed(ca: TestCa, **options) -> dict[str, str]:
    """The options of an X5C provisioner, with an officer of this CA."""
    certificate, key = ca.identity("officer", signs=True)
    return {"certificate_file": certificate, "key_file": key, "provisioner": "signed", **options}


def test_a_token_counts_once(step_ca, ordered):
    """Which is why a lost answer, and each other try, has a new one."""
    options = step_ca.make().options
    body = wire.sign_request(options, ordered())
    first, second = (Http(options).call("POST", wire.SIGN, data=body).status for _each in range(2))
    assert (first, second) == (201, 401)


def test_a_test_of_the_connection_is_refused_for_its_name_alone(step_ca):
    options = step_ca.make().options
    reply = Http(options).call("POST", wire.SIGN, data=wire.probe(options))
    assert reply.status == 403
    assert "valid common name" in wire.said(reply)


def test_the_provisioner_is_named_in_the_certificate(step_ca, ordered):
    """What is not asked for, and does no harm."""
    certificate = x509.load_der_x509_certificate(step_ca.make().issue(ordered()).certificate)
    extension = certificate.extensions.get_extension_for_oid(STEP_PROVISIONER)
    assert b"person" in extension.value.value
    assert not extension.critical


def test_an_end_that_the_provisioner_does_not_allow(step_ca, ordered):
    answer = step_ca.make().issue(ordered(not_after=ordered().not_before + timedelta(days=400)))
    assert isinstance(answer, Refused)
    assert "more than the authorized maximum" in answer.detail


def test_certificates_sign_tokens_too(step_ca, ca, ordered):
    connector = step_ca.make(**signed(ca))
    order = ordered(ca_profile="signed", not_after=ordered().not_before + timedelta(days=30))
    answer = connector.issue(order)
    assert verification.faults(order, answer, connector.chain()) == ()
    assert connector.revoke(answer.certificate, RevocationReason.SUPERSEDED) == RevocationOutcome.REVOKED
    assert connector.health().ok


def test_nothing_outlives_the_certificate_that_signs_the_token(step_ca, ca, ordered):
    order = ordered(ca_profile="signed", not_after=ordered().not_before + timedelta(days=366))
    answer = step_ca.make(**signed(ca)).issue(order)
    assert isinstance(answer, Refused)
    assert "expiration of the provisioning credential" in answer.detail


def test_an_officer_of_another_ca_is_not_taken(step_ca, tmp_path, ordered):
    stranger = step_ca.make(**signed(TestCa("Strange CA", tmp_path)))
    with pytest.raises(CaError) as fault:
        stranger.issue(ordered(ca_profile="signed"))
    assert not fault.value.permanent
    assert not stranger.health().ok


@pytest.mark.parametrize("changes", [{"audience": "https://another.example.com"}, {"key_id": "another"}])
def test_tokens_for_somebody_else_are_not_taken(step_ca, ordered, changes):
    with pytest.raises(CaError) as fault:
        step_ca.make(**changes).issue(ordered())
    assert not fault.value.permanent


def test_a_provisioner_is_looked_for_on_every_page(step_ca, ordered, monkeypatch):
    pages = {
        "": {"provisioners": [{"name": "one"}], "nextCursor": "a/b"},
        "a%2Fb": {"provisioners": [{"name": "person"}]},
    }

    def call(_self, method, path, **_options):
        if method == "POST":
            return Reply(401, {}, b'{"message": "no"}', in_doubt=True)
        return Reply(200, {}, json.dumps(pages[path.rpartition("=")[2]]).encode(), in_doubt=False)

    monkeypatch.setattr(Http, "call", call)
    with pytest.raises(CaError, match="credentials"):
        step_ca.make().issue(ordered())
    assert isinstance(step_ca.make().issue(ordered(ca_profile="two")), Refused)


def test_the_provisioners_of_our_key_are_its_profiles(step_ca, ca):
    assert set(step_ca.make().profiles()) == {"person", "officer"}
    assert step_ca.make(**signed(ca)).profiles() == ["signed"]
    assert step_ca.make(key_id="another").profiles() == []


def test_provisioners_are_listed_from_every_page(step_ca, monkeypatch):
    key = {"kid": "ours"}
    pages = {
        "": {"provisioners": [{"type": "JWK", "name": "one", "key": key}], "nextCursor": "2"},
        "2": {"provisioners": [{"type": "ACME", "name": "acme"}, {"type": "JWK", "name": "two", "key": key}]},
    }

    def call(_self, _method, path, **_options):
        return Reply(200, {}, json.dumps(pages[path.rpartition("=")[2]]).encode(), in_doubt=False)

    monkeypatch.setattr(Http, "call", call)
    assert step_ca.make(key_id="ours").profiles() == ["one", "two"]


def test_a_revocation_says_which_and_why(step_ca, ordered, monkeypatch):
    connector, said = step_ca.make(), {}
    certificate = connector.issue(ordered()).certificate
    call = Http.call

    def listened(*args, **options):
        said.update(options["data"])
        return call(*args, **options)

    monkeypatch.setattr(Http, "call", listened)
    connector.revoke(certificate, RevocationReason.CESSATION_OF_OPERATION)
    serial = str(x509.load_der_x509_certificate(certificate).serial_number)
    assert (said["serial"], said["reasonCode"], said["passive"]) == (serial, 5, True)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(408, CaError), (429, CaError), (503, CaError), (500, InDoubtError), (404, None), (403, None)],
)
def test_what_http_says(step_ca, ordered, monkeypatch, status, kind):
    monkeypatch.setattr(
        Http, "call", lambda *_a, orders=False, **_o: Reply(status, {}, b"<html>", in_doubt=orders)
    )
    if kind is None:
        assert isinstance(step_ca.make().issue(ordered()), Refused)
        return
    with pytest.raises(kind):
        step_ca.make().issue(ordered())
    assert not step_ca.make().health().ok


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"certChain": ["x"]}', b'{"certChain": [7]}'])
def test_an_answer_without_a_certificate_leaves_doubt(body):
    with pytest.raises(InDoubtError):
        wire.certificates(Reply(201, {}, body, in_doubt=True))


def test_an_encrypted_key(step_ca, ca, ordered):
    key = load_pem_private_key(Path(ca.key_file).read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"p"))
    file = ca.file("encrypted.key", encrypted)
    right, wrong = ca.file("passphrase", "p\n"), ca.file("no-passphrase", "q")
    assert isinstance(step_ca.make(key_file=file, key_passphrase_file=right).issue(ordered()), Issued)
    for changes in ({"key_passphrase_file": wrong}, {}):
        with pytest.raises(CaError) as fault:
            step_ca.make(key_file=file, **changes).issue(ordered())
        assert not fault.value.permanent


@pytest.mark.parametrize(
    "key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256K1())]
)
def test_keys_that_sign_no_tokens(step_ca, ca, ordered, key):
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(CaError) as fault:
        step_ca.make(key_file=ca.file("odd.key", pem)).issue(ordered())
    assert not fault.value.permanent


def test_thumbprints_are_those_of_rfc_7638():
    """Section 3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
        "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaS"
        "qzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksIN"
        "HaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    number = int.from_bytes(base64.urlsafe_b64decode(n + "=="))
    key = rsa.RSAPublicNumbers(65537, number).public_key()
    assert wire.thumbprint(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": "http://127.0.0.1:9000"}, "url must be https"),
        ({"provisioner": ""}, "Give provisioner"),
        ({"audience": "https://ca.example.com/"}, "audience must be"),
        ({"key_id": "a", "certificate_file": "/dev/null"}, "either key_id, or certificate_file"),
        ({"key_file": "/nowhere/key"}, "key_file: /nowhere/key cannot be read"),
    ],
)
def test_options_say_what_is_wrong(step_ca, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        StepCaOptions(**{**step_ca.options, **changes})
