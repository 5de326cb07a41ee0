"""What is peculiar to CMP: its messages, their protection, waiting, confirming, and who says no how."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from django.utils import timezone

from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.cmp import conversation
from ca_bridge.connectors.cmp.messages import BodyType, FailureBit, Message
from ca_bridge.connectors.cmp.options import CmpOptions
from ca_bridge.contract import Issued, KeyAlgorithm, Pending, Refused, RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.keys import keys
from ca_bridge.x509 import verification
from tests.ca_bridge.connectors.servers import cmp as server

pytestmark = [pytest.mark.needs_program("openssl"), pytest.mark.long, pytest.mark.xdist_group("cmp")]
CERTCONF, POLLREQ = 24, 25
REJECTION, KEY_COMPROMISE = ["-pkistatus", "2"], RevocationReason.KEY_COMPROMISE


@pytest.fixture
def ca(cmp_ca):
    """The CA before the server; what it does differently ends with the test."""
    found = cmp_ca[0]
    protection = found.protection
    found.asked.clear()
    yield found
    found.faults, found.csr, found.replaced, found.protection = [], None, None, protection


def kinds(ca) -> list[int]:
    return [each.kind for each in ca.asked]


def fault_of(call):
    with pytest.raises(CaError) as fault:
        call()
    return fault.value


@pytest.mark.parametrize("faults", [[], ["-grant_implicitconf"]], ids=["needed", "waived"])
def test_a_certificate_is_confirmed(cmp, ca, ordered, faults):
    """Also where the CA would do without."""
    ca.faults = faults
    assert isinstance(cmp.make().issue(ordered()), Issued)
    assert kinds(ca) == [BodyType.P10CR, CERTCONF]


@pytest.mark.parametrize("command", ["ir", "cr"])
def test_a_template_asks_for_what_the_request_says(cmp, ca, ordered, command):
    order = ordered()
    ca.csr = x509.load_der_x509_csr(order.csr)
    ca.protection = [*ca.protection, "-accept_raverified"]
    connector = cmp.make(command=command)
    answer = connector.issue(order)
    assert verification.faults(order, answer, connector.chain()) == ()
    assert ca.asked[0].kind == {"ir": 0, "cr": 2}[command]
    for extension in ca.csr.extensions:
        assert extension.value.public_bytes() in ca.asked[0].body
    assert ca.csr.subject.public_bytes() in ca.asked[0].body


def test_a_ca_that_wants_the_key_itself_proven_refuses_a_template(cmp, ca, ordered):
    """Ours vouches for the request's signature (raVerified), which a CA need not take."""
    assert isinstance(cmp.make(command="ir").issue(ordered()), Refused)


def test_a_profile_goes_into_the_header(cmp, ca, ordered):
    cmp.make(profile_in_header=True).issue(ordered())
    assert b"\x0c\x06person" in ca.asked[0].der
    assert b"\x0c\x06person" not in ca.asked[0].body


def test_what_waits_is_fetched_in_its_transaction(cmp, ca, ordered):
    """Twice for the certificate, and twice more for the confirmation."""
    ca.faults = ["-poll_count", "2", "-check_after", "900"]
    connector, order = cmp.make(longest_wait=60), ordered()
    answer = connector.issue(order)
    rounds = 0
    while isinstance(answer, Pending):
        assert timedelta(seconds=50) < answer.not_before - timezone.now() <= timedelta(seconds=60)
        json.dumps(answer.handle)
        answer, rounds = cmp.make(longest_wait=60).fetch(order, answer.handle), rounds + 1
    assert verification.faults(order, answer, connector.chain()) == ()
    assert kinds(ca) == [BodyType.P10CR, POLLREQ, POLLREQ, CERTCONF, POLLREQ, POLLREQ]
    assert rounds == 2
    assert len({each.transaction for each in ca.asked}) == 1


def test_a_server_that_has_forgotten_what_waits_leaves_doubt(cmp, ca, ordered):
    ca.faults = ["-poll_count", "5", "-check_after", "5"]
    connector, order = cmp.make(), ordered()
    answer = connector.issue(order)
    ca.close()
    ca.open.clear()
    with pytest.raises(InDoubtError):
        connector.fetch(order, answer.handle)


def test_a_rejection_says_why(cmp, ca, ordered):
    failure = ["-failure", "15", "-statusstring", "policy says no"]
    ca.faults = [*REJECTION, *failure]
    answer = cmp.make().issue(ordered())
    assert isinstance(answer, Refused)
    assert "unacceptedPolicy" in answer.detail
    assert "policy says no" in answer.detail


def test_an_error_message_is_a_no(cmp, ca, ordered):
    ca.faults = ["-send_error"]
    answer = cmp.make().issue(ordered())
    assert isinstance(answer, Refused)
    assert "error processing message" in answer.detail


@pytest.mark.parametrize(
    "failure",
    [
        FailureBit.SYSTEM_UNAVAIL,
        FailureBit.BAD_TIME,
        FailureBit.NOT_AUTHORIZED,
        FailureBit.SIGNER_NOT_TRUSTED,
    ],
)
def test_a_rejection_that_passes(cmp, ca, ordered, failure):
    ca.faults = [*REJECTION, "-failure", str(int(failure))]
    assert not fault_of(lambda: cmp.make().issue(ordered())).permanent


def test_a_failure_of_the_ca_itself_leaves_doubt(cmp, ca, ordered):
    ca.faults = [*REJECTION, "-failure", str(int(FailureBit.SYSTEM_FAILURE))]
    with pytest.raises(InDoubtError):
        cmp.make().issue(ordered())


def test_an_answer_without_protection_is_not_believed(cmp, ca, ordered):
    """A certificate may have been issued; an error says that it has not been."""
    ca.faults = ["-send_unprotected"]
    with pytest.raises(InDoubtError):
        cmp.make().issue(ordered())
    ca.faults = ["-send_unprotected", "-send_error"]
    assert "credentials" in fault_of(lambda: cmp.make().issue(ordered())).message
    assert not fault_of(
        lambda: cmp.make().revoke(ca.certificate.public_bytes(Encoding.DER), KEY_COMPROMISE)
    ).permanent


def test_a_certificate_for_another_key_is_rejected_and_handed_on(cmp, ca, ordered):
    """The CA is told; the bridge refuses it, and has it revoked."""
    order, other = ordered(), x509.load_der_x509_csr(ordered().csr)
    ca.replaced = other
    answer = cmp.make().issue(order)
    assert isinstance(answer, Issued)
    assert "the public key is not the one of the request" in verification.faults(
        order, answer, cmp.make().chain()
    )
    assert kinds(ca) == [BodyType.P10CR, CERTCONF]
    assert b"\x02\x01\x02" in ca.asked[1].body  # its status: rejection


def test_an_answer_to_another_request_is_none(cmp, ordered, monkeypatch):
    """OpenSSL takes a transaction as a file tells it."""
    connector, kept, call = cmp.make(), [], Http.call

    def replayed(*args, **options):
        kept.append(call(*args, **options))
        return kept[0]

    monkeypatch.setattr(Http, "call", replayed)
    with pytest.raises(InDoubtError, match="another request"):
        connector.issue(ordered())


@pytest.mark.parametrize("faults", [[], ["-poll_count", "2"]], ids=["confirmed", "waits"])
def test_what_follows_is_believed_no_sooner(cmp, ca, ordered, monkeypatch, faults):
    """The second answer, changed on the way: the CA may have issued."""
    call, count = Http.call, []

    def changed(*args, **options):
        reply = call(*args, **options)
        count.append(reply)
        last = bytes([reply.body[-1] ^ 1]) if len(count) == 2 else reply.body[-1:]
        return replace(reply, body=reply.body[:-1] + last)

    ca.faults = faults
    monkeypatch.setattr(Http, "call", changed)
    with pytest.raises(InDoubtError, match="protection"):
        cmp.make().issue(ordered())
    assert len(count) == 2


@pytest.mark.parametrize(
    "trouble", [CaError("away", "away"), *(Reply(status, {}, b"", in_doubt=True) for status in (404, 503))]
)
def test_what_keeps_a_confirmation_from_the_ca_leaves_doubt(cmp, ca, ordered, monkeypatch, trouble):
    """At an enrolment the same would say that the CA has surely not issued."""
    call, count = Http.call, []

    def interrupted(*args, **options):
        count.append(args)
        if len(count) == 1:
            return call(*args, **options)
        if isinstance(trouble, CaError):
            raise trouble
        return trouble

    monkeypatch.setattr(Http, "call", interrupted)
    with pytest.raises(InDoubtError):
        cmp.make().issue(ordered())
    assert kinds(ca) == [BodyType.P10CR]


@pytest.mark.parametrize(("mac", "is_sent"), [("hmac-sha1", True), ("hmac-rot13", False)])
def test_the_algorithm_of_the_secret(cmp, ca, ordered, mac, is_sent):
    connector = cmp.make(mac=mac)
    if is_sent:
        assert isinstance(connector.issue(ordered()), Issued)
    else:
        assert "hmac-rot13" in fault_of(lambda: connector.issue(ordered())).detail
    assert bool(ca.asked) is is_sent


def test_a_program_that_knows_too_little_is_named(cmp, ca, ordered):
    program = ca.file("old", "#!/bin/sh\necho 'cmp: Unknown option: -reqout_only' >&2\nexit 1\n")
    Path(program).chmod(0o700)
    assert "Unknown option" in fault_of(lambda: cmp.make(program=program).issue(ordered())).detail
    Path(program).chmod(0o600)
    fault = fault_of(lambda: cmp.make(program=program).issue(ordered()))
    assert (fault.permanent, fault.detail) == (False, "PermissionError")


def test_a_ca_that_knows_no_general_message_is_well(cmp, ca):
    """What counts is that both take each other's protection."""
    ca.faults = ["-send_error"]
    assert cmp.make().health().ok
    ca.faults = ["-send_unprotected"]
    assert not cmp.make().health().ok


def test_a_reason_is_told(cmp, ca, ordered):
    connector = cmp.make()
    certificate = connector.issue(ordered()).certificate
    connector.revoke(certificate, RevocationReason.CESSATION_OF_OPERATION)
    assert bytes.fromhex("0603551d15 04030a0105".replace(" ", "")) in ca.asked[-1].body  # CRLReason 5


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [
        (["-pkistatus", "1"], RevocationOutcome.REVOKED),
        (["-pkistatus", "5"], RevocationOutcome.REVOKED),
        (["-pkistatus", "3"], RevocationOutcome.PENDING),
        (["-pkistatus", "4"], RevocationOutcome.PENDING),
    ],
)
def test_what_comes_of_a_revocation(cmp, ca, ordered, faults, outcome):
    certificate = cmp.make().issue(ordered()).certificate
    ca.faults = faults
    assert cmp.make().revoke(certificate, KEY_COMPROMISE) == outcome


@pytest.mark.parametrize(
    ("failure", "permanent"),
    [(FailureBit.BAD_CERT_ID, True), (FailureBit.SYSTEM_UNAVAIL, False), (FailureBit.SYSTEM_FAILURE, False)],
)
def test_a_revocation_that_is_refused(cmp, ca, ordered, failure, permanent):
    certificate = cmp.make().issue(ordered()).certificate
    ca.faults = [*REJECTION, "-failure", str(int(failure))]
    assert fault_of(lambda: cmp.make().revoke(certificate, KEY_COMPROMISE)).permanent is permanent


@pytest.fixture
def signed(tmp_path):
    """A CA where signatures protect the messages, and the options of a connection to it."""
    with server.cmp(tmp_path) as (ca, neighbour):
        officer, responder = ca.identity("officer"), ca.identity("responder")
        ca.protection = ["-srv_cert", responder[0], "-srv_key", responder[1], "-srv_trusted"]
        ca.protection.append(str(tmp_path / "ca.pem"))
        changes = {"reference": "", "secret_file": "", "responder_file": responder[0]}
        changes |= {"signer_certificate_file": officer[0], "signer_key_file": officer[1]}
        yield ca, neighbour, changes


def test_signatures_protect_as_well(signed, ordered):
    _ca, neighbour, changes = signed
    connector, order = neighbour.make(**changes), ordered()
    answer = connector.issue(order)
    assert verification.faults(order, answer, connector.chain()) == ()
    assert connector.revoke(answer.certificate, KEY_COMPROMISE) == RevocationOutcome.REVOKED
    assert connector.health().ok


def test_nobody_else_of_the_same_ca_answers_for_it(signed, ordered):
    ca, neighbour, changes = signed
    other = neighbour.make(**changes | {"responder_file": ca.identity("somebody")[0]})
    with pytest.raises(InDoubtError):
        other.issue(ordered())
    assert not other.health().ok


def test_a_signer_whom_the_ca_does_not_know_is_told_so(signed, ordered, tmp_path_factory):
    _ca, neighbour, changes = signed
    stranger = server.CmpCa(tmp_path_factory.mktemp("strange")).identity("stranger")
    connector = neighbour.make(
        **changes | {"signer_certificate_file": stranger[0], "signer_key_file": stranger[1]}
    )
    assert isinstance(connector.issue(ordered()), Refused)


def test_an_encrypted_signer_key(signed, ordered):
    ca, neighbour, changes = signed
    key = load_pem_private_key(Path(changes["signer_key_file"]).read_bytes(), None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"p"))
    changes |= {"signer_key_file": ca.file("encrypted.key", encrypted)}
    right, wrong = ca.file("passphrase", "p\n"), ca.file("no-passphrase", "q")
    assert isinstance(neighbour.make(**changes, signer_key_passphrase_file=right).issue(ordered()), Issued)
    ca.asked.clear()
    fault = fault_of(lambda: neighbour.make(**changes, signer_key_passphrase_file=wrong).issue(ordered()))
    assert (fault.permanent, ca.asked) == (False, [])


def test_no_secret_is_among_the_arguments(cmp, ca, ordered):
    record = Path(ca.folder / "arguments")
    program = ca.file("recorder", f'#!/bin/sh\necho "$@" >> {record}\nexec openssl "$@"\n')
    Path(program).chmod(0o700)
    assert isinstance(cmp.make(program=program).issue(ordered()), Issued)
    said = record.read_text()
    assert "-secret env:CMP_SECRET" in said
    assert server.SECRET not in said


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, CaError), (408, CaError), (429, CaError), (503, CaError), (500, InDoubtError), (404, None)],
)
def test_what_http_says(cmp, ordered, monkeypatch, status, kind):
    monkeypatch.setattr(Http, "call", lambda *_a, orders, **_o: Reply(status, {}, b"", in_doubt=orders))
    if kind is None:
        assert isinstance(cmp.make().issue(ordered()), Refused)
        return
    with pytest.raises(kind):
        cmp.make().issue(ordered())
    assert not fault_of(cmp.make().health).permanent


@pytest.mark.parametrize("octets", [b"", b"<html>", b"0\x00", bytes.fromhex("30053003020101")])
def test_octets_that_are_no_message(octets):
    with pytest.raises(ValueError, match="no CMP message"):
        Message.read(octets)


def test_how_the_ca_is_named():
    key = keys.generate(KeyAlgorithm.EC_P256)

    def named(*values):
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, value) for value in values])
        now = timezone.now()
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        return conversation._recipient(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))

    assert named("A/B+C\\D", "E") == ["-recipient", "/2.5.4.3=A\\/B\\+C\\\\D/2.5.4.3=E"]
    assert named("Prüfstelle") == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"path": "cmp"}, "must begin with a slash"),
        ({"management_path": ""}, "Give management_path"),
        ({"command": "kur"}, "command must be one of p10cr, ir, cr"),
        ({"longest_wait": 1}, "longest_wait must be"),
        ({"reference": ""}, "reference and secret_file go together"),
        ({"signer_key_file": "/dev/null"}, "go together"),
        ({"reference": "", "secret_file": ""}, "Give either reference and secret_file"),
        ({"secret_file": "/nowhere/secret"}, "secret_file: /nowhere/secret cannot be read"),
        ({"program": "/nowhere/openssl"}, "program: there is no /nowhere/openssl"),
    ],
)
def test_options_say_what_is_wrong(cmp, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        CmpOptions(**{**cmp.options, **changes})


D_TRUST = {"path": "/httpcmp/request", "management_path": "", "profile_in_header": True}


@pytest.mark.parametrize("product", ["BASIC_ENTERPRISE_ID", "ADVANCED_ENTERPRISE_ID_2"])
def test_the_products_of_d_trust_go_to_its_one_address(cmp, ca, ordered, monkeypatch, product):
    """As docs/how-to/connect-d-trust.md sets it up: the product stands in the header of the message."""
    monkeypatch.setitem(server.PATHS, D_TRUST["path"], "/pkix/")
    connector, order = cmp.make(**D_TRUST), ordered(ca_profile=product)
    answer = connector.issue(order)
    assert verification.faults(order, answer, connector.chain()) == ()
    assert product.encode() in ca.asked[0].der
    assert product.encode() not in ca.asked[0].body
    assert connector.revoke(answer.certificate, KEY_COMPROMISE) == RevocationOutcome.REVOKED


def test_a_name_that_d_trust_writes_otherwise_is_found_out(cmp, ca, ordered, content):
    """The static part of the subject has to match to the letter."""
    static = (("organizationName", "Example Corporation GmbH"), *content.subject[1:])
    other = replace(content, subject=static)
    ca.replaced = x509.load_der_x509_csr(ordered(content=other).csr)
    connector, order = cmp.make(path="/pkix/"), ordered(ca_profile="BASIC_ENTERPRISE_ID")
    found = verification.faults(order, connector.issue(order), connector.chain())
    assert any("the subject is" in each and "Example Corporation GmbH" in each for each in found)
