"""What is peculiar to HARICA: a CSV file, a ZIP archive, and no search; and that the stub is like it."""

import io
import zipfile
from dataclasses import replace

import pytest
import requests
from cryptography import x509

from ca_bridge import issuing
from ca_bridge.connection.http import Http
from ca_bridge.connection.reply import Reply
from ca_bridge.connectors.harica import wire
from ca_bridge.connectors.harica.options import HaricaOptions
from ca_bridge.contract import Issued, Refused
from ca_bridge.errors import CaError, InDoubtError
from ca_bridge.models import CaOrder
from ca_bridge.x509 import verification
from tests.ca_bridge.connectors.servers import harica_stub as stub
from tests.ca_bridge.connectors.servers.stubs import tell

pytestmark = pytest.mark.long

HARICA = "ca_bridge.connectors.harica.connector.HaricaConnector"


@pytest.fixture
def of_a_person(ordered):
    return ordered(ca_profile="natural_legal_lcp")


def test_a_person_is_named_in_the_row(harica, of_a_person):
    connector = harica.make()
    answer = connector.issue(of_a_person)
    assert isinstance(answer, Issued), answer
    assert verification.faults(of_a_person, answer, connector.chain()) == ()


def test_the_row_carries_no_password_and_the_number_of_the_order(harica, ordered):
    """With a PickupPassword HARICA would make the key."""
    order = ordered()
    body, kind = wire.request_of(order, harica.make().options)
    assert kind.startswith("multipart/form-data; boundary=")
    header, row = body.decode().split("text/csv\r\n\r\n")[1].split("\n", 1)
    assert header.split(",") == stub.COLUMNS
    assert row.startswith(f"{order.idempotency_key},Juergen.Mueller@example.com,,,,,,email_only,")


def test_what_harica_cannot_be_asked_for_is_refused_before_it_is_asked(harica, ordered, content):
    nameless = replace(content, subject=(("commonName", "Jane"),))
    without = replace(content, subject_alt_names=())
    several = replace(content, subject_alt_names=tuple(("email", f"p{n}@example.com") for n in range(4)))
    connector = harica.make(url="https://localhost:1")  # nobody listens there
    asked = [
        replace(ordered(), content=without),
        replace(ordered(), content=several),
        replace(ordered(ca_profile="natural_legal_lcp"), content=nameless),
        ordered(ca_profile="person"),
    ]
    for order, word in zip(asked, ("one to 3", "one to 3", "givenName", "no person"), strict=True):
        answer = connector.issue(order)
        assert isinstance(answer, Refused)
        assert word in answer.detail


@pytest.mark.parametrize(
    ("twist", "fault"),
    [
        ("other-key", "the public key is not the one of the request"),
        ("other-name", "the subject is CN=Somebody Else"),
        ("other-address", "the subject alternative names are not as ordered"),
        ("longer", "longer than ordered"),
    ],
)
def test_what_comes_back_is_compared_with_what_was_ordered(harica, ordered, twist, fault):
    connector, order = harica.make(), ordered()
    tell(harica, stub, f"/next/{twist}")
    answer = connector.issue(order)
    assert isinstance(answer, Issued)
    assert any(fault in each for each in verification.faults(order, answer, connector.chain()))


def test_an_error_in_json_is_a_refusal_whatever_its_status(harica, ordered):
    tell(harica, stub, "/next/json")
    answer = harica.make().issue(ordered())
    assert isinstance(answer, Refused)
    assert "The domain is not validated." in answer.detail


def test_an_internal_error_leaves_doubt(harica, ordered):
    tell(harica, stub, "/next/error")
    with pytest.raises(InDoubtError):
        harica.make().issue(ordered())


def archive(files: dict[str, bytes]) -> bytes:
    octets = io.BytesIO()
    with zipfile.ZipFile(octets, "w") as found:
        for name, content in files.items():
            found.writestr(name, content)
    return octets.getvalue()


@pytest.mark.parametrize("body", [b"PK", b"PK\x05\x06", archive({}), archive({"1.x.p7b": b"not a bundle"})])
def test_an_archive_without_a_certificate_leaves_doubt(harica, ordered, monkeypatch, body):
    monkeypatch.setattr(Http, "call", lambda *_args, **_more: Reply(200, {}, body, in_doubt=True))
    with pytest.raises(InDoubtError):
        harica.make().issue(ordered())


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_what_passes_is_tried_again(harica, ordered, monkeypatch, status):
    monkeypatch.setattr(Http, "call", lambda *_args, **_more: Reply(status, {}, b"{}", in_doubt=True))
    with pytest.raises(CaError) as fault:
        harica.make().issue(ordered())
    assert not fault.value.permanent


@pytest.mark.django_db
def test_a_lost_answer_waits_for_an_officer(harica, prepared, settings, monkeypatch):
    """HARICA has no search by an API key, so nothing is ordered twice."""
    settings.CA_CONNECTORS = {"harica": {"CONNECTOR": HARICA, "OPTIONS": harica.options}}
    order, calls = prepared(ca="harica", ca_profile="email_only"), []

    def lost(_http, *_args, **_more):
        calls.append(1)
        raise InDoubtError("gone")

    monkeypatch.setattr(Http, "call", lost)
    for _each in range(2):
        issuing.record(order.pk, issuing.ask(order.pk))
    assert len(calls) == 1
    order.refresh_from_db()
    assert (order.state, order.parked_at is None) == (CaOrder.State.UNKNOWN, False)


def test_an_organisation_that_is_not_ours_is_told_with_those_that_are(harica):
    health = harica.make(organization_id="another").health()
    assert not health.ok
    assert f"{stub.ORGANISATION} (Example Corporation)" in health.detail


def test_the_options_say_what_is_wrong_with_them(harica):
    for changes in ({"url": "http://localhost:1"}, {"organization_id": "a b"}, {"api_key_file": "/nowhere"}):
        with pytest.raises(ValueError, match=next(iter(changes))):
            HaricaOptions(**{**harica.options, **changes})


def test_the_stub_takes_the_request_of_a_client_of_others(harica, of_a_person):
    """The shape in which hm-edu/harica (Go) sends an order by API key, built by another library."""
    row = ["Jane Doe", *wire._addresses(of_a_person), "", "", *("Jürgen", "Müller-Groß", "")]
    table = ",".join(stub.COLUMNS) + "\n" + ",".join([*row, "natural_legal_lcp", f'"{of_a_person.csr_pem}"'])
    reply = requests.post(
        f"{harica.options['url']}{wire.ORDER}",
        headers={"X-API-Key": stub.KEY},
        data={"Value": stub.ORGANISATION},
        files={"File": ("bulk.csv", table + "\n", "text/csv")},
        verify=harica.options["ca_file"],
        timeout=10,
    )
    assert reply.status_code == 200, reply.text
    with zipfile.ZipFile(io.BytesIO(reply.content)) as found:
        assert found.namelist() == ["1.Jane Doe.p7b"]
    ours = wire.certificates_of(Reply(200, {}, reply.content, in_doubt=False))
    assert x509.load_der_x509_csr(of_a_person.csr).public_key() in [each.public_key() for each in ours]
