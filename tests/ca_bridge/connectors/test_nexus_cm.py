"""What is peculiar to Nexus CM: the officer's signature, searches in pages, the codes of its errors."""

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from django.utils import timezone

from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.nexus_cm import wire
from ca_bridge.connectors.nexus_cm.options import NexusCmOptions
from ca_bridge.contract import Issued, Refused, RevocationReason
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.keys.keys import spki_sha256
from ca_bridge.x509.certificates import describe
from tests.ca_bridge.connectors.issuers import TestCa

pytestmark = [pytest.mark.needs_program("openssl"), pytest.mark.long]
OFFICER_FILES = ("client_certificate_file", "client_key_file")


def test_another_officer_signs_with_an_encrypted_key(nexus_cm, ordered, tmp_path):
    """And who has asked at the door does not sign."""
    stranger = nexus_cm.wrong_credentials
    signs = {
        "signer_certificate_file": stranger[OFFICER_FILES[0]],
        "signer_key_file": stranger[OFFICER_FILES[1]],
    }
    with pytest.raises(CaError) as fault:
        nexus_cm.make(**signs).issue(ordered())
    assert (fault.value.permanent, "no officer" in fault.value.detail) == (False, True)

    certificate, key_file = (nexus_cm.options[name] for name in OFFICER_FILES)
    key = load_pem_private_key(Path(key_file).read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a secret"))
    (tmp_path / "officer.key").write_bytes(encrypted)
    (tmp_path / "passphrase").write_text("a secret", encoding="ascii")
    signs = {"signer_certificate_file": certificate, "signer_key_file": str(tmp_path / "officer.key")}
    connector = nexus_cm.make(**signs, signer_key_passphrase_file=str(tmp_path / "passphrase"))
    assert isinstance(connector.issue(ordered()), Issued)
    (tmp_path / "passphrase").write_text("another", encoding="ascii")
    with pytest.raises(CaError) as fault:
        connector.issue(ordered())
    assert not fault.value.permanent


def test_a_signature_over_something_else_does_not_count(nexus_cm, ordered, monkeypatch):
    """The stub really looks: what it gave to sign, and nothing else."""
    signature = wire.signature
    monkeypatch.setattr(wire, "signature", lambda data, files: signature(data + b" ", files))
    with pytest.raises(CaError) as fault:
        nexus_cm.make().issue(ordered())
    assert "Bad signature" in fault.value.detail


def test_an_officer_of_somebody_else_does_not_sign(nexus_cm, ordered, tmp_path):
    certificate, key = TestCa("Another", tmp_path).identity("officer")
    with pytest.raises(CaError) as fault:
        nexus_cm.make(signer_certificate_file=certificate, signer_key_file=key).issue(ordered())
    assert "Bad signature" in fault.value.detail


def test_a_gateway_that_signs_itself_is_asked_once(nexus_cm, ordered, monkeypatch):
    """As a virtual registration officer; an instance of its own, here."""
    connector = nexus_cm.make(url=f"{nexus_cm.options['url']}/vro")
    monkeypatch.setattr(wire, "signature", None)
    answer = connector.issue(ordered())
    assert isinstance(answer, Issued)


def test_a_certificate_whose_answer_was_lost_is_found(nexus_cm, ordered, monkeypatch):
    connector, order = nexus_cm.make(), ordered()
    post = connector._post

    def lost(path, form, *, orders):
        reply = post(path, form, orders=orders)
        if "signature" in form:
            raise InDoubtError("lost")
        return reply

    monkeypatch.setattr(connector, "_post", lost)
    with pytest.raises(InDoubtError):
        connector.issue(order)
    found = connector.find(order)
    assert isinstance(found, Issued)
    assert describe(found.certificate).public_key_sha256 == spki_sha256(
        x509.load_der_x509_csr(order.csr).public_key()
    )


def test_all_certificates_for_a_key_are_found_over_the_pages(nexus_cm, ordered, monkeypatch):
    monkeypatch.setattr(wire, "PAGE", 2)
    connector, order = nexus_cm.make(), ordered()
    made = [connector.issue(order).certificate]
    for _each in range(3):
        connector.issue(ordered())  # of the same name, for other keys
    made += [connector.issue(order).certificate]
    assert list(connector.find_all(order)) == made
    assert connector.find(order) == Issued(made[0], ())
    connector.revoke(made[0], RevocationReason.SUPERSEDED)
    assert connector.find(order) == Issued(made[1], ())


def test_no_certificate_is_passed_over_where_the_pages_are_smaller_than_asked_for(
    nexus_cm, ordered, monkeypatch
):
    """What is not found would be ordered once more."""
    connector, order = nexus_cm.make(), ordered()
    for each in (ordered(), order, ordered()):
        connector.issue(each)
    query = wire.query_of

    def one_by_one(*arguments):
        return query(*arguments).replace(f"searchLimit={wire.PAGE}", "searchLimit=1")

    monkeypatch.setattr(wire, "query_of", one_by_one)
    assert isinstance(connector.find(order), Issued)
    monkeypatch.setattr(wire, "query_of", lambda *_arguments: "searchLimit=0")
    with pytest.raises(CaError) as fault:
        connector.find(order)
    assert not fault.value.permanent


def test_the_validity_is_as_ordered(nexus_cm, ordered):
    order = ordered()
    assert describe(nexus_cm.make().issue(order).certificate).not_after == order.not_after.replace(
        microsecond=0
    )


def test_what_it_has_not_issued_is_not_revoked(nexus_cm, tmp_path):
    file, _key = TestCa("Another", tmp_path).identity("jane")
    der = x509.load_pem_x509_certificate(Path(file).read_bytes()).public_bytes(Encoding.DER)
    with pytest.raises(CaError) as fault:
        nexus_cm.make().revoke(der, RevocationReason.KEY_COMPROMISE)
    assert fault.value.permanent


def test_health_says_how_many_procedures_there_are(nexus_cm):
    assert "2 token procedures" in nexus_cm.make().health().detail


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"error": -14, "msg": "Bad field value"}, Refused),
        (400, {"error": 77, "msg": "policy"}, Refused),
        (200, {"error": -1, "msg": "General error"}, InDoubtError),
        (200, {"error": 0, "msg": "Fine"}, InDoubtError),
        (500, {}, InDoubtError),
        (200, {"error": -18, "msg": "Connection error"}, CaError),
        (200, {"error": -17, "msg": "Bad signature"}, CaError),
        (200, {"error": -40, "msg": "Too many requests"}, CaError),
        (403, {}, CaError),
        (503, {}, CaError),
    ],
)
def test_what_an_error_means(nexus_cm, ordered, monkeypatch, status, body, outcome):
    connector = nexus_cm.make()
    reply = Reply(status, {}, json.dumps(body).encode(), in_doubt=True)
    monkeypatch.setattr(connector, "_post", lambda *_args, **_options: reply)
    if outcome is Refused:
        assert isinstance(connector.issue(ordered()), Refused)
        return
    with pytest.raises(outcome):
        connector.issue(ordered())


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"certificates": [{}], "searchHits": 1}', b'{"searchHits": "x"}']
)
def test_a_list_that_is_none_passes(body):
    with pytest.raises(CaError) as fault:
        raise wire_fault(body)
    assert not fault.value.permanent


def wire_fault(body: bytes) -> Exception:
    try:
        wire.entries_of(Reply(200, {}, body, in_doubt=False))
    except CaError as error:
        return error
    return AssertionError("no fault")


def test_what_is_no_base64_is_not_signed():
    with pytest.raises(InDoubtError):
        wire.to_sign(Reply(200, {}, b'{"dataToSign": "?"}', in_doubt=True))
    assert (
        wire.to_sign(Reply(200, {}, b'{"dataToSign": "%s"}' % base64.b64encode(b"x"), in_doubt=True)) == b"x"
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": "http://127.0.0.1:8444/pgwy/api"}, "url must be https"),
        ({"client_certificate_file": "", "client_key_file": ""}, "Give client_certificate_file"),
        ({"signer_key_file": __file__}, "signer_certificate_file and signer_key_file go together"),
    ],
)
def test_options_say_what_is_wrong(nexus_cm, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        NexusCmOptions(**{**nexus_cm.options, **changes})


def test_the_procedures_are_its_profiles(nexus_cm):
    assert "person" in nexus_cm.make().profiles()


def test_the_list_goes_over_the_pages_whatever_their_size(nexus_cm, ordered, monkeypatch):
    monkeypatch.setattr(wire, "PAGE", 2)
    connector, since = nexus_cm.make(), timezone.now() - timedelta(days=1)
    made = {describe(connector.issue(ordered()).certificate).serial for _each in range(5)}
    found, cursor, parts = [], "", 0
    while parts == 0 or cursor:
        page = connector.list_issued(since, cursor)
        found, cursor, parts = [*found, *page.serials], page.cursor, parts + 1
    assert made <= set(found)
    assert len(found) == len(set(found))
    assert parts > 2
    monkeypatch.setattr(wire, "issued_query", lambda *_arguments: "searchLimit=0")
    with pytest.raises(CaError) as fault:
        connector.list_issued(since, "")
    assert not fault.value.permanent
