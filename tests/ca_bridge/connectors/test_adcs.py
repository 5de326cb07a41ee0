"""What is peculiar to the pages of AD CS: requests that wait, denials; and that the stub is like them."""

import sys
import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.connection.http import LONGEST_ANSWER, Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.adcs import wire
from ca_bridge.connectors.adcs.options import AdcsOptions
from ca_bridge.contract import Issued, Pending, Refused, RevocationOutcome, RevocationReason, Unknown
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.x509 import verification
from ca_bridge.x509.certificates import describe
from tests.ca_bridge.connectors import foreign
from tests.ca_bridge.connectors.neighbours import kept_waiting
from tests.ca_bridge.connectors.servers import adcs_stub as stub
from tests.ca_bridge.connectors.servers.stubs import tell

pytestmark = pytest.mark.long

LOST = RevocationReason.KEY_COMPROMISE


@pytest.fixture
def pending(adcs, ordered):
    """An order that waits for a CA manager."""
    return kept_waiting(adcs, ordered(ca_profile="approved"))


def test_what_a_manager_issues_is_fetched(adcs, pending):
    connector, order, handle = pending
    tell(adcs, stub, f"/requests/{handle}/issue")
    answer = connector.fetch(order, handle)
    assert isinstance(answer, Issued)
    assert verification.faults(order, answer, connector.chain()) == ()
    assert connector.fetch(order, handle) == answer


def test_what_a_manager_denies_is_refused_with_its_code(adcs, pending):
    connector, order, handle = pending
    tell(adcs, stub, f"/requests/{handle}/deny")
    answer = connector.fetch(order, handle)
    assert isinstance(answer, Refused)
    assert answer.detail == r"Denied by EXAMPLE\manager (0x80094014)"


def test_a_page_as_long_as_they_may_be_is_read_at_once():
    """A worker holds its interpreter's lock meanwhile; each beginning was read to the end of the page."""
    page = b"Disposition message:" * (LONGEST_ANSWER // 20)
    began = time.monotonic()
    assert wire.disposition(Reply(200, {}, page, in_doubt=False)).startswith("HTTP 200 ")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("template", "detail"),
    [
        ("no-such-profile", "Denied by Policy Module 0x80094800, The request was for a certificate template"),
        ("quiet", "Denied by Policy Module (0x80094800)"),
    ],
)
def test_what_the_policy_denies_is_refused_with_its_code(adcs, ordered, template, detail):
    answer = adcs.make().issue(ordered(ca_profile=template))
    assert isinstance(answer, Refused)
    assert answer.detail.startswith(detail)


@pytest.mark.parametrize(
    "message",
    [
        "Error Constructing or Publishing Certificate  The revocation function was unable to check "
        "revocation because the revocation server was offline. "
        "0x80092013 (-2146885613 CRYPT_E_REVOCATION_OFFLINE)",
        "Denied by Policy Module  The server is not operational. 0x8007203A (WIN32: 8250)",
    ],
)
def test_what_the_ca_cannot_do_for_now_is_no_refusal(adcs, monkeypatch, ordered, message):
    """Its own CRL has ended, or its domain controller is away: it has not issued, and will."""
    page = Reply(200, {}, stub.DENIED.format(number=7, message=message).encode(), in_doubt=True)
    monkeypatch.setattr(Http, "call", lambda *_arguments, **_options: page)
    with pytest.raises(CaError, match="out of service for now") as fault:
        adcs.make().issue(ordered())
    assert not fault.value.permanent
    assert message[-12:] in fault.value.detail


def test_the_templates_of_our_account_are_its_profiles(adcs):
    assert adcs.make().profiles() == ["person", "approved", "r&d"]


def test_a_standalone_ca_has_no_templates(adcs, monkeypatch):
    page = Reply(200, {}, b'<Select Name=lbUsageOID><Option Value="1.3.6.1">E-Mail</Select>', in_doubt=False)
    monkeypatch.setattr(Http, "call", lambda *_arguments, **_options: page)
    assert adcs.make().profiles() == []


def test_templates_are_not_for_strangers(adcs):
    with pytest.raises(CaError, match="credentials"):
        adcs.make(user="nobody").profiles()


def test_a_number_that_the_ca_does_not_know_leaves_doubt(adcs, ordered):
    answer = adcs.make().fetch(ordered(), "4711")
    assert isinstance(answer, Unknown)
    assert "0x80094004" in answer.detail


def test_a_client_certificate_signs_in_too(adcs, ordered):
    changes = {"user": "", "password_file": ""}
    certificate, key = adcs.client
    with_certificate = adcs.make(client_certificate_file=certificate, client_key_file=key, **changes)
    assert with_certificate.health().ok
    assert isinstance(with_certificate.issue(ordered()), Issued)
    stranger = adcs.identity
    with pytest.raises(CaError) as fault:
        adcs.make(client_certificate_file=stranger[0], client_key_file=stranger[1], **changes).issue(
            ordered()
        )
    assert not fault.value.permanent


def test_what_was_issued_and_could_not_be_fetched_is_fetched_later(adcs, monkeypatch, ordered):
    """Its number is known, so there is no doubt."""
    connector, order = adcs.make(), ordered()

    def away(path: str) -> Reply:
        raise CaError("away")

    assert_is_fetched_later(connector, order, monkeypatch, page=away)


def test_what_was_issued_is_fetched_later_where_its_page_says_nothing(adcs, monkeypatch, ordered):
    """A page of a proxy, say, with HTTP 200: without the number, an officer would have to look."""
    page = Reply(200, {}, b"<html>Maintenance</html>", in_doubt=False)
    assert_is_fetched_later(adcs.make(), ordered(), monkeypatch, page=lambda _path: page)


def assert_is_fetched_later(connector, order, monkeypatch, *, page):
    monkeypatch.setattr(connector, "_page", page)
    answer = connector.issue(order)
    assert isinstance(answer, Pending)
    monkeypatch.undo()
    assert isinstance(connector.fetch(order, answer.handle), Issued)


def test_the_end_that_was_ordered_is_asked_for(adcs, ordered, validity):
    order = ordered(not_after=validity.not_before + timedelta(hours=2))
    certificate = adcs.make().issue(order).certificate
    assert describe(certificate).not_after == order.not_after.replace(microsecond=0)
    form = parse_qs(wire.form(order).decode())
    template, until, *_more = form["CertAttrib"][0].split("\r\n")
    assert template == "CertificateTemplate:person"
    assert parsedate_to_datetime(until.partition(":")[2]) == order.not_after.replace(microsecond=0)


def test_a_revocation_is_noticed_once_the_cas_people_have_done_it(adcs, pending):
    """On the CRL that the pages hand out; a hold is none."""
    connector, order, handle = pending
    tell(adcs, stub, f"/requests/{handle}/issue")
    certificate = connector.fetch(order, handle).certificate
    for done, outcome in (
        ("", RevocationOutcome.UNSUPPORTED),
        ("certificateHold", RevocationOutcome.UNSUPPORTED),
        ("keyCompromise", RevocationOutcome.ALREADY_REVOKED),
    ):
        if done:
            tell(adcs, stub, f"/requests/{handle}/{done}")
        assert connector.revoke(certificate, LOST) == outcome


def test_only_the_crl_of_the_ca_counts(adcs, monkeypatch, pending):
    connector, order, handle = pending
    tell(adcs, stub, f"/requests/{handle}/issue")
    certificate = connector.fetch(order, handle).certificate
    tell(adcs, stub, f"/requests/{handle}/keyCompromise")
    crl = connector._of_ca("/certcrl.crl?Type=base").body
    for shown, outcome in (
        (crl, RevocationOutcome.ALREADY_REVOKED),
        (crl[:-1] + bytes([crl[-1] ^ 1]), RevocationOutcome.UNSUPPORTED),
        (b"<html>", RevocationOutcome.UNSUPPORTED),
    ):
        reply = Reply(200, {}, shown, in_doubt=False)
        monkeypatch.setattr(connector, "_of_ca", lambda _path, reply=reply: reply)
        assert connector.revoke(certificate, LOST) == outcome


def test_where_the_pages_are_away_people_are_told(adcs, monkeypatch, ordered):
    connector = adcs.make()
    certificate = connector.issue(ordered()).certificate
    answered(monkeypatch, connector, 503, "", in_doubt=False)
    assert connector.revoke(certificate, LOST) == RevocationOutcome.UNSUPPORTED


def test_another_cas_crl_says_nothing_about_a_certificate(adcs, bao, ordered):
    another = bao[1].make().issue(ordered()).certificate
    assert adcs.make().revoke(another, LOST) == RevocationOutcome.UNSUPPORTED


def test_ca_certificates_of_somebody_else_are_noticed(adcs, bao):
    health = adcs.make(chain_file=bao[1].options["chain_file"]).health()
    assert not health.ok
    assert "chain_file" in health.detail


def answered(monkeypatch, connector, status: int, body: str, *, in_doubt: bool) -> None:
    reply = Reply(status, {}, body.encode(), in_doubt=in_doubt)
    monkeypatch.setattr(connector._http, "call", lambda *_args, **_more: reply)


@pytest.mark.parametrize(
    ("status", "body"), [(200, ""), (200, "<html>Zertifikat"), (500, "trouble"), (404, "")]
)
def test_a_page_that_nobody_understands_leaves_doubt(adcs, monkeypatch, ordered, status, body):
    """Also one in another language."""
    connector = adcs.make()
    answered(monkeypatch, connector, status, body, in_doubt=True)
    with pytest.raises(InDoubtError):
        connector.issue(ordered())


@pytest.mark.parametrize(
    ("status", "body"),
    [(503, ""), (403, ""), (200, "Result: The RPC server is unavailable. 0x800706BA (WIN32: 1722)")],
)
def test_a_ca_that_was_never_asked_is_no_doubt(adcs, monkeypatch, ordered, status, body):
    connector = adcs.make()
    answered(monkeypatch, connector, status, body, in_doubt=True)
    with pytest.raises(CaError) as fault:
        connector.issue(ordered())
    assert not fault.value.permanent
    with pytest.raises(CaError):
        connector.health()


def test_trouble_of_the_pages_at_a_later_fetch_passes(adcs, monkeypatch, ordered):
    connector = adcs.make()
    answered(monkeypatch, connector, 500, "trouble", in_doubt=False)
    with pytest.raises(CaError) as fault:
        connector.fetch(ordered(), "1")
    assert not fault.value.permanent


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": "http://127.0.0.1:8085/certsrv"}, "url must be https"),
        ({"user": ""}, "user and password_file go together"),
        (
            {"user": "", "password_file": ""},
            "Give principal and keytab_file, or user and password_file, or client_certificate_file",
        ),
        ({"user": "a:b"}, "no colon"),
        ({"poll_after": 1}, "poll_after must be"),
        ({"principal": "us@EXAMPLE.TEST"}, "principal and keytab_file go together"),
        ({"keytab_file": "/keytab"}, "principal and keytab_file go together"),
        ({"service": "HTTP/localhost"}, "service is for Kerberos"),
        ({"principal": "us@EXAMPLE.TEST", "keytab_file": "/keytab"}, "not both"),
    ],
)
def test_options_say_what_is_wrong(adcs, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        AdcsOptions(**{**adcs.options, **changes})


@pytest.fixture
def account(adcs, tmp_path):
    """The options of an account of Kerberos."""
    (tmp_path / "keytab").write_bytes(b"\x05\x02")
    signs_in = {"principal": "us@EXAMPLE.TEST", "keytab_file": str(tmp_path / "keytab")}
    return {**adcs.options, "user": "", "password_file": "", **signs_in}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"principal": "us"}, "principal must be user@REALM"),
        ({"service": "HTTP@localhost"}, "service must be HTTP/host"),
        ({"service": "ldap/localhost"}, "service must be HTTP/host"),
        ({"keytab_file": "/no/keytab"}, "keytab_file: /no/keytab cannot be read"),
        ({"keytab_file": "keytab"}, "keytab_file must be an absolute path"),
    ],
)
def test_options_of_kerberos_say_what_is_wrong(account, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        AdcsOptions(**{**account, **changes})


def test_what_is_no_keytab_is_told(account):
    with pytest.raises(ValueError, match="is no keytab"):
        AdcsOptions(**{**account, "keytab_file": account["chain_file"]})


def test_kerberos_without_its_package_is_told(account, monkeypatch):
    monkeypatch.setitem(sys.modules, "gssapi", None)
    with pytest.raises(ValueError, match="needs the package gssapi"):
        AdcsOptions(**account)


# Requests, and asks for one that waits, with what certsrv has for it.
CERTSRV = """
import sys
import certsrv
server, ca_file, method, user, password, csr, template = sys.argv[1:]
client = certsrv.Certsrv(server, user, password, method, ca_file)
print(client.check_credentials())
try:
    print(client.get_cert(open(csr).read(), template).decode())
except certsrv.CertificatePendingException as waiting:
    print("pending", waiting.req_id)
    try:
        client.get_existing_cert(waiting.req_id)
    except certsrv.CouldNotRetrieveCertificateException as error:
        print(error)
except certsrv.RequestDeniedException as denied:
    print(denied)
else:
    print(client.get_ca_cert().decode() == open(ca_file).read(), len(client.get_chain()) > 100)
"""


@pytest.fixture
def certsrv(adcs, ordered, tmp_path):
    """What the client certsrv says against the stub, which takes no other CA's roots."""

    def run(
        template: str, method: str = "basic", user: str = stub.USER, password: str = stub.PASSWORD
    ) -> list[str]:
        request = x509.load_der_x509_csr(ordered().csr).public_bytes(Encoding.PEM)
        (tmp_path / "request.pem").write_bytes(request)
        address, ca_file = urlsplit(adcs.options["url"]).netloc, adcs.options["ca_file"]
        python = foreign.python_with("certsrv==2.1.1")
        arguments = [address, ca_file, method, user, password, str(tmp_path / "request.pem"), template]
        return foreign.run(python, CERTSRV, *arguments)

    return run


def test_a_client_that_others_wrote_takes_the_stub_for_ad_cs(certsrv, adcs):
    for signed_in in ((), ("cert", *adcs.client)):
        said = certsrv("person", *signed_in)
        assert (said[0], said[1], said[-1]) == ("True", "-----BEGIN CERTIFICATE-----", "True True")


def test_and_is_kept_waiting_and_denied_by_it(certsrv, adcs):
    granted, waiting, why = certsrv("approved")
    assert (granted, why) == ("True", "Taken Under Submission")
    assert waiting.startswith("pending ")
    assert certsrv("no-such-profile")[1].startswith("Denied by Policy Module  0x80094800, ")
