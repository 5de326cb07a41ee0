"""What is peculiar to EJBCA: approvals, end entities, searches, holds; and that the stub is like it."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
from django.utils import timezone

from ca_bridge import issuing
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.ejbca import wire
from ca_bridge.connectors.ejbca.options import EjbcaOptions
from ca_bridge.contract import ConnectionFault, Issued, Refused, RevocationOutcome, RevocationReason, Unknown
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.models import CaOrder
from ca_bridge.orders import reconciliation
from ca_bridge.x509 import verification
from tests.ca_bridge import scripted
from tests.ca_bridge.connectors import foreign
from tests.ca_bridge.connectors.issuers import TestCa
from tests.ca_bridge.connectors.neighbours import kept_waiting
from tests.ca_bridge.connectors.servers import ejbca_stub as stub
from tests.ca_bridge.connectors.servers.stubs import tell

pytestmark = pytest.mark.long

EJBCA = "ca_bridge.connectors.ejbca.connector.EjbcaConnector"
HOLD, LOST = RevocationReason.CERTIFICATE_HOLD, RevocationReason.KEY_COMPROMISE
REVOKED, ALREADY = RevocationOutcome.REVOKED, RevocationOutcome.ALREADY_REVOKED


@pytest.fixture
def pending(ejbca, ordered):
    """An order that waits for its approval at EJBCA."""
    return kept_waiting(ejbca, ordered(ca_profile="approved"))


def test_what_was_approved_is_finalized(ejbca, pending):
    connector, order, handle = pending
    tell(ejbca, stub, f"/approvals/{handle}/approve")
    answer = connector.fetch(order, handle)
    assert isinstance(answer, Issued)
    assert verification.faults(order, answer, connector.chain()) == ()


def test_what_was_finalized_without_our_knowing_is_found(ejbca, pending):
    connector, order, handle = pending
    tell(ejbca, stub, f"/approvals/{handle}/approve")
    assert connector.fetch(order, handle) == connector.fetch(order, handle) == connector.find(order)
    assert len(connector.find_all(order)) == 1


def test_the_certificate_profiles_of_the_end_entity_profile_are_told(ejbca):
    assert ejbca.make().profiles() == ["person", "approved"]
    assert ejbca.make(end_entity_profile="No such/one").profiles() == ()


def test_profiles_are_not_for_strangers(ejbca):
    with pytest.raises(CaError, match="credentials"):
        ejbca.make(**ejbca.wrong_credentials).profiles()


@pytest.mark.parametrize("verdict", ["been-rejected", "expired"])
def test_what_was_not_approved_is_refused(ejbca, pending, verdict):
    connector, order, handle = pending
    tell(ejbca, stub, f"/approvals/{handle}/{verdict}")
    answer = connector.fetch(order, handle)
    assert isinstance(answer, Refused)
    assert verdict.replace("-", " ") in answer.detail


def test_an_order_whose_approval_is_out_already_stays_in_doubt(ejbca, pending):
    """The number of the approval was lost with the first answer. Once it is approved, asking again enrols."""
    connector, order, handle = pending
    with pytest.raises(InDoubtError):
        connector.issue(order)
    tell(ejbca, stub, f"/approvals/{handle}/approve")
    assert isinstance(connector.issue(order), Issued)


def test_another_enrollment_code_finalizes_nothing(ejbca, pending, tmp_path):
    _connector, order, handle = pending
    tell(ejbca, stub, f"/approvals/{handle}/approve")
    (tmp_path / "code").write_text("another secret", encoding="utf-8")
    with pytest.raises(CaError) as fault:
        ejbca.make(enrollment_code_file=str(tmp_path / "code")).fetch(order, handle)
    assert not fault.value.permanent


def test_a_number_that_ejbca_does_not_know_leaves_doubt(ejbca, ordered):
    assert isinstance(ejbca.make().fetch(ordered(), "4711"), Unknown)


def test_a_hold_becomes_a_revocation_for_good(ejbca, ordered):
    connector = ejbca.make()
    certificate = connector.issue(ordered()).certificate
    assert [connector.revoke(certificate, each) for each in (HOLD, HOLD, LOST, LOST)] == [
        REVOKED,
        ALREADY,
        REVOKED,
        ALREADY,
    ]
    assert connector.release(certificate) is False


def test_what_is_revoked_is_not_found_but_listed(ejbca, ordered):
    connector, order = ejbca.make(), ordered()
    first, second = connector.issue(order), connector.issue(order)
    assert set(connector.find_all(order)) == {first.certificate, second.certificate}
    connector.revoke(first.certificate, LOST)
    assert connector.find(order) == second
    assert len(connector.find_all(order)) == 2


def test_what_an_order_got_for_another_key_is_found_where_there_is_nothing_for_its_own(ejbca, ordered):
    connector, lost = ejbca.make(), ordered()
    order = ordered(idempotency_key=lost.idempotency_key)
    first = connector.issue(lost)
    assert connector.find(order) == first
    own = connector.issue(order)
    assert connector.find(order) == own
    connector.revoke(own.certificate, LOST)
    assert connector.find(order) == first
    connector.revoke(first.certificate, LOST)
    assert connector.find(order) is None


@pytest.mark.django_db
def test_what_was_issued_in_a_time_that_a_restore_lost_is_refused_and_revoked(ejbca, prepared, settings):
    """The order is made anew under its old number, with another key: nobody has the first one any more."""
    settings.CA_CONNECTORS = {"ejbca": {"CONNECTOR": EJBCA, "OPTIONS": ejbca.options}}
    lost = prepared(ca="ejbca", idempotency_key="17.1")
    issued = issuing.ask(lost.pk).certificate
    lost.delete()

    order = prepared(ca="ejbca", idempotency_key="17.1")
    issuing.doubt(order)
    order = issuing.record(order.pk, issuing.ask(order.pk))

    assert (order.state, order.surplus.get().certificate) == (CaOrder.State.REFUSED, issued)
    assert issuing.revoke_surplus(order.pk) == 1
    assert ejbca.make().revoke(issued, LOST) == ALREADY
    assert reconciliation.compare(order.pk) == CaOrder.Comparison.SURPLUS
    assert order.surplus.get().revoked_at is not None


def test_a_certificate_of_another_ca_is_none_of_it(ejbca, bao, ordered):
    connector, another = ejbca.make(), bao[1].make().issue(ordered()).certificate
    for call in (lambda: connector.revoke(another, LOST), lambda: connector.release(another)):
        with pytest.raises(CaError) as fault:
            call()
        assert fault.value.permanent


def test_a_wrong_address_is_no_refusal(ejbca, ordered):
    """Its 404 does not come from EJBCA."""
    connector = ejbca.make(url=f"{ejbca.options['url']}/nowhere")
    with pytest.raises(InDoubtError):
        connector.issue(ordered())
    assert not connector.health().ok


def test_a_client_certificate_of_somebody_else_is_no_doubt(ejbca, ordered, tmp_path):
    """TLS 1.3 tells only after the request that EJBCA does not take it."""
    certificate, key = TestCa("Another CA", tmp_path).identity(stub.OFFICER)
    with pytest.raises(CaError) as fault:
        ejbca.make(client_certificate_file=certificate, client_key_file=key).issue(ordered())
    assert not fault.value.permanent


def test_a_ca_that_our_certificate_may_not_use_is_noticed(ejbca):
    health = ejbca.make(ca_name="Another CA").health()
    assert (health.ok, health.fault) == (False, ConnectionFault.CREDENTIALS)
    assert "Another CA" in health.detail


def test_each_order_has_an_end_entity_and_a_code_of_its_own(ejbca, ordered):
    order, options = ordered(), EjbcaOptions(**ejbca.options)
    body = wire.enrolment(order, options)
    assert body["username"] == f"im-{order.idempotency_key}"
    assert body["password"] == wire.enrollment_code(order, options)
    assert body["password"] != wire.enrollment_code(replace(order, idempotency_key="another"), options)
    assert "email" not in wire.enrolment(
        ordered(content=replace(order.content, subject_alt_names=())), options
    )


@pytest.mark.parametrize(
    "body",
    [
        {"link": "https://ca.example.com/ejbca/ejbca-rest-api/v1/certificate/7/finalize"},
        {"status_code": 202, "request_id": 7},
    ],
)
def test_the_number_of_an_approval_in_every_version(body):
    assert wire.request_id(Reply(202, {}, json.dumps(body).encode(), in_doubt=True)) == "7"


@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"certificate": "bm9uZQ=="}', b"\xff"])
def test_an_answer_that_is_none_leaves_doubt(ejbca, monkeypatch, ordered, status, body):
    connector = ejbca.make()
    monkeypatch.setattr(
        connector._http, "call", lambda *_args, **_more: Reply(status, {}, body, in_doubt=True)
    )
    for call in (connector.issue, connector.find):
        with pytest.raises(InDoubtError):
            call(ordered())


def answered(status: int, message: str) -> Reply:
    body = {"error_code": status, "error_message": message}
    return Reply(status, {}, json.dumps(body).encode(), in_doubt=False)


def test_revocations_that_wait_for_an_approval(ejbca, monkeypatch, ordered):
    connector = ejbca.make()
    certificate = connector.issue(ordered()).certificate
    connector.revoke(certificate, HOLD)
    for reply in (Reply(202, {}, b"{}", in_doubt=False), answered(400, "Approval request already exists.")):
        monkeypatch.setattr(connector, "_put", lambda *_args, reply=reply: reply)
        assert connector.revoke(certificate, LOST) == RevocationOutcome.PENDING
        with pytest.raises(CaError) as fault:
            connector.release(certificate)
        assert not fault.value.permanent


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_trouble_at_a_revocation_passes(ejbca, monkeypatch, ordered, status):
    connector = ejbca.make()
    certificate = connector.issue(ordered()).certificate
    monkeypatch.setattr(connector, "_put", lambda *_args: answered(status, "trouble"))
    with pytest.raises(CaError) as fault:
        connector.revoke(certificate, LOST)
    assert not fault.value.permanent


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": "http://127.0.0.1:8080/ejbca/ejbca-rest-api"}, "url must be https"),
        ({"client_certificate_file": "", "client_key_file": ""}, "client_certificate_file"),
        ({"ca_name": " "}, "ca_name must not be empty"),
        ({"end_entity_profile": ""}, "end_entity_profile must not be empty"),
        ({"username_prefix": "a b"}, "username_prefix must be"),
        ({"poll_after": 1}, "poll_after must be"),
        ({"enrollment_code_file": "/nowhere"}, "enrollment_code_file"),
    ],
)
def test_options_say_what_is_wrong(ejbca, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        EjbcaOptions(**{**ejbca.options, **changes})


# Enrols, and revokes twice; acme2certifier is under the GPL, and runs as a program of its own.
ACME2CERTIFIER = """
import logging, sys
from acme2certifier.cahandlers.ejbca_ca_handler import CAhandler
with CAhandler(False, logging.getLogger("client")) as handler:
    error, bundle, raw, _poll = handler.enroll(sys.argv[1])
    print(error)
    print(bundle and bundle.count("BEGIN CERTIFICATE"))
    for _each in range(2 if raw else 0):
        print(*handler.revoke(raw, "superseded")[:2])
"""


@pytest.fixture
def acme2certifier(ejbca, ordered, tmp_path):
    """What its handler for EJBCA says against the stub, with one of the stub's client certificates."""

    def run(client: str, **changes: str) -> list[str]:
        folder = Path(ejbca.options["ca_file"]).parent
        (tmp_path / "client.p12").write_bytes(as_pkcs12(folder, client, b"passphrase"))
        options = {
            "api_host": ejbca.options["url"].removesuffix(stub.API),
            "ca_bundle": folder / "ca.pem",
            "cert_file": tmp_path / "client.p12",
            "cert_passphrase": "passphrase",
            "username": "acme",
            "enrollment_code": "code",
            "ca_name": stub.CA_NAME,
            "cert_profile_name": "person",
            "ee_profile_name": stub.END_ENTITY_PROFILE,
            "request_retries": 0,
        }
        lines = [f"{name}: {value}" for name, value in (options | changes).items()]
        (tmp_path / "client.cfg").write_text("\n".join(["[CAhandler]", *lines, ""]), encoding="utf-8")
        csr = base64.urlsafe_b64encode(ordered().csr).decode().rstrip("=")
        python = foreign.python_with("acme2certifier==0.46.3")
        return foreign.run(
            python, ACME2CERTIFIER, csr, env={"ACME_SRV_CONFIGFILE": str(tmp_path / "client.cfg")}
        )

    return run


def as_pkcs12(folder: Path, name: str, passphrase: bytes) -> bytes:
    key = load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    certificate = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
    encryption = BestAvailableEncryption(passphrase)
    return pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, None, encryption)


@pytest.mark.nightly
def test_a_client_that_others_wrote_takes_the_stub_for_ejbca(acme2certifier):
    assert acme2certifier(stub.OFFICER) == [
        "None",
        "2",
        "200 None",
        "400 urn:ietf:params:acme:error:alreadyRevoked",
    ]


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("client", "changes"), [("stranger", {}), (stub.OFFICER, {"cert_profile_name": "no-such-profile"})]
)
def test_and_is_turned_away_where_it_should_be(acme2certifier, client, changes):
    assert acme2certifier(client, **changes)[:2] == ["Malformed response", "None"]


def all_issued(connector, since):
    """The serial numbers of every part of the list, and how many parts there were."""
    found, cursor, parts = set(), "", 0
    while parts == 0 or cursor:
        page = connector.list_issued(since, cursor)
        found, cursor, parts = found | set(page.serials), page.cursor, parts + 1
    return found, parts


def test_where_it_has_more_than_it_shows_a_shorter_time_is_asked_for(ejbca, ordered, monkeypatch):
    """The stub dates everything now: its search is played over certificates of a whole day."""
    connector, now = ejbca.make(), timezone.now().replace(microsecond=0)
    dates = [now - timedelta(hours=hours) for hours in range(20)]
    held = [scripted.sign(ordered(), scripted.Issuance(not_before=date)) for date in dates]
    shown = [x509.load_der_x509_certificate(each) for each in held]

    def search(_method, _path, *, data, **_options):
        criteria = {each["operation"]: each["value"] for each in data["criteria"]}
        after, before = stub.moment(criteria["AFTER"]), stub.moment(criteria["BEFORE"])
        found = [each for each in shown if after < each.not_valid_before_utc < before]
        certificates = [stub.searched(each) for each in found[:4]]
        body = {"certificates": certificates, "more_results": len(found) > 4}
        return Reply(200, {}, json.dumps(body).encode(), in_doubt=False)

    monkeypatch.setattr(connector._http, "call", search)
    found, parts = all_issued(connector, now - timedelta(days=1))
    assert found == {each.serial_number for each in shown}
    assert parts > 4


def test_a_moment_with_more_than_it_shows_is_told_and_is_no_endless_search(ejbca, ordered, monkeypatch):
    connector = ejbca.make()
    for _each in range(3):
        connector.issue(ordered())
    monkeypatch.setattr(wire, "MOST", 1)
    with pytest.raises(CaError) as fault:
        all_issued(connector, timezone.now() - timedelta(days=1))
    assert (fault.value.permanent, "of one moment" in fault.value.detail) == (False, True)
