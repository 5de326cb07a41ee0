"""What is peculiar to Sectigo: sign-in, terms, waiting, comments; and that the stub is like it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.sectigo import wire
from ca_bridge.connectors.sectigo.options import SectigoOptions
from ca_bridge.contract import Issued, Pending, Refused, RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.x509 import verification
from tests.ca_bridge.connectors import foreign
from tests.ca_bridge.connectors.neighbours import decided, kept_waiting
from tests.ca_bridge.connectors.servers import sectigo_stub as stub
from tests.ca_bridge.connectors.servers.stubs import sectigo_by_password, tell

pytestmark = pytest.mark.long


@pytest.fixture
def pending(sectigo, ordered):
    """An order that waits at Sectigo."""
    return kept_waiting(sectigo, ordered(ca_profile="approved"))


def test_what_was_issued_later_is_collected(sectigo, pending):
    connector, order, handle = pending
    tell(sectigo, stub, f"/orders/{handle}/issue")
    answer = connector.fetch(order, handle)
    assert isinstance(answer, Issued), answer
    assert verification.faults(order, answer, connector.chain()) == ()


@pytest.mark.parametrize(("deed", "word"), [("reject", "rejected"), ("revoke", "revoked")])
def test_what_sectigo_does_not_issue_is_refused(sectigo, pending, deed, word):
    connector, order, handle = pending
    tell(sectigo, stub, f"/orders/{handle}/{deed}")
    answer = connector.fetch(order, handle)
    assert isinstance(answer, Refused)
    assert word in answer.detail


def test_what_waits_after_a_lost_answer_is_not_ordered_again(sectigo, pending):
    connector, order, handle = pending
    with pytest.raises(CaError, match="not decided") as fault:
        connector.find(order)
    assert not fault.value.permanent
    tell(sectigo, stub, f"/orders/{handle}/issue")
    assert connector.find(order) == connector.fetch(order, handle)


def test_without_comments_it_is_found_by_its_key(sectigo, ordered):
    """An older SCM lists none: then another order of the same person is not mistaken for it."""
    connector, order, other = sectigo.make(), ordered(), ordered()
    for each in (other, order):
        assert isinstance(decided(connector, each), Issued)
    tell(sectigo, stub, "/comments/off")
    try:
        assert connector.find(order) == decided(connector, order) or connector.find_all(order)
        assert len(connector.find_all(other)) == 1
        assert connector.find(ordered()) is None
    finally:
        tell(sectigo, stub, "/comments/on")


def test_an_account_with_a_password_does_as_well(sectigo, ordered, tmp_path):
    connector, order = sectigo.make(**sectigo_by_password(sectigo)), ordered()
    assert connector.health().ok
    assert isinstance(decided(connector, order), Issued)
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong", encoding="utf-8")
    with pytest.raises(CaError, match="credentials"):
        sectigo.make(**sectigo_by_password(sectigo) | {"password_file": str(wrong)}).issue(order)


def test_a_token_that_counts_no_more_is_fetched_anew(sectigo, ordered):
    connector = sectigo.make()
    connector.health()
    connector._scm._token = replace(connector._scm._token, value="old")
    assert isinstance(connector.issue(ordered()), Pending)


@pytest.mark.parametrize(("days", "term"), [(365, 364), (366, 365), (824, 730), (2, 1), (1, 0)])
def test_the_term_ends_in_time(ordered, validity, days, term):
    """Sectigo's certificates end at the end of a day, so that a day is kept free."""
    product = wire.Product(1, "person", tuple(stub.PRODUCTS["person"]["terms"]))
    order = ordered(not_after=validity.not_before + timedelta(days=days))
    assert wire.term_of(product, order) == term


def test_what_sectigo_cannot_be_asked_for_is_refused_before_it_is_ordered(
    sectigo, ordered, content, validity
):
    asked = [
        replace(ordered(), content=replace(content, subject_alt_names=())),
        replace(ordered(), content=replace(content, subject=(("commonName", "Jane"),))),
        ordered(not_after=validity.not_before + timedelta(days=1)),
    ]
    for order, word in zip(asked, ("e-mail address", "givenName", "a day longer"), strict=True):
        answer = sectigo.make().issue(order)
        assert isinstance(answer, Refused)
        assert word in answer.detail


def test_a_mandatory_field_that_is_missing_is_refused_with_its_name(sectigo, ordered):
    answer = sectigo.make(custom_fields={}).issue(ordered())
    assert isinstance(answer, Refused)
    assert stub.FIELD in answer.detail


def test_one_certificate_of_a_person_is_revoked_and_the_others_stay(sectigo, ordered):
    connector = sectigo.make()
    first, second = (decided(connector, ordered()) for _each in range(2))
    reason = RevocationReason.PRIVILEGE_WITHDRAWN  # which SCM has no code for
    assert connector.revoke(first.certificate, reason) == RevocationOutcome.REVOKED
    assert connector.revoke(second.certificate, reason) == RevocationOutcome.REVOKED


def test_the_call_that_revokes_everything_of_a_person_is_never_made(sectigo, ordered, monkeypatch):
    called, call = [], Http.call

    def noted(http, method, path, **more):
        called.append((method, path))
        return call(http, method, path, **more)

    monkeypatch.setattr(Http, "call", noted)
    connector, order = sectigo.make(), ordered()
    certificate = decided(connector, order).certificate
    for reason in RevocationReason:
        connector.revoke(certificate, reason)
    revoked = [path for _method, path in called if "revoke" in path]
    serial = x509.load_der_x509_certificate(certificate).serial_number
    assert revoked == [f"/smime/v1/revoke/serial/{wire.serial_words(serial)}"]


def test_a_certificate_of_another_ca_is_not_revoked(sectigo, ejbca, ordered):
    foreign_one = ejbca.make().chain()[0]
    with pytest.raises(CaError) as fault:
        sectigo.make().revoke(foreign_one, RevocationReason.SUPERSEDED)
    assert fault.value.permanent


def test_an_internal_error_leaves_doubt(sectigo, ordered, monkeypatch):
    connector, call = sectigo.make(), Http.call

    def broken(http, method, path, **more):
        found = call(http, method, path, **more)
        return Reply(500, {}, b"", in_doubt=True) if path == wire.ENROLL else found

    monkeypatch.setattr(Http, "call", broken)
    with pytest.raises(InDoubtError):
        connector.issue(ordered())


def test_the_options_say_what_is_wrong_with_them(sectigo):
    for changes, word in (
        ({"url": "http://localhost:1"}, "url"),
        ({"token_url": "http://localhost:1/token"}, "token_url"),
        ({"organization_id": "4711"}, "organization_id"),
        ({"login": "officer"}, "Give either"),
        ({"client_id": ""}, "go together"),
        ({**sectigo_by_password(sectigo), "customer_uri": ""}, "go together"),
        ({"custom_fields": {"cost centre": 7}}, "custom_fields"),
        ({"poll_after": 1}, "poll_after"),
    ):
        with pytest.raises(ValueError, match=word):
            SectigoOptions(**{**sectigo.options, **changes})


CERT_MANAGER = "cert-manager==4.0.0"
PROGRAM = """
import sys
from cert_manager import Client
from cert_manager.smime import SMIME
from cert_manager._helpers import PendingError, RevokedError
url, ca_file, csr, kind = sys.argv[1:]
by = {
    "oauth": {"client_id": %(CLIENT)r, "client_secret": %(SECRET)r, "auth_url": url[:-4] + "/token"},
    "password": {"login_uri": %(CUSTOMER)r, "username": %(LOGIN)r, "password": %(PASSWORD)r},
}
client = Client(base_url=url, **by[kind])
client.session.verify = ca_file
smime = SMIME(client=client)
names = {"first_name": "J\\u00fcrgen", "last_name": "M\\u00fcller-Gro\\u00df"}
address = {"email": "Juergen.Mueller@example.com", "secondary_emails": []}
more = {"term": 364, "org_id": %(ORGANISATION)r, "custom_fields": [{"name": %(FIELD)r, "value": "1"}]}
for product in ("person", "approved"):
    found = smime.enroll(cert_type_name=product, csr=open(csr).read(), **names, **address, **more)
    try:
        print(smime.collect(cert_id=found["backendCertId"]).splitlines()[0])
    except PendingError:
        print("pending")
    if product == "person":
        smime.revoke(cert_id=found["backendCertId"], reason="superseded")
        try:
            smime.collect(cert_id=found["backendCertId"])
        except RevokedError:
            print("revoked")
"""


@pytest.mark.parametrize("kind", [pytest.param("oauth", marks=pytest.mark.nightly), "password"])
def test_the_client_of_others_takes_the_stub_for_sectigo(sectigo, ordered, tmp_path, kind):
    order = ordered()
    csr = tmp_path / "csr.pem"
    csr.write_text(order.csr_pem, encoding="ascii")
    ca_file = str(sectigo.options["ca_file"])
    said = foreign.run(
        foreign.python_with(CERT_MANAGER),
        PROGRAM % vars(stub),
        *(sectigo.options["url"], ca_file, str(csr), kind),
        env={"REQUESTS_CA_BUNDLE": ca_file},
    )
    assert said == ["-----BEGIN PKCS7-----", "revoked", "pending"]
